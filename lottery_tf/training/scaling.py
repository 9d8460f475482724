"""Scales bytes to a network's inputs: divides them by 255, unless the data set or the model needs something else.

One rule is used everywhere: in experiments, learned masks, `MaskedModel.fit` and the landscape.

1. If the data set has a divisor, it is used (`Dataset(..., divide_by=...)`).
2. Otherwise bytes are divided by 255, unless the model starts with a `Rescaling` layer of its own or takes whole
   numbers (an `Embedding` of token ids). Such models get the bytes unchanged.
3. If the model does not show what it needs (it starts with a `Lambda`, for example), an error asks the user.

Values of other types are not changed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lottery_tf.errors import InputError
from lottery_tf.masking.sublayers import all_layers
from lottery_tf.splits import Arrays, leaves, map_arrays
from lottery_tf.training.model_inputs import graph, input_tensors

BYTES = 255  # the largest byte, and the divisor of images of bytes

# Names of layers and functions of `keras.ops` that pass values on unchanged; the operation after them decides.
PASSES_ON = frozenset(
    "InputLayer Identity Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D Masking Activation "
    "Flatten Reshape Permute RepeatVector Transpose ExpandDims Squeeze GetItem Cast Flip Pad Stack Concatenate "
    "Cropping1D Cropping2D Cropping3D ZeroPadding1D ZeroPadding2D ZeroPadding3D Resizing CenterCrop RandomCrop "
    "UpSampling1D UpSampling2D UpSampling3D RandomFlip RandomRotation RandomTranslation RandomZoom RandomShear "
    "MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D AveragePooling3D "
    "GlobalAveragePooling1D GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D".split()
)
ARITHMETIC = ("Multiply", "Divide", "TrueDivide", "Add", "Subtract")  # with a constant they rescale
WHOLE_NUMBERS = (
    keras.layers.Embedding,
    keras.layers.CategoryEncoding,
    keras.layers.Hashing,
    keras.layers.IntegerLookup,
    keras.layers.StringLookup,
    keras.layers.TextVectorization,
)

RAW, WHOLE, PIXELS, UNKNOWN = "rescales", "takes whole numbers", "takes pixels", "unknown"


class Scaling:
    """Converts examples in memory to a network's inputs.

    Args:
      model: the network, or a model around it with an attribute `network`.
      inputs: the examples: an array, or a dictionary or tuple of arrays, one for each input of the model.
      divide_by: the divisor of the data set, if it has one. It applies to an input of any type; if there are several
        inputs, only to those of bytes.

    Attributes:
      divisors: the divisor of each input, in the order of the model's inputs; 1: the input is not divided.

    Raises:
      InputError: the model takes whole numbers and they would be divided, or it is not clear whether bytes must be.

    >>> layers = [keras.layers.Flatten(), keras.layers.Dense(2)]
    >>> images = np.zeros((5, 4, 4, 1), np.uint8)
    >>> Scaling(keras.Sequential([keras.Input((4, 4, 1)), *layers]), images).divisors
    [255]
    >>> Scaling(keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Rescaling(1 / 255), *layers]), images).divisors
    [1]
    """

    def __init__(self, model: keras.Model, inputs: Arrays, divide_by: float | None = None):
        model = getattr(model, "network", model)
        arrays = leaves(inputs)
        tensors = input_tensors(model, inputs) or [None] * len(arrays)
        self._kinds = [_kind(model, tensor, len(array.shape)) for tensor, array in zip(tensors, arrays, strict=True)]
        self.divisors = [
            _divisor(model, kind, is_bytes(array), divide_by, len(arrays) > 1)
            for kind, array in zip(self._kinds, arrays, strict=True)
        ]

    def __call__(self, inputs):
        """Returns the network's inputs of some examples, in TensorFlow."""
        numbered = iter(zip(self.divisors, self._kinds, strict=True))
        return map_arrays(lambda values: _scaled(values, *next(numbered)), inputs)

    def __str__(self):
        """Describes the scaling in words."""
        done = {"as they are" if divisor == 1 else f"divided by {divisor:g}" for divisor in self.divisors}
        return " and ".join(sorted(done))


def is_bytes(values: Any) -> bool:
    """Whether an array or tensor holds unsigned bytes, as images do."""
    return getattr(values.dtype, "name", values.dtype) == "uint8"


def _divisor(model: keras.Model, kind: str, in_bytes: bool, said: float | None, several: bool) -> float:
    if said is not None and (in_bytes or not several):
        if kind == WHOLE and said != 1:
            raise InputError(
                f"The model {model.name!r} takes whole numbers, which the data set divides by {said:g}; make it with "
                "divide_by=1."
            )
        return said
    if not in_bytes or kind in (RAW, WHOLE):
        return 1
    if kind == UNKNOWN:
        raise InputError(
            f"The inputs are bytes, and the first layer of the model {model.name!r} does not tell whether it expects "
            "them as they are or divided by 255. Say so: Dataset(..., divide_by=1) or Dataset(..., divide_by=255); for "
            "a MaskedModel, MaskedModel(..., divide_by=...)."
        )
    return BYTES


def _scaled(values, divisor: float, kind: str):
    if not (values.dtype.is_floating or values.dtype.is_integer or values.dtype.is_bool):
        return values  # strings, for a layer that looks them up
    if divisor == 1 and kind == WHOLE:
        return values if values.dtype.is_floating else tf.cast(values, tf.int64 if values.dtype.size > 4 else tf.int32)
    values = tf.cast(values, tf.float32)
    return values if divisor == 1 else values / divisor


def _kind(model: keras.Model, tensor: Any, rank: int) -> str:
    """The kind of an input, a symbolic tensor, by a model's first operations: `RAW`, `WHOLE`, `PIXELS` or `UNKNOWN`."""
    if tensor is None:  # a subclassed model shows its layers, but not their inputs
        kinds = {_kind_of(layer, 1) for layer in all_layers(model)[1:]}
        kinds -= {WHOLE} if rank > 2 else set()  # an Embedding of positions, as in transformers of images
    elif keras.backend.is_int_dtype(tensor.dtype):
        return WHOLE
    else:
        kinds = {_kind_of(*found) for found in _first_operations(graph(model), tensor)}
    return next((kind for kind in (WHOLE, RAW, UNKNOWN) if kind in kinds), PIXELS)


def _kind_of(operation: keras.Operation, tensors: int) -> str:
    """The kind of an input by the first operation of a model that is more than a change of shape."""
    if isinstance(operation, WHOLE_NUMBERS):
        return WHOLE
    if isinstance(operation, (keras.layers.Rescaling, keras.layers.Discretization)):
        return RAW
    if isinstance(operation, keras.layers.Normalization):
        mean = np.max(np.asarray(0.0 if operation.mean is None else operation.mean))
        return RAW if mean > 1 else PIXELS if mean > 0 else UNKNOWN
    if isinstance(operation, keras.layers.Lambda):
        return UNKNOWN
    return RAW if type(operation).__name__ in ARITHMETIC and tensors == 1 else PIXELS


def _first_operations(functional: keras.Model, tensor: Any) -> Iterator[tuple[keras.Operation, int]]:
    """Yields the operations that first compute with an input, each with the number of its input tensors."""
    nodes = list(itertools.chain.from_iterable(functional._nodes_by_depth.values()))
    pending, seen = [id(tensor)], set()
    while pending:
        tensor_id = pending.pop()
        for node in nodes:
            places = [place for place, each in enumerate(node.input_tensors) if id(each) == tensor_id]
            if not places or id(node) in seen:
                continue
            seen.add(id(node))
            operation = node.operation
            if isinstance(operation, keras.layers.TimeDistributed):
                operation = operation.layer
            inner = graph(operation) if isinstance(operation, keras.Model) else None
            found = [(operation, len(node.input_tensors))]
            if inner is not None:
                inputs = keras.tree.flatten(inner.inputs)
                found = [each for place in places for each in _first_operations(inner, inputs[place])]
            elif type(operation).__name__ in PASSES_ON:
                found = []
            yield from found
            if not found:  # the values pass unchanged: the next operation decides
                pending += map(id, node.output_tensors)
