"""Counts the weights of a model that can be pruned, and those that have no mask."""

from __future__ import annotations

import collections
import dataclasses
import math

import keras

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.masking.containers import plain_class
from lottery_tf.masking.kernel_table import MASK_VARIABLES, can_be_masked, kernel_variables
from lottery_tf.masking.layers import MaskedLayer
from lottery_tf.masking.sublayers import all_layers, own_variables
from lottery_tf.old_names import old_name


@checked
@dataclasses.dataclass(frozen=True)
class MaskSummary:
    """How many of a model's weights have masks.

    Attributes:
      weights: the number of all weights with biases and statistics, but without masks and frozen values.
      maskable: the number of weights of kernels with masks.
      without_mask: the number of all others by their kind, the largest first.
    """

    weights: int
    maskable: int
    without_mask: dict[str, int]

    def __str__(self) -> str:
        others = ", ".join(f"{name} {count:,}" for name, count in self.without_mask.items()) or "none"
        return (
            f"{self.maskable / self.weights:.1%} of {self.weights:,} weights can be pruned; without a mask: {others}."
        )

    left_whole = property(old_name("left_whole", "without_mask"))


@checked
def mask_summary(model: keras.Model) -> MaskSummary:
    """Returns how many weights of a masked model can be pruned, and which have no mask.

    >>> import lottery_tf as lt
    >>> print(mask_summary(lt.build("fc")))
    99.8% of 266,610 weights can be pruned; without a mask: biases 410.
    """
    seen: set[int] = set()
    counts: collections.Counter[str] = collections.Counter()
    maskable = 0
    for layer in all_layers(model):
        masked = {id(kernel.variable) for kernel in layer.masked_kernels} if isinstance(layer, MaskedLayer) else set()
        kernels = {id(variable) for _, variable in kernel_variables(layer)}
        for variable in own_variables(layer):
            if id(variable) in seen or variable.name in MASK_VARIABLES:
                continue
            seen.add(id(variable))
            size = math.prod(variable.shape)
            if id(variable) in masked:
                maskable += size
            else:
                counts[_name_of_kind(layer, variable, id(variable) in kernels)] += size
    total = maskable + sum(counts.values())
    return MaskSummary(total, maskable, dict(counts.most_common()))


def _name_of_kind(layer: keras.layers.Layer, variable: keras.Variable, is_kernel: bool) -> str:
    if not is_kernel:
        return "biases" if "bias" in variable.name else plain_class(layer).__name__
    if not can_be_masked(layer):
        return f"quantized or LoRA kernels of {plain_class(layer).__name__}"
    return f"{'' if variable.trainable else 'frozen '}kernels of {plain_class(layer).__name__}"
