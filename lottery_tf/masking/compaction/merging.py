"""Rules for layers and operations of several inputs: sums, products, concatenations."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from lottery_tf.masking.compaction.rule import Call, Channels, Rule, Tensor, from_end


def product(a: Channels, b: Channels) -> Channels:
    """The product of constants; zero times anything is zero."""
    return np.where((a == 0) | (b == 0), 0, a * b)


class Merged(Rule):
    """A layer that puts together the same channel of each input, broadcasting along other axes.

    Args:
      combine: the same of constants, two at a time.
      reads_masks: whether the layer treats time steps that Keras masks in another way.
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

    def together(self, kept, kept_out):
        union = np.logical_or.reduce([kept_out, *(each for each in kept if len(each) == len(kept_out))])
        return [union if len(each) == len(kept_out) else each for each in kept], union


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

    def together(self, kept, kept_out):
        union = np.concatenate(kept) | kept_out
        return self._split(union), union


def concatenated(call: Call) -> Rule:
    """The rule for a concatenation: along another axis than theirs, the inputs have their channels in common."""
    if from_end(call.layer.axis, len(call.shape_out)) == common_axis(call):
        return Concatenated(call)
    return Merged(call, lambda a, b: np.where(a == b, a, np.nan))


def common_axis(call: Call) -> int:
    """The axis on which the inputs' channels lie: where any has them ahead of the last axis, there."""
    return min(tensor.axis for tensor in call.inputs)
