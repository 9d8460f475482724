"""Rules for layers and operations of several inputs: sums, products, concatenations."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from lottery_tf.masking.compaction.rule import Call, Channels, Rule, Tensor, from_end


def product(a: Channels, b: Channels) -> Channels:
    """Returns the product of constants; zero times anything is zero."""
    return np.where((a == 0) | (b == 0), 0, a * b)


class Merged(Rule):
    """A layer that combines the same channel of each input, with broadcasting along other axes.

    Args:
      combine: the function that combines the constants of two inputs.
      reads_masks: whether the layer treats masked time steps differently.
    """

    def __init__(self, call: Call, combine: Callable[..., Channels], reads_masks: bool = False):
        super().__init__(call)
        self._combine = combine
        self.axis = common_axis(call)
        size = Tensor(call.shape_out, self.axis).size
        self.axes = [self.axis if tensor.size_along(self.axis) == size else None for tensor in call.inputs]
        self.known = not (reads_masks and any(tensor.may_have_mask for tensor in call.inputs))

    def constants(self, constants):
        return functools.reduce(self._combine, constants)

    def coupled(self, kept, kept_out):
        union = np.logical_or.reduce([kept_out, *(channels for channels in kept if len(channels) == len(kept_out))])
        return [union if len(channels) == len(kept_out) else channels for channels in kept], union


class Averaged(Merged):
    """The mean of the inputs."""

    def __init__(self, call: Call):
        super().__init__(call, np.add)

    def constants(self, constants):
        return super().constants(constants) / len(constants)


class Concatenated(Rule):
    """A concatenation along the axis of the channels."""

    def __init__(self, call: Call):
        super().__init__(call)
        self.axis = common_axis(call)
        self.axes = [self.axis] * len(call.inputs)

    def _split(self, channels: Channels) -> list[Channels]:
        return np.split(channels, np.cumsum([tensor.size_along(self.axis) for tensor in self.call.inputs])[:-1])

    def constants(self, constants):
        return np.concatenate(constants)

    def needed(self, constants, needed):
        return self._split(needed)

    def coupled(self, kept, kept_out):
        union = np.concatenate(kept) | kept_out
        return self._split(union), union


def concatenated(call: Call) -> Rule:
    """Returns the rule for a concatenation. Along an axis other than the channels, inputs share their channels."""
    if from_end(call.layer.axis, len(call.shape_out)) == common_axis(call):
        return Concatenated(call)
    return Merged(call, lambda a, b: np.where(a == b, a, np.nan))


def common_axis(call: Call) -> int:
    """Returns the axis of the inputs' channels: the first one, if they differ."""
    return min(tensor.axis for tensor in call.inputs)
