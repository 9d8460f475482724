"""A Keras model's weights as plain arrays, read and set by name.

Weights are a `dict[str, np.ndarray]` with every weight (kernels, biases, batch-norm statistics) under "layer/variable";
a mask is such a dict with a boolean array for each maskable kernel.
"""

from __future__ import annotations

from collections.abc import Iterator

import keras

from lottery_tf.errors import InputError
from lottery_tf.masking.layers import MaskedLayer
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Weights

OWN_VARIABLES = ("kernel_mask", "frozen_values")  # a masked layer's weights that are not part of a model's state


def layers_with_weights(model: keras.Model) -> Iterator[tuple[str, keras.layers.Layer]]:
    """Every layer that has weights, once, with its path in the model ("inner/dense_1") as its name."""
    seen = set()
    for name, layer in _all_layers(model):
        if layer.weights and id(layer) not in seen:
            seen.add(id(layer))
            yield name, layer


def _all_layers(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """Every layer with its path in the model; a layer that inner models share comes once for each path."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _all_layers(layer, f"{prefix}{layer.name}/")
        else:
            yield f"{prefix}{layer.name}", layer


def refresh_derived_weights(layer: keras.layers.Layer) -> None:
    """Updates what a layer derives from its weights and keeps beside them, as `Normalization` does."""
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()


def masked_layers(model: keras.Model) -> dict[str, MaskedLayer]:
    """The masked layers by the name of their kernel, in the model's order."""
    return {f"{name}/kernel": layer for name, layer in layers_with_weights(model) if isinstance(layer, MaskedLayer)}


def kernels(model: keras.Model) -> Weights:
    """The maskable kernels by name, in the model's order."""
    return {name: layer.kernel.numpy() for name, layer in masked_layers(model).items()}


def kernel_tensors(model: keras.Model) -> list:
    """The kernels that a model trains, as tensors to compute with; pruned weights feel no gradient."""
    found = [layer for _, layer in layers_with_weights(model) if layer.trainable and hasattr(layer, "kernel")]
    return [
        layer.masked_kernel(layer.kernel) if isinstance(layer, MaskedLayer) else layer.kernel.value for layer in found
    ]


def variables(model: keras.Model) -> dict[str, keras.Variable]:
    """The variables that make up a model's state, by name."""
    found = {}
    for prefix, layer in layers_with_weights(model):
        counts: dict[str, int] = {}
        for variable in layer.weights:
            if isinstance(layer, MaskedLayer) and variable.name in OWN_VARIABLES:
                continue
            # A wrapper layer (Bidirectional, say) may hold several weights of one name.
            count = counts[variable.name] = counts.get(variable.name, 0) + 1
            found[f"{prefix}/{variable.name}" + (f"_{count}" if count > 1 else "")] = variable
    return found


def get_weights(model: keras.Model) -> Weights:
    """A model's weights as arrays, masks left out."""
    return {name: variable.numpy() for name, variable in variables(model).items()}


def set_weights(model: keras.Model, state: Weights, mask: Mask | None = None) -> None:
    """Sets a model's weights and, where a mask is given, freezes the pruned weights at the state's own values.

    Raises:
      InputError: names or shapes that are not the model's.
    """
    wanted = variables(model)
    if state.keys() != wanted.keys():
        odd = sorted(state.keys() ^ wanted.keys())
        raise InputError(f"The weights are not those of the model {model.name!r}: {', '.join(odd[:5])}.")
    for name, variable in wanted.items():
        if tuple(variable.shape) != state[name].shape:
            raise InputError(f"{name!r} has shape {state[name].shape}; the model's has {tuple(variable.shape)}.")
        variable.assign(state[name])
    for _, layer in layers_with_weights(model):
        refresh_derived_weights(layer)
    for name, layer in masked_layers(model).items():
        if mask is not None:
            layer.set_mask(mask[name], state[name])
