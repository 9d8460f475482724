"""Checks that a model, a data set and training settings fit each other."""

from __future__ import annotations

import keras

from lottery_tf.datasets.dataset import Dataset
from lottery_tf.datasets.splits import leaves, map_arrays
from lottery_tf.errors import InputError
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.training.model_inputs import check_shapes


def check_fit(model: keras.Model, dataset: Dataset, settings: TrainingSettings) -> None:
    """Raises InputError if a model cannot be trained on a data set with these settings."""
    if len(dataset.train) < settings.batch_size:
        raise InputError(f"batch_size is {settings.batch_size}, but there are {len(dataset.train)} training images.")
    if settings.augmentation and getattr(dataset.train.images, "ndim", None) != 4:
        raise InputError(
            f"augmentation is {settings.augmentation!r}, which needs images with height, width and channels; these "
            f"have shape {map_arrays(lambda array: array.shape[1:], dataset.train.images)}."
        )
    check_shapes(model, dataset)
    if any(variable.dtype == "bfloat16" for variable in model.variables):
        raise InputError(
            f"The weights of the model {model.name!r} are bfloat16, which files of results cannot hold. Give its "
            "layers the policy 'mixed_bfloat16', or the settings precision='mixed_bfloat16': weights are float32."
        )
    if settings.augmentation and any(labels.ndim > 2 for labels in leaves(dataset.train.labels)):
        raise InputError("augmentation moves the images, and not their labels: labels a pixel would no longer fit.")
    if (replicas := getattr(model, "distribute_strategy", None)) and replicas.num_replicas_in_sync > 1:
        raise InputError(
            f"The model {model.name!r} was built for {replicas.num_replicas_in_sync} devices. A training runs on "
            "one; build the model outside the strategy, and run several experiments side by side (runs.study)."
        )
