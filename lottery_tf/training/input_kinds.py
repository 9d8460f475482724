"""Infers from a model's first layers whether it expects whole numbers (token ids), raw bytes or scaled images.

Values are followed from the input through layers of Keras that keep their range, up to the first layer that shows the
kind. A layer that is not in the tables below, a `Lambda`, or a user-defined class may do anything with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
from keras.src.models.functional import Functional

from lottery_tf.masking.containers import plain_class
from lottery_tf.masking.keras_code import is_of_keras
from lottery_tf.masking.kernel_table import KERNELS
from lottery_tf.masking.sublayers import all_layers
from lottery_tf.training.model_inputs import graph

WHOLE_NUMBERS = "takes whole numbers"
RAW = "rescales them"
BYTES = "expects values from 0 to 255"  # but does not rescale them
PIXELS = "takes images as they come"
MIXED = "rescales them, but mixed with other values"
LOOKS_UP = "may look up whole numbers"
UNKNOWN = "may compute anything"

# Names of layers and functions of `keras.ops` that keep the range of values; what comes after them decides.
KEEP_RANGE = frozenset(
    "InputLayer Identity Dropout AlphaDropout GaussianDropout GaussianNoise Masking ActivityRegularization "
    "SpatialDropout1D SpatialDropout2D SpatialDropout3D Activation ReLU LeakyReLU PReLU ELU Relu LeakyRelu Elu "
    "Flatten Reshape Permute RepeatVector Transpose ExpandDims Squeeze GetItem Cast Flip Pad Stack Concatenate Split "
    "Swapaxes Moveaxis Tile Repeat Roll Mean Max Min Resize CropImages PadImages RgbToGrayscale "
    "Add Subtract Multiply Divide TrueDivide Average Maximum Minimum "
    "Cropping1D Cropping2D Cropping3D ZeroPadding1D ZeroPadding2D ZeroPadding3D Resizing CenterCrop RandomCrop "
    "UpSampling1D UpSampling2D UpSampling3D RandomFlip RandomRotation RandomTranslation RandomZoom RandomShear "
    "RandomPerspective RandomGrayscale MaxPooling1D MaxPooling2D MaxPooling3D AveragePooling1D AveragePooling2D "
    "AveragePooling3D GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D "
    "GlobalMaxPooling2D GlobalMaxPooling3D".split()
)
# Names of layers that train on images in any range, beside those with kernels of their own.
TRAIN = frozenset(
    "Attention AdditiveAttention MultiHeadAttention GroupedQueryAttention GroupQueryAttention RNN SimpleRNN GRU LSTM "
    "Bidirectional ConvLSTM1D ConvLSTM2D ConvLSTM3D BatchNormalization LayerNormalization GroupNormalization "
    "RMSNormalization UnitNormalization SpectralNormalization".split()
)
ARITHMETIC = {  # with a constant they rescale
    "Add": np.add,
    "Subtract": np.subtract,
    "Multiply": np.multiply,
    "Divide": np.divide,
    "TrueDivide": np.divide,
}
TAKE_WHOLE_NUMBERS = (
    "Embedding CategoryEncoding Hashing HashedCrossing IntegerLookup StringLookup TextVectorization".split()
)


class InputEvidence(NamedTuple):
    """What shows a model's kind of input.

    Attributes:
      kind: `WHOLE_NUMBERS`, `RAW` (the model rescales bytes itself), `BYTES`, `PIXELS` (bytes must be divided),
        `MIXED`, `LOOKS_UP` or `UNKNOWN`.
      layer: the name of the layer or operation.
    """

    kind: str
    layer: str


def input_evidence(model: keras.Model, tensor: Any, rank: int) -> list[InputEvidence]:
    """Returns the evidence for the kind of one input of a model.

    Args:
      model: a built model.
      tensor: the model's symbolic input; None if it does not show its inputs.
      rank: the number of dimensions of the input.
    """
    if tensor is not None and keras.backend.is_int_dtype(tensor.dtype):
        return [InputEvidence(WHOLE_NUMBERS, model.name)]
    functional = graph(model) if computes_its_graph(model) else None
    if functional is not None and tensor is not None:
        return list(_along_graph(functional, tensor))
    # The order of the layers is not known. An Embedding looks up the input, unless that is an image: then it looks up
    # positions.
    embeds = any(_keras_name(layer) in TAKE_WHOLE_NUMBERS for layer in all_layers(model))
    return [InputEvidence(LOOKS_UP if embeds and rank <= 2 else UNKNOWN, model.name)]


def computes_its_graph(model: keras.Model) -> bool:
    """Returns whether a model's class has no `call` of its own: it only computes its layers in a row or graph."""
    return plain_class(model).call in (keras.Sequential.call, Functional.call)


def _keras_name(operation: keras.Operation) -> str | None:
    """Returns the name of an operation's class without masks, if it is one of Keras's."""
    kind = plain_class(operation) if isinstance(operation, keras.layers.Layer) else type(operation)
    return kind.__name__ if is_of_keras(kind) else None


def _along_graph(functional: keras.Model, tensor: Any) -> Iterator[InputEvidence]:
    """Follows a tensor through a functional model."""
    followed = {id(tensor): False}  # a tensor -> whether it is mixed with others
    for depth in sorted(functional._nodes_by_depth, reverse=True):
        for node in functional._nodes_by_depth[depth]:
            positions = [position for position, each in enumerate(node.input_tensors) if id(each) in followed]
            if not positions or node.is_input:
                continue
            mixed = _mixes(node, positions) or any(followed[id(node.input_tensors[position])] for position in positions)
            found = _of_call(node, positions)
            yield from (InputEvidence(MIXED, each.layer) if mixed and each.kind == RAW else each for each in found)
            if _is_undecided(found):
                followed |= {id(each): mixed for each in node.output_tensors}


def _mixes(node: Any, positions: list[int]) -> bool:
    """Returns whether an operation computes with other tensors as well, which may have any range."""
    return len(positions) < len(node.input_tensors) and _keras_name(node.operation) not in ("Concatenate", "Stack")


def _of_call(node: Any, positions: list[int]) -> list[InputEvidence]:
    """Returns the evidence of one call of an operation, whose tensors at some positions are followed."""
    operation, alone = node.operation, len(node.input_tensors) == 1
    if alone and _keras_name(operation) in ARITHMETIC and not isinstance(operation, keras.layers.Layer):
        return _named(operation, _kind_of_arithmetic(node))
    return _of_model(operation, positions) if isinstance(operation, keras.Model) else _of_layer(operation)


def _of_model(model: keras.Model, positions: Iterable[int] = (0,)) -> list[InputEvidence]:
    """Returns the evidence of a model inside another, whose inputs at some positions are followed."""
    if not computes_its_graph(model):
        return _named(model, UNKNOWN)
    if (inner := graph(model)) is None:
        return _in_row(model.layers)
    inputs = keras.tree.flatten(inner.inputs)
    return [each for position in positions for each in _along_graph(inner, inputs[position])]


def _of_layer(operation: keras.Operation) -> list[InputEvidence]:
    """Returns the evidence of one operation; none if the values keep their range."""
    name = _keras_name(operation)
    if isinstance(operation, keras.Model):
        return _of_model(operation)
    if name == "Pipeline":
        return _in_row(operation.layers)
    if name == "TimeDistributed":
        return _of_layer(operation.layer)
    return _named(operation, _kind(operation, name))


def _in_row(operations: Iterable[keras.Operation]) -> list[InputEvidence]:
    found: list[InputEvidence] = []
    for operation in operations:
        found += _of_layer(operation)
        if not _is_undecided(found):
            break
    return found


def _is_undecided(found: list[InputEvidence]) -> bool:
    """Returns whether later layers can still decide: there is no evidence yet, or only that bytes are expected."""
    return all(each.kind == BYTES for each in found)


def _named(operation: keras.Operation, kind: str | None) -> list[InputEvidence]:
    return [] if kind is None else [InputEvidence(kind, operation.name)]


def _kind(operation: Any, name: str | None) -> str | None:
    """Returns the kind that an operation of one of Keras's classes shows; None if it keeps the range of values."""
    if name in TAKE_WHOLE_NUMBERS:
        return WHOLE_NUMBERS
    if name == "Rescaling":
        return _kind_of_rescaling(operation.scale, operation.offset)
    if name == "Normalization":
        return _kind_of_normalization(operation)
    if name == "Discretization":
        return _kind_of_range(max(operation.bin_boundaries or (0,)))
    if name is not None and hasattr(operation, "value_range"):
        return _kind_of_range(max(operation.value_range))
    if name in KEEP_RANGE:
        activation = getattr(operation, "activation", None)
        return None if activation is None or is_of_keras(activation) else UNKNOWN
    trains = name in TRAIN or (name is not None and plain_class(operation) in KERNELS)
    return PIXELS if trains and all(map(_keras_name, all_layers(operation))) else UNKNOWN


def _kind_of_range(largest: float) -> str:
    return UNKNOWN if not largest > 0 else PIXELS if largest <= 1 else BYTES


def _kind_of_normalization(layer: Any) -> str | None:
    if layer.mean is None or layer.invert or not np.any(np.asarray(layer.mean)):
        return UNKNOWN  # not adapted to any data
    deviation = np.sqrt(np.asarray(layer.variance))
    return _kind_of_rescaling(1 / deviation, -np.asarray(layer.mean) / deviation)


def _kind_of_arithmetic(node: Any) -> str | None:
    """Returns the kind that an operation of a tensor and a constant shows."""
    compute = ARITHMETIC[type(node.operation).__name__]
    arguments = [*node.arguments.args, *node.arguments.kwargs.values()]
    if len(arguments) != 2:
        return UNKNOWN

    def at(value: float) -> np.ndarray:
        first, second = (np.asarray(value) if keras.backend.is_keras_tensor(x) else _constant(x) for x in arguments)
        return compute(first, second)

    with np.errstate(all="ignore"):
        return _kind_of_rescaling(at(1.0) - at(0.0), at(0.0))


def _constant(value: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(value), np.float64)


def _kind_of_rescaling(scale: Any, offset: Any) -> str | None:
    """Returns the kind that the values scale * x + offset show.

    The center is the x that becomes 0. A scale of at most 1/2, or a center above 1, shows bytes. A scale of at least 1
    with a center from 0 to 1 shows values up to 1.
    """
    scale, offset = (np.asarray(each, np.float64) for each in (scale, offset))
    if not (np.isfinite(scale).all() and np.isfinite(offset).all() and np.all(scale)):
        return UNKNOWN
    center, size = np.max(-offset / scale), np.max(np.abs(scale))
    if size <= 1 / 2 or center > 1:
        return RAW
    if size == 1 and center == 0:
        return None
    return PIXELS if size >= 1 and center >= 0 else UNKNOWN
