"""Scales bytes to a network's inputs: divides them by 255, unless the data set or the model needs something else.

One rule is used everywhere: in experiments, learned masks, `MaskedModel.fit` and the landscape.

1. If the data set has a divisor, it is used (`Dataset(..., divide_by=...)`).
2. Otherwise the model's first layers must show what it takes (`input_kinds`). Bytes are divided by 255 if only layers
   of Keras that keep the range of values come before the first layer with kernels. If the model rescales them or takes
   whole numbers (token ids), it gets them unchanged.
3. If a user-defined class, a `Lambda` or another unknown layer comes first, an error asks the user.

Values of other types are not changed.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from lottery_tf.datasets.splits import Arrays, leaves, map_arrays
from lottery_tf.errors import InputError
from lottery_tf.training.input_kinds import BYTES, LOOKS_UP, PIXELS, RAW, WHOLE_NUMBERS, InputEvidence, input_evidence
from lottery_tf.training.model_inputs import input_tensors
from lottery_tf.training.sampled_model import network_of

LARGEST_BYTE = 255  # the divisor of images of bytes


class Scaling:
    """Converts examples in memory to a network's inputs.

    Args:
      model: the network, or a `SampledModel` around it.
      inputs: the examples: an array, or a dictionary or tuple of arrays, one for each input of the model.
      divide_by: the divisor of the data set, if it has one. It applies to an input of any type; if there are several
        inputs, only to those of bytes.

    Attributes:
      divisors: the divisor of each input, in the order of the model's inputs; 1: the input is not divided.

    Raises:
      InputError: the model takes whole numbers and they would be divided, or it is not certain whether bytes must be.

    >>> import numpy as np
    >>> layers = [keras.layers.Flatten(), keras.layers.Dense(2)]
    >>> images = np.zeros((5, 4, 4, 1), np.uint8)
    >>> Scaling(keras.Sequential([keras.Input((4, 4, 1)), *layers]), images).divisors
    [255]
    >>> Scaling(keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Rescaling(1 / 255), *layers]), images).divisors
    [1]
    """

    def __init__(self, model: keras.Model, inputs: Arrays, divide_by: float | None = None):
        model = network_of(model)
        arrays = leaves(inputs)
        tensors = input_tensors(model, inputs) or [None] * len(arrays)
        evidence = [
            input_evidence(model, tensor, len(array.shape)) for tensor, array in zip(tensors, arrays, strict=True)
        ]
        self._whole = [any(each.kind in (WHOLE_NUMBERS, LOOKS_UP) for each in found) for found in evidence]
        self.divisors = [
            _divisor(model, found, is_bytes(array), divide_by, len(arrays) > 1)
            for found, array in zip(evidence, arrays, strict=True)
        ]

    def __call__(self, inputs):
        """Returns the network's inputs of some examples, in TensorFlow."""
        numbered = iter(zip(self.divisors, self._whole, strict=True))
        return map_arrays(lambda values: _scaled(values, *next(numbered)), inputs)

    def __str__(self):
        """Describes the scaling in words."""
        done = {"as they are" if divisor == 1 else f"divided by {divisor:g}" for divisor in self.divisors}
        return " and ".join(sorted(done))


def is_bytes(values: Any) -> bool:
    """Returns whether an array or tensor holds unsigned bytes, as images do."""
    return getattr(values.dtype, "name", values.dtype) == "uint8"


def _divisor(
    model: keras.Model, found: list[InputEvidence], in_bytes: bool, chosen: float | None, several: bool
) -> float:
    """Returns the number by which inputs are divided; raises InputError if the model does not show it."""
    kinds = {each.kind for each in found}
    if chosen is not None and (in_bytes or not several):
        if WHOLE_NUMBERS in kinds and chosen != 1:
            raise InputError(
                f"The model {model.name!r} takes whole numbers, which the data set divides by {chosen:g}; make it with "
                "divide_by=1."
            )
        return chosen
    if not in_bytes or kinds & {RAW, WHOLE_NUMBERS}:
        return 1
    if doubtful := [each for each in found if each.kind != PIXELS]:
        first = doubtful[0]
        then = " and no layer after it rescales them" if first.kind == BYTES else ""
        raise InputError(
            f"The inputs are bytes, and it is not certain whether the model {model.name!r} needs them as they are or "
            f"divided by 255: {first.layer!r} {first.kind}{then}. Say so: Dataset(..., divide_by=1) or Dataset(..., "
            "divide_by=255); for a MaskedModel, MaskedModel(..., divide_by=...)."
        )
    return LARGEST_BYTE


def _scaled(values, divisor: float, whole: bool):
    if not (values.dtype.is_floating or values.dtype.is_integer or values.dtype.is_bool):
        return values  # strings, for a layer that looks them up
    if divisor == 1 and whole:
        return values if values.dtype.is_floating else tf.cast(values, tf.int64 if values.dtype.size > 4 else tf.int32)
    values = tf.cast(values, tf.float32)
    return values if divisor == 1 else values / divisor
