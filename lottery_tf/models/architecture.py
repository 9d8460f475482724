"""Describes a model's architecture as JSON, so that two models can be compared and their differences shown.

Names are left out, because a model that is built twice in one process gets different names.
"""

from __future__ import annotations

import json
from typing import Any

import keras
import numpy as np

from lottery_tf.masking.kernel_table import MASK_VARIABLES
from lottery_tf.models.own_code import describe_code, functions_in, is_own

NAMES = ("name", "keras_history", "input_layers", "output_layers", "inbound_nodes", "registered_name", "module")
MASKED = "Masked"  # the class of a masked layer has this prefix and the name of the layer's original class


def describe_architecture(model: keras.Model) -> dict:
    """Describes each layer's class, settings and shapes of weights, and the connections between layers.

    Masks, and the names and values of weights, are left out.

    >>> def network(units):
    ...     return keras.Sequential([keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dense(2)])
    >>> describe_architecture(network(3)) == describe_architecture(network(3))
    True
    >>> describe_architecture(network(3))["1"]["weights"]
    {'kernel': [4, 3], 'bias': [3]}
    """
    # Not `all_layers`: results folders store the order of Keras's own walk, which also yields the InputLayer.
    layers = list(model._flatten_layers(include_self=False))
    described = {str(number): _describe_layer(layer) for number, layer in enumerate(layers)}
    feeds = {str(number): feed for number, feed in enumerate(_feeds(model))}
    return {"layers": len(layers), **described, "feeds": feeds, "itself": _own_code(model)}


def _describe_layer(layer: keras.layers.Layer) -> dict:
    description = _own_code(layer) | {
        "class": type(layer).__name__.removeprefix(MASKED),
        "weights": {v.name: list(v.shape) for v in layer._trainable_variables + layer._non_trainable_variables
                    if v.name not in MASK_VARIABLES},
    }  # fmt: skip
    # The layers of a nested model are listed too, so its own config is not needed.
    return description if isinstance(layer, keras.Model) else description | {"config": _settings(layer)}


def _own_code(layer: keras.layers.Layer) -> dict:
    """Returns what a user made of a layer or a model: the code of its class and functions, the class's settings."""
    attributes = {name: value for name, value in sorted(vars(layer).items()) if not hasattr(value, "__wrapped__")}
    found: dict[str, Any] = {"functions": functions} if (functions := describe_code(*functions_in(attributes))) else {}
    own_class = next((cls for cls in type(layer).__mro__ if is_own(cls)), None)
    if own_class is not None:
        found |= {"own_class": own_class.__name__.removeprefix(MASKED), "code": describe_code(own_class)}
        found |= {"own_config": _settings(layer)} if isinstance(layer, keras.Model) else {}
    return found


def _settings(layer: keras.layers.Layer) -> dict:
    """Returns a layer's settings as JSON; empty if it cannot be serialized."""
    try:
        config = keras.saving.serialize_keras_object(layer)["config"]
        return json.loads(json.dumps(_without_names(config), default=lambda value: type(value).__name__))
    except (NotImplementedError, TypeError, ValueError, KeyError):
        return {}


def _without_names(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("class_name") == "__lambda__":
            return "lambda"
        return {key: _without_names(each) for key, each in value.items() if key not in NAMES}
    if not isinstance(value, (list, tuple)):
        return value
    if len(value) == 3 and isinstance(value[0], str) and value[0].endswith("\n"):
        return "lambda"  # the code of a lambda contains its file and line
    return [_without_names(each) for each in value]


def _feeds(model: keras.Model) -> list[str]:
    """Returns for each operation of a functional model its class and arguments; tensors by their operation."""
    model = getattr(model, "_functional", None) or model
    if not hasattr(model, "operations"):
        return []
    numbers = {id(operation): number for number, operation in enumerate(model.operations)}
    in_model = {id(node) for nodes in model._nodes_by_depth.values() for node in nodes}

    def argument(value: Any) -> str:
        if isinstance(value, keras.KerasTensor):
            maker = value._keras_history
            return f"#{numbers.get(id(maker.operation))}.{maker.tensor_index}"
        return str(np.asarray(value).tolist()) if hasattr(value, "__array__") else str(value)

    rows = []
    for operation in model.operations:
        for node in operation._inbound_nodes:
            if id(node) in in_model:
                called = keras.tree.map_structure(argument, [list(node.arguments.args), dict(node.arguments.kwargs)])
                rows.append(f"{type(operation).__name__.removeprefix(MASKED)} {called}")
    return rows
