"""A smaller plain Keras model with the same outputs: units that no weight connects are left out.

Pruning leaves units whose outgoing weights are all zero, which nobody hears, and units whose incoming weights are all
zero, which say the same whatever the input: f(bias). The former are dropped, the latter are added to the next layer's
bias and dropped, and so on until nothing more follows. What counts is a weight's value, not its mask: a pruned weight
that is frozen at a value other than zero is a connection like any other.

A model is read as a graph of layer calls, three times: forwards for what is constant, backwards for what is needed,
forwards again for what is kept. Each kind of layer that `RULES` knows says how these pass through it, one entry for
each channel (the last axis of a tensor). Around any other layer, and around a layer that is called twice, everything is
needed and nothing is constant, so that sums, concatenations and recurrences stay as they are.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, model_weights

ELEMENTWISE = tuple(  # activations that see one number at a time; softmax, say, sees a layer's units together
    keras.activations.get(name)
    for name in (
        "celu", "elu", "exponential", "gelu", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu", "linear",
        "log_sigmoid", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "softplus", "softsign", "tanh",
    )
)  # fmt: skip


def compact(model: keras.Model) -> keras.Model:
    """A smaller plain Keras model whose outputs at inference are the same up to rounding.

    Left out are units and channels without outgoing connections; units and channels whose value does not depend on the
    input are folded into the next bias. Where a convolution pads its input, a constant channel other than zero is not
    the same at the border as inside, and stays. A layer of which nothing would be left keeps one unit.

    Images keep their shape, and a flattened convolution may be needed at some places only. Where a Dense layer uses
    half of its inputs or fewer, these are picked (`keras.ops.take`) and the kernel loses the rows of all others.
    Picking a number takes a processor as long as multiplying it by more than a hundred others, so that with more than
    half of the inputs in use a smaller kernel would make a slower network.

    Args:
      model: a built Sequential or functional model, masked or not, with weights that are exactly zero.

    Returns:
      A functional model with the layers' names kept, uncompiled, that needs nothing of this package. Models inside the
      model are compacted as well, each by itself.

    Raises:
      InputError: a subclassed or unbuilt model, or one without a Dense or Conv1D, 2D or 3D layer.

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(2)])
    >>> model.layers[1].set_weights([np.array([[1, 1], [0, 0], [1, 1]]), np.zeros(2)])  # nobody hears the second unit
    >>> [layer.count_params() for layer in model.layers], [layer.count_params() for layer in compact(model).layers[1:]]
    ([15, 8], [10, 6])
    """
    if not _is_model(model):
        raise InputError(
            f"{model.name!r} is neither a Sequential nor a functional Keras model and cannot be compacted."
        )
    return _compacted(conversion.unmasked(model))


def _compacted(model: keras.Model) -> keras.Model:
    """`compact` for a model that may be taken apart."""
    ends = (model.inputs[0], model.outputs[0]) if isinstance(model, keras.Sequential) else (model.input, model.output)
    model = keras.Model(*ends, name=model.name)  # functional, and not compiled
    graph = _Graph(model)
    constants = graph.constants()
    needed = graph.needed(constants)
    kept = graph.kept(needed)
    smaller = {
        node.layer.name: node.rule.smaller(
            *(constants[node.input], needed[node.output], kept[node.input], kept[node.output])
        )
        for node in graph.nodes
        if node.rule is not None
    }

    def clone(layer):
        if _is_model(layer):
            return _compacted(layer)
        changes = smaller[layer.name].config if layer.name in smaller else {}
        return type(layer).from_config(layer.get_config() | changes)

    def call(layer, *args, **kwargs):
        picked = smaller[layer.name].picked if layer.name in smaller else None
        return layer(*args, **kwargs) if picked is None else layer(ops.take(args[0], picked, axis=-1), **kwargs)

    with conversion.uncompiled(model):
        result = keras.models.clone_model(model, clone_function=clone, call_function=call)
    for layer in model.layers:
        if layer.weights and not _is_model(layer):
            weights = smaller[layer.name].weights if layer.name in smaller else layer.get_weights()
            result.get_layer(layer.name).set_weights(weights)
            model_weights.refresh_derived_weights(result.get_layer(layer.name))
    return result


def _is_model(layer) -> bool:
    return isinstance(layer, keras.Model) and (isinstance(layer, keras.Sequential) or hasattr(layer, "operations"))


@dataclasses.dataclass(frozen=True)
class _Smaller:
    """A layer without what is left out.

    Attributes:
      weights: in the order of `get_weights`.
      config: what changes in its configuration.
      picked: the input features that it takes, where it does not take all that there are.
    """

    weights: list[np.ndarray]
    config: dict = dataclasses.field(default_factory=dict)
    picked: list[int] | None = None


@dataclasses.dataclass(frozen=True)
class _Node:
    """A call of a layer or an operation: tensors by their place in the graph, and the layer's rule if it has one."""

    layer: keras.Operation
    inputs: list[int]
    outputs: list[int]
    rule: _Rule | None

    @property
    def input(self) -> int:
        """The one input of a layer with a rule."""
        return self.inputs[0]

    @property
    def output(self) -> int:
        """The one output of a layer with a rule."""
        return self.outputs[0]


class _Graph:
    """A functional model's calls in their order."""

    def __init__(self, model: keras.Model):
        calls = []

        def call(layer, *args, **kwargs):
            outputs = layer(*args, **kwargs)
            calls.append((layer, args, kwargs, outputs))
            return outputs

        with conversion.uncompiled(model):
            traced = keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
        self._sizes: list[int] = []
        self._places: dict[int, int] = {}
        self._inputs = [self._place(tensor) for tensor in traced.inputs]
        times = collections.Counter(id(layer) for layer, *_ in calls)
        self.nodes = [
            _Node(
                layer,
                [self._place(tensor) for tensor in keras.tree.flatten((args, kwargs)) if _is_tensor(tensor)],
                [self._place(tensor) for tensor in keras.tree.flatten(outputs)],
                _rule(layer, args, kwargs, outputs) if times[id(layer)] == 1 else None,
            )
            for layer, args, kwargs, outputs in calls
        ]
        self._outputs = [self._place(tensor) for tensor in traced.outputs]
        self._traced = traced  # tensors are told apart by their ids, which last as long as they do

    def _place(self, tensor) -> int:
        if id(tensor) not in self._places:
            self._places[id(tensor)] = len(self._sizes)
            self._sizes.append((tensor.shape[-1] or 0) if tensor.shape else 0)
        return self._places[id(tensor)]

    def constants(self) -> list[np.ndarray]:
        """For each tensor the value of each channel that has the same at all places for all inputs; NaN for others."""
        found = [np.full(size, np.nan) for size in self._sizes]
        for node in self.nodes:
            if node.rule is not None:
                values = node.rule.constants(found[node.input])
                found[node.output] = np.where(np.isfinite(values), values, np.nan)
        return found

    def needed(self, constants: list[np.ndarray]) -> list[np.ndarray]:
        """For each tensor the channels that what comes after cannot do without."""
        found = [np.zeros(size, bool) for size in self._sizes]
        for tensor in self._outputs:
            found[tensor][:] = True
        for node in reversed(self.nodes):
            for tensor in node.inputs:
                found[tensor] |= node.rule is None or node.rule.needed(constants[tensor], found[node.output])
        return found

    def kept(self, needed: list[np.ndarray]) -> list[np.ndarray]:
        """For each tensor the channels that are still computed: all that are needed, and what comes with them."""
        found = [np.ones(size, bool) for size in self._sizes]
        for node in self.nodes:
            if node.rule is not None:
                found[node.output] = node.rule.kept(found[node.input], needed[node.output])
        return found


def _is_tensor(value) -> bool:
    return isinstance(value, keras.KerasTensor)


def _rule(layer, args, kwargs, outputs) -> _Rule | None:
    """The rule for a call of a layer, or None where it is not certain what the call does."""
    make = RULES.get(type(layer))
    plain_call = (
        len(args) == 1 and _is_tensor(args[0]) and all(value is None or value is False for value in kwargs.values())
    )
    if make is None or not plain_call or args[0].sparse or None in (args[0].shape[-1], outputs.shape[-1]):
        return None
    if getattr(layer, "data_format", None) not in (None, "channels_last"):
        return None
    rule = make(layer, tuple(args[0].shape), tuple(outputs.shape))
    return rule if rule.known else None


class _Rule:
    """How channels pass through a layer that treats each by itself; `value` is what it makes of constant ones."""

    known = True  # whether the rule holds for this layer

    def __init__(self, layer, shape_in: tuple, shape_out: tuple, value: Callable[..., np.ndarray] | Any = None):
        self.layer = layer
        self.shape_in, self.shape_out = shape_in, shape_out
        self.value = value

    def constants(self, constants: np.ndarray) -> np.ndarray:
        return self.value(self.layer, self.shape_in, constants)

    def needed(self, constants: np.ndarray, needed_out: np.ndarray) -> np.ndarray:
        return needed_out

    def kept(self, kept_in: np.ndarray, needed_out: np.ndarray) -> np.ndarray:
        return kept_in

    def smaller(self, constants, needed_out, kept_in, kept_out) -> _Smaller:
        return _Smaller([weight[kept_in] for weight in self.layer.get_weights()])


def _same(layer, shape: tuple, constants: np.ndarray) -> np.ndarray:
    """A layer that hands a constant on."""
    return constants


def _zero(layer, shape: tuple, constants: np.ndarray) -> np.ndarray:
    """A layer that puts zeros around its input: only zero stays constant."""
    return np.where(constants == 0, 0, np.nan)


def _computed(layer, shape: tuple, constants: np.ndarray) -> np.ndarray:
    """What a layer that sees one number at a time makes of a constant."""
    inputs = ops.cast(constants.reshape((1,) * (len(shape) - 1) + (-1,)), layer.compute_dtype)
    return _array(layer(inputs, training=False)).ravel()


def _array(tensor) -> np.ndarray:
    return ops.convert_to_numpy(ops.cast(tensor, "float64"))


class _Activation(_Rule):
    """An activation, where it is one that sees one number at a time."""

    def __init__(self, layer, shape_in, shape_out):
        super().__init__(layer, shape_in, shape_out, _computed)
        self.known = layer.activation in ELEMENTWISE


class _BatchNormalization(_Rule):
    """Batch normalization of the last axis; a channel whose factor is zero is constant."""

    def __init__(self, layer, shape_in, shape_out):
        super().__init__(layer, shape_in, shape_out, _computed)
        self.known = layer.axis in (-1, len(shape_in) - 1)

    def constants(self, constants):
        if self.layer.scale:
            constants = np.where(_array(self.layer.gamma) == 0, 0, constants)
        return super().constants(constants)


class _Reshape(_Rule):
    """Flattening, or another reshaping that leaves a channel's numbers equally far apart."""

    def __init__(self, layer, shape_in, shape_out):
        super().__init__(layer, shape_in, shape_out)
        channels = shape_in[-1]
        self.known = (
            len(shape_in) > 1 and None not in shape_in[1:] and (len(shape_out) == 2 or shape_out[-1] == channels)
        )
        self.repeats = shape_out[-1] // channels

    def constants(self, constants):
        return np.tile(constants, self.repeats)

    def needed(self, constants, needed_out):
        return needed_out.reshape(self.repeats, -1).any(axis=0)

    def kept(self, kept_in, needed_out):
        return np.tile(kept_in, self.repeats)

    def smaller(self, constants, needed_out, kept_in, kept_out):
        if isinstance(self.layer, keras.layers.Flatten):
            return _Smaller([])
        return _Smaller([], {"target_shape": (*self.shape_out[1:-1], int(kept_out.sum()))})


class _Weighted(_Rule):
    """Dense layers and convolutions: where channels can be left out.

    Attributes:
      kernel: (places, inputs, outputs) array; a dense layer has one place.
    """

    def __init__(self, layer, shape_in, shape_out):
        super().__init__(layer, shape_in, shape_out)
        changed = getattr(layer, "quantization_mode", None) or getattr(layer, "lora_enabled", False)
        self.known = not changed and getattr(layer, "groups", 1) == 1
        self.elementwise = layer.activation in ELEMENTWISE
        weights = layer.get_weights()
        self._kernel_shape = weights[0].shape
        self.kernel = weights[0].reshape(-1, *weights[0].shape[-2:])
        self.bias = weights[1] if layer.use_bias else np.zeros(shape_out[-1], weights[0].dtype)
        self._pads = len(self.kernel) > 1 and layer.padding != "valid"

    def _folded(self, constants: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Kernel and bias with the constant inputs moved from the one to the other, where that is exact."""
        folded = constants == 0 if self._pads else ~np.isnan(constants)
        values = np.where(folded, constants, 0)
        bias = self.bias + values @ self.kernel.sum(axis=0, dtype=np.float64)
        return np.where(folded[:, np.newaxis], 0, self.kernel), bias

    def _wanted(self, needed_out: np.ndarray) -> np.ndarray:
        """The outputs that have to be right: all, where the activation mixes them."""
        return needed_out | (not self.elementwise)

    def constants(self, constants):
        kernel, bias = self._folded(constants)
        if not self.elementwise:
            return np.full(len(bias), np.nan)
        values = _array(self.layer.activation(ops.cast(bias, self.layer.compute_dtype)))
        return np.where(kernel.any(axis=(0, 1)), np.nan, values)

    def needed(self, constants, needed_out):
        kernel, _ = self._folded(constants)
        return kernel[:, :, self._wanted(needed_out)].any(axis=(0, 2))

    def kept(self, kept_in, needed_out):
        return _at_least_one(self._wanted(needed_out))

    def smaller(self, constants, needed_out, kept_in, kept_out):
        kernel, bias = self._folded(constants)
        wanted = self._wanted(needed_out)
        # Nobody hears a unit that stays only because a layer needs one, and what it hears may be gone.
        kernel, bias = np.where(wanted, kernel, 0), np.where(wanted, bias, 0)
        rows, picked = kept_in, None
        if isinstance(self.layer, keras.layers.Dense):
            used = _at_least_one(self.needed(constants, needed_out), among=kept_in)
            if 2 * used.sum() <= kept_in.sum():
                rows, picked = used, np.flatnonzero(used[kept_in]).tolist()
        kernel, bias = kernel[:, rows][:, :, kept_out], bias[kept_out]
        use_bias = bool(self.layer.use_bias or bias.any())
        weights = [kernel.reshape(*self._kernel_shape[:-2], *kernel.shape[1:])] + [bias] * use_bias
        size = "units" if isinstance(self.layer, keras.layers.Dense) else "filters"
        initializers = {"kernel_initializer": "zeros", "bias_initializer": "zeros"}  # one may be made for a shape
        return _Smaller(weights, {size: int(kept_out.sum()), "use_bias": use_bias} | initializers, picked)


def _at_least_one(chosen: np.ndarray, among: np.ndarray | None = None) -> np.ndarray:
    """The entries that are chosen; the first (of those `among` which to choose) where none is."""
    if chosen.any():
        return chosen
    first = np.zeros_like(chosen)
    first[0 if among is None else np.flatnonzero(among)[0]] = True
    return first


def _each(names: str, make: Callable) -> dict[type, Callable]:
    return {getattr(keras.layers, name): make for name in names.split()}


RULES: dict[type, Callable[..., _Rule]] = {  # Keras's layer -> the rule for it, from (layer, input shape, output shape)
    **_each("Dense Conv1D Conv2D Conv3D", _Weighted),
    **_each("Flatten Reshape", _Reshape),
    **_each("Activation", _Activation),
    **_each("BatchNormalization", _BatchNormalization),
    **_each("ELU LeakyReLU ReLU", functools.partial(_Rule, value=_computed)),
    **_each("ZeroPadding1D ZeroPadding2D ZeroPadding3D", functools.partial(_Rule, value=_zero)),
    **_each(
        """
        AlphaDropout AveragePooling1D AveragePooling2D AveragePooling3D Cropping1D Cropping2D Cropping3D Dropout
        GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D
        GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D Identity MaxPooling1D MaxPooling2D MaxPooling3D
        RepeatVector SpatialDropout1D SpatialDropout2D SpatialDropout3D UpSampling1D UpSampling2D UpSampling3D""",
        functools.partial(_Rule, value=_same),
    ),
}
