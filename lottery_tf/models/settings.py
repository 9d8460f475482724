"""The settings of a run as data: data sets, optimizers, schedules, training and pruning."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from lottery_tf.errors import InputError
from lottery_tf.models.table_s1 import NETWORKS, NetworkSettings
from lottery_tf.pruning.kept_counts import check_fraction, check_pruned_fraction
from lottery_tf.registry import choose


@dataclasses.dataclass(frozen=True)
class DatasetSettings:
    """A data set that the command lines offer.

    Attributes:
      train: images of the training split, the validation images among them.
      validation: how many training images are held out for validation.
      test: images of the test split.
      image_shape: height, width, channels; None where the images are resized to suit the network.
      schedule: the schedule used where none is asked for.
    """

    train: int
    validation: int
    test: int
    image_shape: tuple[int, int, int] | None
    schedule: str = "paper"
    classes: int = 10


DATASETS: dict[str, DatasetSettings] = {
    "digits": DatasetSettings(1500, 300, 297, None, schedule="1000"),
    "mnist": DatasetSettings(60_000, 5_000, 10_000, (28, 28, 1)),
    "fashion_mnist": DatasetSettings(60_000, 5_000, 10_000, (28, 28, 1)),
    "cifar10": DatasetSettings(50_000, 5_000, 10_000, (32, 32, 3)),
}


OPTIMIZERS = {  # name -> Keras's class and its arguments besides the learning rate
    # 1e-8 is the default of TensorFlow 1, in which the paper's experiments were written; Keras's own is 1e-7.
    "adam": ("Adam", {"epsilon": 1e-8}),
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
}


AUGMENTATION_DESCRIPTIONS = {  # name -> what is done to each training image, drawn anew in every epoch
    "flip_and_crop": "mirrored or not, framed by 4 black pixels and cut to its size at a random place",
}


PRECISIONS = {  # name of Keras's dtype policy -> the arithmetic of the forward and backward pass
    "float32": "single precision throughout, as the paper",
    "mixed_bfloat16": "bfloat16, about twice as fast for convolutions where the processor has it",
    "mixed_float16": "float16 with a scaled loss, for GPUs",
}


DECAYS = {  # name -> how the learning rate falls after warmup
    "none": "it stays, but for drops",
    "cosine": "along half a cosine, to 0 at the last iteration",
}


SCHEDULES = {"paper": 1, "half": 2, "quarter": 4, "tenth": 10}  # name -> what the paper's iterations are divided by


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """How one network is trained.

    Attributes:
      iterations: training steps; training always runs to its end.
      learning_rate: the optimizer's learning rate.
      optimizer: a name in `OPTIMIZERS`.
      batch_size: images a step; the last partial batch of an epoch is dropped.
      eval_interval: iterations between two readings of the validation loss.
      learning_rate_drops: iterations at which the learning rate falls to a tenth; None: it never does.
      warmup_iterations: over how many iterations the learning rate rises from 0, in equal steps; None: no warmup.
      weight_decay: the loss gains this times half the sum of the squares of all kept weights (of kernels; biases and
        batch norm do not decay); None: nothing.
      augmentation: a name in `AUGMENTATION_DESCRIPTIONS`, what is done to each training image; None: nothing.
      precision: a name in `PRECISIONS`, the arithmetic of the forward and backward pass. Weights, the optimizer's
        state, the output layer and the loss are float32 in any case.
      decay: a name in `DECAYS`, how the learning rate falls.

    Raises:
      InputError: a value that cannot be.
    """

    iterations: int
    learning_rate: float = 1e-3
    optimizer: str = "adam"
    batch_size: int = 60
    eval_interval: int = 100
    # None, and not 0, is what results folders made before these existed are found to hold.
    learning_rate_drops: tuple[int, ...] | None = None
    warmup_iterations: int | None = None
    weight_decay: float | None = None
    augmentation: str | None = None
    precision: str = "float32"
    decay: str = "none"

    def __post_init__(self):
        for name in ("iterations", "batch_size", "eval_interval", "warmup_iterations"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        for name in ("learning_rate", "weight_decay"):
            if getattr(self, name) is not None and not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} is {getattr(self, name)}; it must be a finite number above 0.")
        if any(drop < 1 for drop in self.learning_rate_drops or ()):
            raise InputError(f"learning_rate_drops are {self.learning_rate_drops}; each must be at least 1.")
        choose(OPTIMIZERS, self.optimizer, "optimizer")
        if self.augmentation is not None:
            choose(AUGMENTATION_DESCRIPTIONS, self.augmentation, "augmentation")
        choose(PRECISIONS, self.precision, "precision")
        choose(DECAYS, self.decay, "decay of the learning rate")

    @property
    def learning_rate_changes(self) -> bool:
        """Whether the learning rate is another one at other iterations."""
        return bool(self.learning_rate_drops or self.warmup_iterations or self.decay != "none")


# What the record of settings in a results folder lacks because it is older than the setting, and what it was then.
SETTINGS_ADDED_LATER = {"training.precision": "float32", "training.decay": "none"}


@dataclasses.dataclass(frozen=True)
class PruningSettings:
    """The share of its still unmasked weights that each round prunes from a layer: at least 0 and below 1.

    Attributes:
      conv: share of a convolution's unmasked weights that each round prunes; 0 leaves convolutions whole.
      dense: share of a hidden dense layer's unmasked weights that each round prunes; 0 leaves such layers whole.
      output: share of the output layer's unmasked weights that each round prunes; 0 leaves it whole.
      downsample: the same for convolutions on a shortcut; None: as for other convolutions.
    """

    conv: float = 0.1
    dense: float = 0.2
    output: float = 0.1
    downsample: float | None = None

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if (value := getattr(self, field.name)) is not None:
                check_pruned_fraction(f"{field.name}_pruned_fraction", value)


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """All that the levels of one results folder have in common.

    Attributes:
      network: a name in `NETWORKS`.
      dataset: a name in `DATASETS`.
      schedule: length of each training: a name in `SCHEDULES` (shares of the paper's iterations) or a number of
        iterations.
      training: how each network is trained.
      pruning: how much each round prunes.
      dropout: share of the units of each hidden dense layer that a training step leaves out; None: none. The paper's
        schedule of a convolutional network is then three times as long, with Frankle & Carbin's learning rate for it.

    Raises:
      InputError: dropout that the network cannot have, or a share outside (0, 1).
    """

    network: str
    dataset: str
    schedule: str
    training: TrainingSettings
    pruning: PruningSettings
    dropout: float | None = None

    def __post_init__(self):
        if self.dropout is not None:
            check_fraction("dropout", self.dropout)
            if len(NETWORKS[self.network].dense) < 2:
                raise InputError(f"dropout is {self.dropout}, but {self.network!r} has no hidden dense layer for it.")

    @property
    def folder(self) -> str:
        """Where the runs lie, relative to the results folder."""
        half = "" if self.training.precision == "float32" else f"-{self.training.precision}"
        return f"{self.network}-{self.dataset}/{self.schedule}{half}"


def run_settings(
    network: str = "fc",
    dataset: str = "digits",
    schedule: str | None = None,
    **changes: Any,
) -> RunSettings:
    """The settings of Table S1 for a network, with what the user wants otherwise.

    Args:
      network: a name in `NETWORKS`.
      dataset: a name in `DATASETS`.
      schedule: a name in `SCHEDULES` or a number of iterations; None takes the data set's own.
      **changes: other values of what `TrainingSettings` and `NetworkSettings` name: `eval_interval`, `learning_rate`,
        `conv_pruned_fraction`, `dropout`, ...; None stands for the usual value, and 0 or nothing at all for none where
        there may be none. Drops of the learning rate are given in iterations of this schedule, as is warmup; those of
        the table are shortened as it is.

    Raises:
      InputError: an unknown name or a value that cannot be.

    >>> run_settings("fc", "mnist", "tenth").training.iterations
    5038
    >>> run_settings("resnet20", "cifar10", "tenth").training.learning_rate_drops
    (2000, 2500)
    """
    table = choose(NETWORKS, network, "network")
    dataset_schedule = choose(DATASETS, dataset, "data set").schedule
    schedule = schedule or dataset_schedule
    own = {field.name: field.default for field in dataclasses.fields(TrainingSettings)}
    for name in changes:
        choose(own | NetworkSettings.__dataclass_fields__, name, "setting")
    changes = {
        name: tuple(value) if isinstance(value, list) else value for name, value in changes.items() if value is not None
    }
    table = _with_dropout(table) if changes.get("dropout") else table
    iterations = scheduled_iterations(table.iterations, schedule)
    in_table = {name: value for name, value in changes.items() if hasattr(table, name)}
    table = dataclasses.replace(_shortened(table, iterations), **in_table)
    training = {name: changes.get(name, getattr(table, name, default)) for name, default in own.items()}
    training |= {"iterations": iterations} | {name: training[name] or None for name in own if own[name] is None}
    return RunSettings(
        network,
        dataset,
        schedule,
        TrainingSettings(**training),
        PruningSettings(
            table.conv_pruned_fraction,
            table.dense_pruned_fraction,
            table.output_pruned_fraction,
            table.downsample_pruned_fraction,
        ),
        table.dropout or None,
    )


def _with_dropout(table: NetworkSettings) -> NetworkSettings:
    """The table's values for a training with dropout, where it has any."""
    return dataclasses.replace(
        table,
        learning_rate=table.dropout_learning_rate or table.learning_rate,
        iterations=table.dropout_iterations or table.iterations,
    )


def _shortened(table: NetworkSettings, iterations: int) -> NetworkSettings:
    """The table with the drops of its learning rate moved as its iterations are to these."""
    drops = table.learning_rate_drops
    moved = drops and tuple(max(1, drop * iterations // table.iterations) for drop in drops)
    return dataclasses.replace(table, learning_rate_drops=moved)


def scheduled_iterations(paper_iterations: int, schedule: str) -> int:
    """The iterations of a schedule: a number as it stands, or a share of the paper's.

    >>> scheduled_iterations(50_380, "half"), scheduled_iterations(50_380, "600")
    (25190, 600)
    """
    if schedule.removeprefix("-").isdecimal():
        return int(schedule)
    return paper_iterations // choose(SCHEDULES, schedule, "schedule (or give a number of iterations)")
