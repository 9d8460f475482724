"""Assigns arrays to the inputs of a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from lottery_tf.datasets.dataset import Dataset
from lottery_tf.datasets.splits import Arrays, leaves
from lottery_tf.errors import InputError
from lottery_tf.training.sampled_model import network_of


def graph(model: keras.Model) -> keras.Model | None:
    """Returns a model, or the network in it, as a functional model; None if it is not functional."""
    model = network_of(model)
    model = getattr(model, "_functional", None) or model
    return model if hasattr(model, "_nodes_by_depth") else None


def input_tensors(model: keras.Model, inputs: Arrays) -> list[Any] | None:
    """Returns the symbolic input of a model for each array, in the order of `splits.leaves`.

    As in Keras, a dictionary names inputs, and a tuple has them in the model's order. The value is None for a model
    that does not show its inputs.

    Raises:
      InputError: there is not one array for each input.
    """
    functional = graph(model)
    if functional is None:
        return None
    struct = functional._inputs_struct
    if isinstance(inputs, dict):
        named = struct if isinstance(struct, dict) else {each.name: each for each in keras.tree.flatten(struct)}
        if different := named.keys() ^ inputs.keys():
            raise InputError(
                f"The inputs of the model {functional.name!r} are {', '.join(map(repr, named))}; missing or unknown: "
                f"{', '.join(sorted(map(repr, different)))}."
            )
        return leaves({name: named[name] for name in inputs})
    found = keras.tree.flatten(struct)
    if len(found) != len(leaves(inputs)):
        raise InputError(
            f"The model {functional.name!r} has {len(found)} inputs, and the data have {len(leaves(inputs))}."
        )
    return found


def inputs_with_arrays(model: keras.Model, inputs: Arrays) -> Iterator[tuple[Any, Any]]:
    """Yields each symbolic input of a model with its array; nothing for a model that does not show its inputs."""
    if (tensors := input_tensors(model, inputs)) is not None:
        yield from zip(tensors, leaves(inputs), strict=True)


def check_input_shapes(model: keras.Model, dataset: Dataset) -> None:
    """Raises InputError if the model cannot take the shape of the images."""
    for name, split in dataset.splits.items():
        for tensor, images in inputs_with_arrays(model, split.images):
            if not _fits(images.shape[1:], tensor.shape[1:]):
                raise InputError(
                    f"The {name} images have shape {images.shape[1:]}; the model {model.name!r} takes "
                    f"{tensor.shape[1:]}."
                )


def output_shapes(model: keras.Model, inputs: Arrays) -> Any:
    """Returns the shape of a model's output, with the batch size first; a structure of shapes for several outputs.

    The inputs are a few examples as the network sees them, for a model that does not show its outputs.
    """
    functional = graph(model)
    outputs = functional._outputs_struct if functional else network_of(model)(inputs, training=False)
    return keras.tree.map_structure(lambda output: (None, *output.shape[1:]), outputs)


def _fits(images: tuple[int, ...], taken: tuple[int | None, ...]) -> bool:
    """Returns whether images have the shape that a model takes; None stands for any size."""
    return len(images) == len(taken) and all(wanted in (size, None) for size, wanted in zip(images, taken, strict=True))
