"""The base class of rules, which describe one call of a layer, and the rule for layers that work channel by channel."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

ELEMENTWISE = tuple(  # activations of one number at a time; softmax is not one, because it depends on all units
    keras.activations.get(name)
    for name in (
        "celu", "elu", "exponential", "gelu", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu", "linear",
        "log_sigmoid", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "softplus", "softsign", "tanh",
    )
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A tensor between two layers.

    Attributes:
      shape: its shape, including the batch.
      axis: the axis of its channels, counted from the end: -1, or a lower number if channels come first.
      may_have_mask: whether Keras may attach a mask of time steps to it.
    """

    shape: tuple
    axis: int = -1
    may_have_mask: bool = False

    @property
    def size(self) -> int:
        """The number of channels; 0 if it is unknown."""
        return self.size_along(self.axis) or 0

    def size_along(self, axis: int) -> int | None:
        """Returns the length of an axis; None if it is unknown or there is no such axis besides that of the batch."""
        return self.shape[axis] if -axis < len(self.shape) else None


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a layer or an operation.

    Attributes:
      layer: the layer or operation.
      args, kwargs: its arguments, which contain symbolic tensors.
      inputs: the tensors among its positional arguments.
      shape_out: the shape of its one output.
      pick: whether the layer may select some of its inputs.
    """

    layer: keras.Operation
    args: tuple
    kwargs: dict
    inputs: list[Tensor]
    shape_out: tuple
    pick: bool

    @property
    def shape_in(self) -> tuple:
        """The shape of the first input."""
        return self.inputs[0].shape


@dataclasses.dataclass(frozen=True)
class Smaller:
    """A layer that has become smaller.

    Attributes:
      weights: its weights in the order of `get_weights`.
      config: the changes of its configuration.
      picked: the input features that it selects; None: all.
    """

    weights: list[np.ndarray]
    config: dict = dataclasses.field(default_factory=dict)
    picked: list[int] | None = None


Channels = np.ndarray  # a value for each channel: its constant, or whether it is needed or kept


class Rule:
    """How channels pass through a call. This base class is for calls that treat each channel separately.

    Attributes:
      known: whether the rule holds for this call.
      axes: for each input the axis that its channels must have; None: all of its channels are kept.
      axis: the axis of the output's channels.
    """

    known = True

    def __init__(self, call: Call):
        self.call, self.layer = call, call.layer
        self.axes: list[int | None] = [tensor.axis for tensor in call.inputs]
        self.axis = call.inputs[0].axis

    def constants(self, constants: list[Channels]) -> Channels:
        """Returns the constants of the output's channels (NaN: not constant), from those of the inputs."""
        raise NotImplementedError

    def needed(self, constants: list[Channels], needed: Channels) -> list[Channels]:
        """Returns the channels of each input that the needed channels of the output depend on."""
        return [needed] * len(self.axes)

    def coupled(self, kept: list[Channels], kept_out: Channels) -> tuple[list[Channels], Channels]:
        """Returns all channels of the inputs and of the output that must be kept, if those given are kept."""
        union = np.logical_or.reduce([*kept, kept_out])
        return [union] * len(kept), union

    def smaller(self, constants: list[Channels], needed: Channels, kept: list[Channels], kept_out: Channels) -> Smaller:
        """Returns the layer with only the channels that are kept."""
        return Smaller([weight[kept[0]] for weight in getattr(self.layer, "get_weights", list)()])


Value = Callable[["EachChannel", Channels], Channels]


class EachChannel(Rule):
    """A layer with one input that treats each channel separately.

    Args:
      value: function from the constants of the input to those of the output.
      in_order: whether the layer has a fixed axis for its channels: that of its `data_format`, or else the last one.
    """

    def __init__(self, call: Call, value: Value, in_order: bool = False):
        super().__init__(call)
        self._value = value
        if in_order:
            self.axes = [channel_axis(self.layer, call.shape_in)]
            self.axis = channel_axis(self.layer, call.shape_out)

    def constants(self, constants):
        return self._value(self, constants[0])


def channel_axis(layer: Any, shape: tuple) -> int:
    """Returns the axis of the channels in a layer's inputs and outputs, by its `data_format`; else -1."""
    return 1 - len(shape) if getattr(layer, "data_format", None) == "channels_first" else -1


def from_end(axis: int, rank: int) -> int:
    """Returns an axis counted from the end."""
    return axis - rank if axis >= 0 else axis


def same(rule: EachChannel, constants: Channels) -> Channels:
    """Returns the constants unchanged."""
    return constants


def same_without_mask(rule: EachChannel, constants: Channels) -> Channels:
    """Returns the constants, or NaN if a mask is possible: the mean over no time steps is NaN."""
    return np.full_like(constants, np.nan) if rule.call.inputs[0].may_have_mask else constants


def zero(rule: EachChannel, constants: Channels) -> Channels:
    """Returns the constants behind a layer that puts zeros around its input: only the constant zero stays constant."""
    return np.where(constants == 0, 0, np.nan)


def computed(rule: Rule, constants: Channels) -> Channels:
    """Returns the values of an elementwise layer for constants."""
    shape = [1] * len(rule.call.shape_in)
    shape[rule.axis] = -1
    inputs = ops.cast(constants.reshape(shape), getattr(rule.layer, "compute_dtype", "float32"))
    args = keras.tree.map_structure(
        lambda value: inputs if isinstance(value, keras.KerasTensor) else value, rule.call.args
    )
    return as_array(rule.layer(*args)).ravel()


def as_array(tensor: Any) -> np.ndarray:
    """Returns a tensor as float64."""
    return ops.convert_to_numpy(ops.cast(tensor, "float64"))


def at_least_one(chosen: Channels, among: Channels | None = None) -> Channels:
    """Returns the chosen entries; if there are none, chooses the first one (of those in `among`)."""
    if chosen.any():
        return chosen
    first = np.zeros_like(chosen)
    first[0 if among is None else np.flatnonzero(among)[0]] = True
    return first
