"""Sets the arithmetic of a model's forward and backward pass: Keras's dtype policy of each layer.

Half precision concerns only this arithmetic. Kernels, masks, frozen values, biases, the optimizer's state, the output
layer and the loss stay float32.
"""

from __future__ import annotations

from collections.abc import Iterator

import keras

HALF_TYPES = ("float16", "bfloat16")


def set_precision(model: keras.Model, precision: str) -> None:
    """Sets the dtype policy of every layer of a float32 model, except the output layers, which stay float32.

    A model is not changed if any layer has another policy already. Layers of text or whole numbers, such as those that
    look words up, do not count and keep theirs.

    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
    >>> set_precision(model, "mixed_bfloat16")
    >>> [(layer.compute_dtype, layer.kernel.dtype) for layer in model.layers]
    [('bfloat16', 'float32'), ('float32', 'float32')]
    """
    layers = [layer for layer in _layers(model) if keras.backend.is_float_dtype(layer.compute_dtype)]
    if precision == "float32" or any(layer.dtype_policy.name != "float32" for layer in layers):
        return
    outputs = {id(layer) for layer in _output_layers(model)}
    for layer in layers:
        if id(layer) not in outputs:
            layer.dtype_policy = keras.DTypePolicy(precision)


def set_float32(model: keras.Model) -> None:
    """Sets every layer of a model that computes in half precision to float32."""
    for layer in _layers(model):
        if layer.compute_dtype in HALF_TYPES:
            layer.dtype_policy = keras.DTypePolicy("float32")


def half_types(model: keras.Model) -> set[str]:
    """Returns the half-precision types that a model's layers compute in: "bfloat16", "float16", none or both."""
    return {layer.compute_dtype for layer in _layers(model)} & set(HALF_TYPES)


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    """Yields every layer with the InputLayers, which `all_layers` leaves out, but without nested models themselves."""
    for layer in model._flatten_layers(include_self=False):
        if not isinstance(layer, keras.Model):
            yield layer


def _output_layers(model: keras.Model) -> list[keras.Operation]:
    """Returns the layers that compute a model's outputs; if one has no weights (a softmax), also the one before."""
    found, pending = [], keras.tree.flatten(model.outputs)
    while pending:
        layer, node, _ = pending.pop()._keras_history
        if isinstance(layer, keras.Model):
            found += _output_layers(layer)
            continue
        found.append(layer)
        if not getattr(layer, "weights", None):  # operations such as a sum have no weights
            pending += layer._inbound_nodes[node].input_tensors
    return found
