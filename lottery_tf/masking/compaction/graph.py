"""A functional model as a graph of calls, in which constant, needed and kept channels are found."""

from __future__ import annotations

import collections
import dataclasses

import keras
import numpy as np

from lottery_tf.masking.compaction.rule import Call, Channels, Rule, Smaller, Tensor
from lottery_tf.masking.compaction.rules import passes_masks, rule_for
from lottery_tf.masking.conversion import uncompiled


@dataclasses.dataclass(frozen=True)
class Node:
    """A call: its tensors by their index in `Graph.tensors`, and its rule if it has one.

    Attributes:
      layer: the layer or operation.
      inputs: the tensors among its positional arguments.
      axes: for each input the axis that its channels must have by the rule; None: any.
      named: the tensors among its named arguments, such as masks of time steps.
      outputs: the tensors that it returns.
      rule: its rule, or None.
      aligned: for each input whether its channels have the axis of the rule. If not, all of them are kept and none is
        constant.
    """

    layer: keras.Operation
    inputs: list[int]
    axes: list[int | None]
    named: list[int]
    outputs: list[int]
    rule: Rule | None
    aligned: list[bool]

    @property
    def output(self) -> int:
        """The one output of a call with a rule."""
        return self.outputs[0]


class Graph:
    """A functional model's calls in their order.

    All inputs and outputs of a call without a rule, and of a layer that is called twice, are needed and not constant.

    Args:
      model: a functional model.
      may_have_masks: for each input whether Keras may attach a mask of time steps to it.
      pick: whether a dense layer may select some of its inputs.
    """

    def __init__(self, model: keras.Model, may_have_masks: list[bool], pick: bool = True):
        calls = []

        def call(layer, *args, **kwargs):
            outputs = layer(*args, **kwargs)
            calls.append((layer, args, kwargs, outputs))
            return outputs

        with uncompiled(model):
            traced = keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
        self._pick = pick
        self._traced = traced  # keeps the tensors alive, because they are identified by `id`
        self.tensors: list[Tensor] = []
        self._positions: dict[int, int] = {}
        for tensor, may_have_mask in zip(traced.inputs, may_have_masks, strict=True):
            self._add(tensor, -1, may_have_mask)
        self._times = collections.Counter(id(layer) for layer, *_ in calls)
        self.nodes = [self._node(*made) for made in calls]
        self._outputs = [self._positions[id(tensor)] for tensor in traced.outputs]

    def _add(self, tensor: keras.KerasTensor, axis: int, may_have_mask: bool) -> int:
        has_mask = getattr(tensor, "_keras_mask", None) is not None
        self._positions[id(tensor)] = len(self.tensors)
        self.tensors.append(Tensor(tuple(tensor.shape), axis, may_have_mask or has_mask))
        return self._positions[id(tensor)]

    def _node(self, layer: keras.Operation, args: tuple, kwargs: dict, outputs) -> Node:
        """Returns the node of a call, and adds the tensors that it returns."""
        positional, named = (_tensors(values) for values in (args, kwargs))
        inputs, masks = ([self._positions[id(tensor)] for tensor in tensors] for tensors in (positional, named))
        tensors = [self.tensors[index] for index in inputs]
        if masks:
            tensors = [dataclasses.replace(tensor, may_have_mask=True) for tensor in tensors]
        results, rule = _tensors(outputs), None
        if self._times[id(layer)] == 1 and len(results) == 1:
            rule = rule_for(Call(layer, args, kwargs, tensors, tuple(results[0].shape), self._pick), positional)
        # A model may make masks of time steps inside, which its symbolic outputs do not show.
        may_have_mask = is_model(layer) or (passes_masks(layer) and any(tensor.may_have_mask for tensor in tensors))
        positions = [
            self._positions[id(tensor)]
            if id(tensor) in self._positions
            else self._add(tensor, -1 if rule is None else rule.axis, may_have_mask)
            for tensor in results
        ]
        axes: list[int | None] = [None] * len(tensors) if rule is None else rule.axes
        aligned = [axis == tensor.axis and tensor.size > 0 for axis, tensor in zip(axes, tensors, strict=True)]
        return Node(layer, inputs, axes, masks, positions, rule, aligned)

    def may_have_masks(self, layer: keras.Operation) -> list[bool]:
        """Returns for each input of a layer whether a mask may be attached to it in any of its calls."""
        calls = [node.inputs for node in self.nodes if node.layer is layer]
        return [any(self.tensors[index].may_have_mask for index in positions) for positions in zip(*calls, strict=True)]

    def smaller(self) -> dict[str, Smaller]:
        """Returns each layer with a rule as a smaller layer, by its name."""
        constants = self.constants()
        needed = self.needed(constants)
        kept = self.kept(needed)
        return {
            node.layer.name: node.rule.smaller(
                self._inputs(node, constants, np.nan),
                needed[node.output],
                self._inputs(node, kept, True),
                kept[node.output],
            )
            for node in self.nodes
            if node.rule is not None
        }

    def _inputs(self, node: Node, channels: list[Channels], otherwise: float | bool) -> list[Channels]:
        """Returns the channels of a call's inputs for its rule; each is `otherwise` if its input is not aligned."""
        for_rule = []
        for index, axis, aligned in zip(node.inputs, node.axes, node.aligned, strict=True):
            size = 1 if axis is None else self.tensors[index].size_along(axis) or 0
            for_rule.append(channels[index] if aligned else np.full(size, otherwise))
        return for_rule

    def constants(self) -> list[Channels]:
        """Returns for each tensor its constant channels: one value at all positions for all inputs. Others are NaN."""
        constants = [np.full(tensor.size, np.nan) for tensor in self.tensors]
        for node in self.nodes:
            if node.rule is not None:
                with np.errstate(invalid="ignore"):
                    values = node.rule.constants(self._inputs(node, constants, np.nan))
                finite = np.where(np.isfinite(values), values, np.nan)
                constants[node.output] = finite + np.zeros_like(constants[node.output])
        return constants

    def needed(self, constants: list[Channels]) -> list[Channels]:
        """Returns for each tensor the channels that the outputs of the model depend on."""
        needed = [np.zeros(tensor.size, bool) for tensor in self.tensors]
        for index in self._outputs:
            needed[index][:] = True
        for node in reversed(self.nodes):
            wanted: list[Channels | bool] = [True] * len(node.inputs)
            if node.rule is not None:
                by_rule = node.rule.needed(self._inputs(node, constants, np.nan), needed[node.output])
                wanted = [channels if fits else True for channels, fits in zip(by_rule, node.aligned, strict=True)]
            for index, channels in zip(node.inputs, wanted, strict=True):
                needed[index] |= channels
            for index in node.named:
                needed[index][:] = True
        return needed

    def kept(self, needed: list[Channels]) -> list[Channels]:
        """Returns for each tensor the channels to keep: the needed ones and those coupled to them."""
        kept = [channels.copy() for channels in needed]
        for index in set(range(len(kept))) - {node.output for node in self.nodes if node.rule is not None}:
            kept[index][:] = True  # inputs of the model, and outputs of calls without a rule
        changed = True
        while changed:
            changed = False
            for node in (*self.nodes, *reversed(self.nodes)):
                if node.rule is not None:
                    changed |= self._keep_coupled(node, node.rule, kept)
            for channels in kept:
                if len(channels) and not channels.any():
                    channels[0] = True
                    changed = True
        return kept

    def _keep_coupled(self, node: Node, rule: Rule, kept: list[Channels]) -> bool:
        """Keeps the channels that the rule of a call requires; returns whether there are new ones."""
        before = [kept[index].sum() for index in (*node.inputs, node.output)]
        inputs, output = rule.coupled(self._inputs(node, kept, True), kept[node.output])
        for index, channels, aligned in zip(node.inputs, inputs, node.aligned, strict=True):
            if aligned:
                kept[index] |= channels
        kept[node.output] |= output
        return before != [kept[index].sum() for index in (*node.inputs, node.output)]


def _tensors(values) -> list[keras.KerasTensor]:
    return [value for value in keras.tree.flatten(values) if isinstance(value, keras.KerasTensor)]


def is_model(layer: keras.Operation) -> bool:
    """Returns whether a layer is a Sequential or functional model."""
    return isinstance(layer, keras.Sequential) or (isinstance(layer, keras.Model) and hasattr(layer, "operations"))
