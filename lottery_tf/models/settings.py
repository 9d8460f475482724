"""The settings of an experiment: data sets, optimizers, schedules, training and pruning."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from lottery_tf.argument_checks.annotation_checks import check_fields
from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import COUNT, FRACTION, POSITIVE, PRUNED_FRACTION, Name
from lottery_tf.errors import InputError
from lottery_tf.models.table_s1 import NETWORKS, NetworkSettings
from lottery_tf.old_names import old_property
from lottery_tf.registry import choose


@dataclasses.dataclass(frozen=True)
class DatasetSettings:
    """A data set that commands can use.

    Attributes:
      train: number of images of the training split, including the validation images.
      validation: number of training images that are held out for validation.
      test: number of images of the test split.
      image_shape: height, width, channels; None if the images are resized for the network.
      schedule: the default schedule.
      classes: number of classes.
      standardized: the data set in tensorflow-datasets whose images are standardized; None: the images are bytes, as in
        the paper.
    """

    train: int
    validation: int
    test: int
    image_shape: tuple[int, int, int] | None
    schedule: str = "paper"
    classes: int = 10
    standardized: str | None = None


DATASETS: dict[str, DatasetSettings] = {
    "digits": DatasetSettings(1500, 300, 297, None, schedule="1000"),
    "mnist": DatasetSettings(60_000, 5_000, 10_000, (28, 28, 1)),
    "fashion_mnist": DatasetSettings(60_000, 5_000, 10_000, (28, 28, 1)),
    "cifar10": DatasetSettings(50_000, 5_000, 10_000, (32, 32, 3)),
    "cifar10_standardized": DatasetSettings(50_000, 5_000, 10_000, (32, 32, 3), standardized="cifar10"),
}


OPTIMIZERS = {  # name -> Keras class and its arguments besides the learning rate
    # 1e-8 is the default of TensorFlow 1, which the paper's experiments used; the default of Keras is 1e-7.
    "adam": ("Adam", {"epsilon": 1e-8}),
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
}


AUGMENTATIONS = {  # name of a function in `training.augmentation` -> random change of each image, drawn in every epoch
    "flip_and_crop": "random horizontal flip, then padding with 4 black pixels and a random crop to the original size",
}


PRECISIONS = {  # name of Keras's dtype policy -> the arithmetic of the forward and backward pass
    "float32": "single precision throughout, as in the paper",
    "mixed_bfloat16": "bfloat16, about twice as fast for convolutions on processors that support it",
    "mixed_float16": "float16 with a scaled loss, for GPUs",
}


DECAYS = {  # name -> decay of the learning rate after warmup
    "none": "no decay except for drops",
    "cosine": "to 0 at the last iteration",
}


SCHEDULES = {"paper": 1, "half": 2, "quarter": 4, "tenth": 10}  # name -> divisor of the paper's iterations


@dataclasses.dataclass(frozen=True)
class TrainingSettings:
    """The settings with which a network is trained.

    Attributes:
      iterations: number of training steps; training always runs to its end.
      learning_rate: learning rate of the optimizer.
      optimizer: the optimizer, a name in `OPTIMIZERS`.
      batch_size: number of images in each training step; the last partial batch of an epoch is dropped.
      eval_interval: iterations between two readings of the validation loss.
      learning_rate_drops: iterations at which the learning rate is divided by 10, if any.
      warmup_iterations: number of iterations of warmup, if any, in which the learning rate rises linearly from 0.
      weight_decay: factor of weight decay, if any. Half the sum of the squares of all kept kernel weights, times this,
        is added to the loss; biases and batch norm do not decay.
      augmentation: random changes of training images, if any: a name in `AUGMENTATIONS`.
      precision: the arithmetic of the forward and backward pass, a name in `PRECISIONS`. Weights, the optimizer's
        state, the output layer and the loss are always float32.
      decay: decay of the learning rate, a name in `DECAYS`.

    Raises:
      InputError: a value is invalid.
    """

    iterations: Annotated[int, COUNT]
    learning_rate: Annotated[float, POSITIVE] = 1e-3
    optimizer: str = "adam"
    batch_size: Annotated[int, COUNT] = 60
    eval_interval: Annotated[int, COUNT] = 100
    # None and not 0: older results folders lack these settings, and what is missing is read as None.
    learning_rate_drops: tuple[Annotated[int, COUNT], ...] | None = None
    warmup_iterations: Annotated[int, COUNT] | None = None
    weight_decay: Annotated[float, POSITIVE] | None = None
    augmentation: str | None = None
    precision: str = "float32"
    decay: str = "none"

    def __post_init__(self):
        for name in ("optimizer", "learning_rate"):
            if hasattr(getattr(self, name), "get_config"):
                raise InputError(
                    f"{name} is a {type(getattr(self, name)).__name__}; settings hold names and numbers. Give "
                    "optimizers and schedules of Keras to Experiment, MaskLearner or Trainer: "
                    "optimizer=keras.optimizers.AdamW(...)."
                )
        check_fields(self)
        choose(OPTIMIZERS, self.optimizer, "optimizer")
        if self.augmentation is not None:
            choose(AUGMENTATIONS, self.augmentation, "augmentation")
        choose(PRECISIONS, self.precision, "precision")
        choose(DECAYS, self.decay, "decay of the learning rate")

    @property
    def learning_rate_changes(self) -> bool:
        """Whether the learning rate changes during training."""
        return bool(self.learning_rate_drops or self.warmup_iterations or self.decay != "none")


# Settings that an old results folder may lack in its record, and the value that it used.
SETTINGS_ADDED_LATER = {"training.precision": "float32", "training.decay": "none"}


@dataclasses.dataclass(frozen=True)
class PruningSettings:
    """The fraction of a layer's unmasked weights that each round prunes, at least 0 and below 1.

    Attributes:
      conv: fraction of a convolution's unmasked weights that each round prunes; 0 does not prune convolutions.
      dense: fraction of a hidden dense layer's unmasked weights that each round prunes; 0 does not prune these layers.
      output: fraction of the output layer's unmasked weights that each round prunes; 0 does not prune this layer.
      downsample: fraction for convolutions on a shortcut, if it differs from that of other convolutions.
    """

    conv: float = 0.1
    dense: float = 0.2
    output: float = 0.1
    downsample: float | None = None

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if (value := getattr(self, field.name)) is not None or field.default is not None:
                PRUNED_FRACTION(f"{field.name}_pruned_fraction", value)


@dataclasses.dataclass(frozen=True)
class ExperimentSettings:
    """The settings that all levels of one results folder share.

    Attributes:
      network: the network, a name in `NETWORKS`.
      dataset: the data set, a name in `DATASETS`.
      schedule: length of each training: a name in `SCHEDULES` (fractions of the paper's iterations) or a number of
        iterations.
      training: the settings of each training.
      pruning: how much each round prunes.
      dropout: dropout rate of each hidden dense layer; None: no dropout. With dropout, conv2, conv4 and conv6 train
        three times as long, with Frankle & Carbin's learning rates.

    Raises:
      InputError: the network cannot have dropout, or the rate is outside (0, 1).
    """

    network: str
    dataset: str
    schedule: str
    training: TrainingSettings
    pruning: PruningSettings
    dropout: float | None = None

    def __post_init__(self):
        check_fields(self)
        if self.dropout is not None:
            FRACTION("dropout", self.dropout)
            if len(NETWORKS[self.network].dense) < 2:
                raise InputError(f"dropout is {self.dropout}, but {self.network!r} has no hidden dense layer.")

    folder = old_property("folder", "results.paths.experiment_folder")


@checked
def experiment_settings(
    network: Name = "fc",
    dataset: Name = "digits",
    schedule: Name | int | None = None,
    **changes: Any,
) -> ExperimentSettings:
    """Returns the settings of Table S1 for a network, with changes.

    Args:
      network: a name in `NETWORKS`.
      dataset: a name in `DATASETS`.
      schedule: a name in `SCHEDULES` or a number of iterations; None: the data set's default.
      **changes: values of fields of `TrainingSettings` and `NetworkSettings`, such as `eval_interval`, `learning_rate`,
        `conv_pruned_fraction` or `dropout`. None keeps the usual value. 0 or an empty value turns an optional setting
        off. Learning-rate drops and warmup are given in iterations of this schedule; the drops of the table are scaled
        to it.

    Raises:
      InputError: a name is unknown, or a value is invalid.

    >>> experiment_settings("fc", "mnist", "tenth").training.iterations
    5038
    >>> experiment_settings("resnet20", "cifar10", "tenth").training.learning_rate_drops
    (2000, 2500)
    """
    table = choose(NETWORKS, network, "network")
    dataset_schedule = choose(DATASETS, dataset, "data set").schedule
    schedule = str(schedule or dataset_schedule)
    defaults = {field.name: field.default for field in dataclasses.fields(TrainingSettings)}
    for name in changes:
        choose(defaults | NetworkSettings.__dataclass_fields__, name, "setting")
    changes = {
        name: tuple(value) if isinstance(value, list) else value for name, value in changes.items() if value is not None
    }
    table = _with_dropout(table) if changes.get("dropout") else table
    iterations = scheduled_iterations(table.iterations, schedule)
    in_table = {name: value for name, value in changes.items() if hasattr(table, name)}
    table = dataclasses.replace(_shortened(table, iterations), **in_table)
    training = {name: changes.get(name, getattr(table, name, default)) for name, default in defaults.items()}
    training |= {"iterations": iterations} | {
        name: training[name] or None for name in defaults if defaults[name] is None
    }
    return ExperimentSettings(
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
    """Returns the table with the learning rate and iterations for dropout, if it has them."""
    return dataclasses.replace(
        table,
        learning_rate=table.dropout_learning_rate or table.learning_rate,
        iterations=table.dropout_iterations or table.iterations,
    )


def _shortened(table: NetworkSettings, iterations: int) -> NetworkSettings:
    """Returns the table with the drops of its learning rate scaled to another number of iterations."""
    drops = table.learning_rate_drops
    moved = drops and tuple(max(1, drop * iterations // table.iterations) for drop in drops)
    return dataclasses.replace(table, learning_rate_drops=moved)


def scheduled_iterations(paper_iterations: int, schedule: str) -> int:
    """Returns the iterations of a schedule: the number itself, or a fraction of the paper's iterations.

    >>> scheduled_iterations(50_380, "half"), scheduled_iterations(50_380, "600")
    (25190, 600)
    """
    if schedule.removeprefix("-").isdecimal():
        return int(schedule)
    return paper_iterations // choose(SCHEDULES, schedule, "schedule (or give a number of iterations)")
