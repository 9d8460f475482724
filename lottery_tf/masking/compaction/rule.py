"""What a rule says of one call of a layer, and the rule for layers that treat each channel by itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

ELEMENTWISE = tuple(  # activations that see one number at a time; softmax, say, sees a layer's units together
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
      shape: with the batch.
      axis: where its channels lie, counted from the end: -1, or further ahead where channels come first.
      may_have_mask: whether Keras may attach a mask of its time steps to it.
    """

    shape: tuple
    axis: int = -1
    may_have_mask: bool = False

    @property
    def size(self) -> int:
        """The number of channels; 0 where it is unknown."""
        return self.size_along(self.axis) or 0

    def size_along(self, axis: int) -> int | None:
        """The length of an axis; None where it is unknown, or the tensor has no such axis beside its batch."""
        return self.shape[axis] if -axis < len(self.shape) else None


@dataclasses.dataclass(frozen=True)
class Call:
    """One call of a layer or an operation.

    Attributes:
      layer: the layer or operation.
      args, kwargs: its arguments, with symbolic tensors in them.
      inputs: the tensors among its positional arguments.
      shape_out: the shape of its one output.
      pick: whether the layer may pick some of its inputs.
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
    """A layer without what is left out.

    Attributes:
      weights: in the order of `get_weights`.
      config: what changes in its configuration.
      picked: the input features that it takes, where it does not take all that there are.
    """

    weights: list[np.ndarray]
    config: dict = dataclasses.field(default_factory=dict)
    picked: list[int] | None = None


Channels = np.ndarray  # something for each channel: a constant, or whether it is needed or kept


class Rule:
    """How channels pass through a call that treats each by itself, whatever its axis.

    Attributes:
      known: whether the rule holds for this call.
      axes: for each input the axis on which its channels have to lie; None: all of them stay.
      axis: the axis on which the output's channels lie.
    """

    known = True

    def __init__(self, call: Call):
        self.call, self.layer = call, call.layer
        self.axes: list[int | None] = [tensor.axis for tensor in call.inputs]
        self.axis = call.inputs[0].axis

    def constants(self, constants: list[Channels]) -> Channels:
        """The output's constant channels (NaN: not constant) from those of the inputs."""
        raise NotImplementedError

    def needed(self, constants: list[Channels], needed: Channels) -> list[Channels]:
        """The inputs' channels that those outputs cannot do without."""
        return [needed] * len(self.axes)

    def together(self, kept: list[Channels], kept_out: Channels) -> tuple[list[Channels], Channels]:
        """What has to stay as well, of the inputs and of the output, where these channels stay."""
        union = np.logical_or.reduce([*kept, kept_out])
        return [union] * len(kept), union

    def smaller(self, constants: list[Channels], needed: Channels, kept: list[Channels], kept_out: Channels) -> Smaller:
        """The layer with what stays."""
        return Smaller([weight[kept[0]] for weight in getattr(self.layer, "get_weights", list)()])


Value = Callable[["EachChannel", Channels], Channels]


class EachChannel(Rule):
    """A layer of one input; `value` is what it makes of constants.

    Args:
      in_order: whether the layer has an axis for its channels: the one that its `data_format` says, or else the last.
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
    """Where a layer with a `data_format` wants its channels, or makes them; -1 for other layers."""
    return 1 - len(shape) if getattr(layer, "data_format", None) == "channels_first" else -1


def from_end(axis: int, rank: int) -> int:
    """An axis counted from the end."""
    return axis - rank if axis >= 0 else axis


def same(rule: EachChannel, constants: Channels) -> Channels:
    """A layer that hands a constant on."""
    return constants


def same_without_mask(rule: EachChannel, constants: Channels) -> Channels:
    """A mean over time steps: of none, where a mask leaves none, it is no number."""
    return np.full_like(constants, np.nan) if rule.call.inputs[0].may_have_mask else constants


def zero(rule: EachChannel, constants: Channels) -> Channels:
    """A layer that puts zeros around its input: only zero stays constant."""
    return np.where(constants == 0, 0, np.nan)


def computed(rule: Rule, constants: Channels) -> Channels:
    """What a layer that sees one number at a time makes of a constant."""
    shape = [1] * len(rule.call.shape_in)
    shape[rule.axis] = -1
    inputs = ops.cast(constants.reshape(shape), getattr(rule.layer, "compute_dtype", "float32"))
    args = keras.tree.map_structure(
        lambda value: inputs if isinstance(value, keras.KerasTensor) else value, rule.call.args
    )
    return as_array(rule.layer(*args)).ravel()


def as_array(tensor: Any) -> np.ndarray:
    """A tensor as float64."""
    return ops.convert_to_numpy(ops.cast(tensor, "float64"))


def at_least_one(chosen: Channels, among: Channels | None = None) -> Channels:
    """The entries that are chosen; the first (of those `among` which to choose) where none is."""
    if chosen.any():
        return chosen
    first = np.zeros_like(chosen)
    first[0 if among is None else np.flatnonzero(among)[0]] = True
    return first
