"""The table of rules: which layer and which operation has which rule."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import numpy as np

from lottery_tf.masking.compaction import channelwise, merging, normalization, weighted
from lottery_tf.masking.compaction.rule import (
    Call,
    EachChannel,
    Rule,
    Tensor,
    computed,
    same,
    same_without_mask,
    zero,
)

Make = Callable[[Call], Rule]


def _each(names: str, make: Make) -> dict[type, Make]:
    return {getattr(keras.layers, name): make for name in names.split()}


def _channelwise(value: Callable, in_order: bool = False) -> Make:
    return functools.partial(EachChannel, value=value, in_order=in_order)


def _merged(combine: Callable, reads_masks: bool = False) -> Make:
    return functools.partial(merging.Merged, combine=combine, reads_masks=reads_masks)


RULES: dict[type, Make] = {  # Keras's layer -> the rule for a call of it
    **_each("Dense", weighted.Dense),
    **_each("Conv1D Conv2D Conv3D", weighted.Weighted),
    **_each("DepthwiseConv1D DepthwiseConv2D", weighted.DepthwiseConvolution),
    **_each("Conv1DTranspose Conv2DTranspose Conv3DTranspose", weighted.TransposedConvolution),
    **_each("Embedding", weighted.Embedding),
    **_each("Flatten Permute Reshape", channelwise.Rearranged),
    **_each("Activation", channelwise.Activation),
    **_each("PReLU", channelwise.PReLU),
    **_each("BatchNormalization", normalization.BatchNormalization),
    **_each("LayerNormalization RMSNormalization", normalization.LayerNormalization),
    **_each("GroupNormalization", normalization.GroupNormalization),
    **_each("Add", _merged(np.add)),
    **_each("Subtract", _merged(np.subtract)),
    **_each("Average", merging.Averaged),
    **_each("Multiply", _merged(merging.product, reads_masks=True)),
    **_each("Maximum", _merged(np.maximum, reads_masks=True)),
    **_each("Minimum", _merged(np.minimum, reads_masks=True)),
    **_each("Concatenate", merging.concatenated),
    **_each("ELU LeakyReLU ReLU", _channelwise(computed)),
    **_each(
        """
        AlphaDropout Dropout GaussianDropout GaussianNoise Identity SpatialDropout1D SpatialDropout2D
        SpatialDropout3D""",
        _channelwise(same),
    ),
    **_each("ZeroPadding1D ZeroPadding2D ZeroPadding3D", _channelwise(zero, in_order=True)),
    **_each("GlobalAveragePooling1D", _channelwise(same_without_mask, in_order=True)),
    **_each(
        """
        AveragePooling1D AveragePooling2D AveragePooling3D Cropping1D Cropping2D Cropping3D GlobalAveragePooling2D
        GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D MaxPooling1D MaxPooling2D
        MaxPooling3D RepeatVector UpSampling1D UpSampling2D UpSampling3D""",
        _channelwise(same, in_order=True),
    ),
}

OPERATIONS: dict[str, Make] = {  # the class of an operation such as `x + y` or one of `keras.ops` -> its rule
    "Add": _merged(np.add),
    "Subtract": _merged(np.subtract),
    "Multiply": _merged(merging.product),
    "Maximum": _merged(np.maximum),
    "Minimum": _merged(np.minimum),
    "Concatenate": merging.concatenated,
    **dict.fromkeys(
        """
        Absolute Celu Elu Exp Gelu HardSigmoid HardSilu HardTanh LeakyRelu LogSigmoid Negative Relu Relu6 Selu Sigmoid
        Silu Softplus Softsign Square Tanh""".split(),
        _channelwise(computed),
    ),
}
ARITHMETIC = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")  # of two tensors, or of one and a number


def passes_masks(layer: keras.Operation) -> bool:
    """Returns whether outputs of a layer may have the mask of an input; those of unknown classes may."""
    return type(layer) not in RULES or (
        layer.supports_masking and type(layer) is not keras.layers.GlobalAveragePooling1D
    )


def rule_for(call: Call, tensors: list[keras.KerasTensor]) -> Rule | None:
    """Returns the rule for a call, or None if it is not certain what the call does."""
    make = RULES.get(type(call.layer)) or _operation(call)
    if make is None or not _is_plain(call) or any(tensor.sparse or tensor.ragged for tensor in tensors):
        return None
    rule = make(call)
    sizes = [call.inputs[index].size_along(axis) for index, axis in enumerate(rule.axes) if axis is not None]
    return rule if rule.known and all([*sizes, Tensor(call.shape_out, rule.axis).size]) else None


def _operation(call: Call) -> Make | None:
    kind = type(call.layer)
    if isinstance(call.layer, keras.layers.Layer) or not kind.__module__.startswith("keras.src.ops."):
        return None
    if kind.__name__ in ARITHMETIC and len(call.inputs) == 1:
        return _channelwise(computed)
    return OPERATIONS.get(kind.__name__)


def _is_plain(call: Call) -> bool:
    """Returns whether a call has tensors as arguments, and no other argument that could change its result.

    A `mask` changes nothing at inference, or the rule takes it into account.
    """
    others = [value for value in keras.tree.flatten(call.args) if not isinstance(value, keras.KerasTensor)]
    named = [value for name, value in call.kwargs.items() if name != "mask"]
    if isinstance(call.layer, keras.layers.Layer):
        return bool(call.inputs) and not others and all(value is None or value is False for value in named)
    return bool(call.inputs) and not named and all(type(value) in (int, float) for value in others)
