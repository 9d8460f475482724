"""What of a model can be pruned and what is left whole, told in a sentence."""

from __future__ import annotations

import collections
import dataclasses
import math

import keras

from lottery_tf.masking.containers import plain_class
from lottery_tf.masking.kernel_table import OWN_VARIABLES, can_be_masked, kernel_variables
from lottery_tf.masking.layers import MaskedLayer
from lottery_tf.masking.sublayers import all_layers, own_variables


@dataclasses.dataclass(frozen=True)
class MaskSummary:
    """How many of a model's weights have masks.

    Attributes:
      weights: all weights, biases and statistics too; masks and frozen values are none.
      maskable: those of kernels with masks.
      left_whole: how many others there are, by what they are, the most first.
    """

    weights: int
    maskable: int
    left_whole: dict[str, int]

    def __str__(self) -> str:
        whole = ", ".join(f"{name} {count:,}" for name, count in self.left_whole.items()) or "nothing"
        return f"{self.maskable / self.weights:.1%} of {self.weights:,} weights can be pruned; left whole: {whole}."


def mask_summary(model: keras.Model) -> MaskSummary:
    """What of a masked model can be pruned, and what is left whole.

    >>> import lottery_tf as lt
    >>> print(mask_summary(lt.build("fc")))
    99.8% of 266,610 weights can be pruned; left whole: biases 410.
    """
    seen: set[int] = set()
    counts: collections.Counter[str] = collections.Counter()
    maskable = 0
    for layer in all_layers(model):
        masked = {id(each.kernel) for each in layer.masked_kernels} if isinstance(layer, MaskedLayer) else set()
        kernels = {id(variable) for _, variable in kernel_variables(layer)}
        for variable in own_variables(layer):
            if id(variable) in seen or variable.name in OWN_VARIABLES:
                continue
            seen.add(id(variable))
            size = math.prod(variable.shape)
            if id(variable) in masked:
                maskable += size
            else:
                counts[_kind(layer, variable, id(variable) in kernels)] += size
    total = maskable + sum(counts.values())
    return MaskSummary(total, maskable, dict(counts.most_common()))


def _kind(layer: keras.layers.Layer, variable: keras.Variable, is_kernel: bool) -> str:
    if not is_kernel:
        return "biases" if "bias" in variable.name else plain_class(layer).__name__
    if not can_be_masked(layer):
        return f"quantized or LoRA kernels of {plain_class(layer).__name__}"
    return f"kernels of {plain_class(layer).__name__}"
