"""Checks that a model, a data set and training settings fit each other."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import keras
import numpy as np

from lottery_tf.datasets.dataset import Dataset
from lottery_tf.datasets.splits import leaves, map_arrays
from lottery_tf.errors import InputError
from lottery_tf.masking.sublayers import all_layers
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.training.model_inputs import check_input_shapes, graph, inputs_with_arrays


def check_fit(model: keras.Model, dataset: Dataset, settings: TrainingSettings) -> None:
    """Raises InputError if a model cannot be trained on a data set with these settings."""
    if len(dataset.train) < settings.batch_size:
        raise InputError(f"batch_size is {settings.batch_size}, but there are {len(dataset.train)} training images.")
    if settings.augmentation and getattr(dataset.train.images, "ndim", None) != 4:
        raise InputError(
            f"augmentation is {settings.augmentation!r}, which needs images with height, width and channels; these "
            f"have shape {map_arrays(lambda array: array.shape[1:], dataset.train.images)}."
        )
    check_input_shapes(model, dataset)
    _check_rows(model, dataset)
    if stateful := [layer.name for layer in all_layers(model) if getattr(layer, "stateful", False)]:
        raise InputError(
            f"{stateful[0]!r} is stateful: it carries its state from one batch to the next. Experiments draw the "
            "examples of a batch at random, so build it with stateful=False."
        )
    if any(variable.dtype == "bfloat16" for variable in model.variables):
        raise InputError(
            f"The weights of the model {model.name!r} are bfloat16, which files of results cannot hold. Give its "
            "layers the policy 'mixed_bfloat16', or the settings precision='mixed_bfloat16': weights are float32."
        )
    if settings.augmentation and any(labels.ndim > 2 for labels in leaves(dataset.train.labels)):
        raise InputError("augmentation moves images, but not labels: labels for each pixel would no longer match.")
    if (replicas := getattr(model, "distribute_strategy", None)) and replicas.num_replicas_in_sync > 1:
        raise InputError(
            f"The model {model.name!r} was built for {replicas.num_replicas_in_sync} devices. A training runs on "
            "one; build the model outside the strategy, and run several experiments side by side (runs.study)."
        )


@contextlib.contextmanager
def explaining_evaluation(model: keras.Model) -> Iterator[None]:
    """Raises InputError if Keras cannot call a model with `training=False`, although it can train it.

    `RandomCrop`, for example, crops in a training only, so that the layers after it get other shapes.
    """
    try:
        yield
    except ValueError as error:
        _, called, why = str(error).partition("Exception encountered when calling")
        if isinstance(error, InputError) or not called:
            raise
        reason = [line.strip() for line in re.sub("\x1b\\[[0-9]*m", "", why).splitlines() if line.strip()][1:2]
        raise InputError(
            f"The model {model.name!r} cannot be evaluated: {''.join(reason) or why.strip()} Keras's own evaluate "
            "fails likewise: a layer such as RandomCrop computes other shapes with training=False."
        ) from error


def _check_rows(model: keras.Model, dataset: Dataset) -> None:
    """Raises InputError if the data contain a number beyond the rows of an embedding of an input.

    XLA and GPUs would take other rows without an error.
    """
    functional = graph(model)
    nodes = [] if functional is None else [node for depth in functional._nodes_by_depth.values() for node in depth]
    rows = {
        id(node.input_tensors[0]): node.operation
        for node in nodes
        if isinstance(node.operation, keras.layers.Embedding) and len(node.input_tensors) == 1
    }
    for name, split in dataset.splits.items():
        for tensor, numbers in inputs_with_arrays(model, split.images):
            if (layer := rows.get(id(tensor))) is None or not np.size(numbers):
                continue
            lowest, highest = np.min(numbers), np.max(numbers)
            if lowest < 0 or highest >= layer.input_dim:
                raise InputError(
                    f"The {name} data have the number {lowest if lowest < 0 else highest}; {layer.name!r} has rows "
                    f"for 0 to {layer.input_dim - 1}."
                )
