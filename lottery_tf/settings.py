"""The experimental set-up as data: Table S1, the data sets' sizes, the schedules, and one record of all that a run depends on.

Table S1 in the paper's text has its first row shifted by one column; the weight counts settle which is which. Epochs
are of whole batches (the last partial batch is dropped), as in the authors' code.
"""

from __future__ import annotations

import dataclasses
import math

from lottery_tf.errors import InputError
from lottery_tf.masks import check_fraction
from lottery_tf.names import choose


@dataclasses.dataclass(frozen=True)
class NetworkSettings:
    """One column of Table S1.

    Attributes:
      image_shape: height, width, channels of the images it is meant for.
      conv: channels of the 3x3 convolutions; a 2x2 max pooling follows each pair.
      dense: units of the dense layers, output layer last.
      optimizer: a name in `OPTIMIZERS`.
      learning_rate: of the optimizer.
      iterations: training steps of the paper's schedule.
      conv_pruned_fraction, dense_pruned_fraction, output_pruned_fraction: share of a layer's unmasked weights that a
        round prunes.
      batch_size: images a step.
      mask_learning_rate: of SGD with momentum 0.9 when a Supermask is learned (Section S3).
      mask_iterations: the "iterations" that Section S3 prints for that; the published accuracies took that many epochs.
    """

    image_shape: tuple[int, int, int]
    conv: tuple[int, ...]
    dense: tuple[int, ...]
    learning_rate: float
    iterations: int
    conv_pruned_fraction: float
    dense_pruned_fraction: float = 0.2
    output_pruned_fraction: float = 0.1
    optimizer: str = "adam"
    batch_size: int = 60
    mask_learning_rate: float = 100.0
    mask_iterations: int = 2000


NETWORKS: dict[str, NetworkSettings] = {
    "fc": NetworkSettings((28, 28, 1), (), (300, 100, 10), 1.2e-3, 55 * 916, 0.1),
    "conv2": NetworkSettings((32, 32, 3), (64, 64), (256, 256, 10), 2e-4, 27 * 750, 0.1),
    "conv4": NetworkSettings(
        (32, 32, 3),
        (64, 64, 128, 128),
        (256, 256, 10),
        3e-4,
        34 * 750,
        0.1,
        mask_learning_rate=50.0,
        mask_iterations=1000,
    ),
    "conv6": NetworkSettings(
        (32, 32, 3),
        (64, 64, 128, 128, 256, 256),
        (256, 256, 10),
        3e-4,
        40 * 750,
        0.15,
        mask_learning_rate=20.0,
        mask_iterations=800,
    ),
}


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

SCHEDULES = {"paper": 1, "half": 2, "quarter": 4, "tenth": 10}  # name -> what the paper's iterations are divided by


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """How one network is trained.

    Attributes:
      iterations: training steps; training always runs to its end.
      learning_rate: of the optimizer.
      optimizer: a name in `OPTIMIZERS`.
      batch_size: images a step; the last partial batch of an epoch is dropped.
      eval_interval: iterations between two readings of the validation loss.

    Raises:
      InputError: a value that cannot be.
    """

    iterations: int
    learning_rate: float = 1e-3
    optimizer: str = "adam"
    batch_size: int = 60
    eval_interval: int = 100

    def __post_init__(self):
        for name in ("iterations", "batch_size", "eval_interval"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"learning_rate is {self.learning_rate}; it must be a finite number above 0.")
        choose(OPTIMIZERS, self.optimizer, "optimizer")


@dataclasses.dataclass(frozen=True)
class PruningSettings:
    """The share of its still unmasked weights that each round prunes from a layer, each in (0, 1)."""

    conv: float = 0.1
    dense: float = 0.2
    output: float = 0.1

    def __post_init__(self):
        for field in dataclasses.fields(self):
            check_fraction(f"{field.name}_pruned_fraction", getattr(self, field.name))


@dataclasses.dataclass(frozen=True)
class RunSettings:
    """All that the levels of one results folder have in common.

    Attributes:
      network: a name in `NETWORKS`.
      dataset: a name in `DATASETS`.
      schedule: the name of the folder: a name in `SCHEDULES` or a number of iterations.
      training: how each network is trained.
      pruning: how much each round prunes.
    """

    network: str
    dataset: str
    schedule: str
    training: TrainingSettings
    pruning: PruningSettings

    @property
    def folder(self) -> str:
        """Where the runs lie, relative to the results folder."""
        return f"{self.network}-{self.dataset}/{self.schedule}"


def run_settings(
    network: str = "fc",
    dataset: str = "digits",
    schedule: str | None = None,
    *,
    eval_interval: int = 100,
    **changes: float | str | None,
) -> RunSettings:
    """The settings of Table S1 for a network, with what the user wants otherwise.

    Args:
      network: a name in `NETWORKS`.
      dataset: a name in `DATASETS`.
      schedule: a name in `SCHEDULES` or a number of iterations; None takes the data set's own.
      eval_interval: iterations between two readings of the validation loss.
      **changes: fields of `NetworkSettings` with other values: `learning_rate`, `batch_size`, `optimizer`,
        `conv_pruned_fraction`, ...; None stands for the table's value.

    Raises:
      InputError: an unknown name or a value that cannot be.

    >>> run_settings("fc", "mnist", "tenth").training.iterations
    5038
    """
    table = choose(NETWORKS, network, "network")
    dataset_schedule = choose(DATASETS, dataset, "data set").schedule
    schedule = schedule or dataset_schedule
    table = dataclasses.replace(table, **{name: value for name, value in changes.items() if value is not None})
    return RunSettings(
        network,
        dataset,
        schedule,
        TrainingSettings(
            scheduled_iterations(table.iterations, schedule),
            table.learning_rate,
            table.optimizer,
            table.batch_size,
            eval_interval,
        ),
        PruningSettings(table.conv_pruned_fraction, table.dense_pruned_fraction, table.output_pruned_fraction),
    )


def scheduled_iterations(paper_iterations: int, schedule: str) -> int:
    """The iterations of a schedule: a number as it stands, or a share of the paper's.

    >>> scheduled_iterations(50_380, "half"), scheduled_iterations(50_380, "600")
    (25190, 600)
    """
    if schedule.removeprefix("-").isdecimal():
        return int(schedule)
    return paper_iterations // choose(SCHEDULES, schedule, "schedule (or give a number of iterations)")
