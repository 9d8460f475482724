"""A Keras model's weights as plain arrays, read and set by name.

Weights are a `dict[str, np.ndarray]` with every weight (kernels, biases, batch-norm statistics) under "layer/variable";
a mask is such a dict with a boolean array for each maskable kernel.
"""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from lottery_tf.errors import InputError
from lottery_tf.masking.kernel_table import can_be_masked, kernel_variables
from lottery_tf.masking.layers import MaskedKernel, MaskedLayer
from lottery_tf.masking.naming import renamed, without_number
from lottery_tf.masking.sublayers import all_layers, own_variables
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Weights


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


def masked_kernels(model: keras.Model) -> dict[str, MaskedKernel]:
    """The kernels that have masks, by name, in the model's order."""
    names = names_by_variable(model)
    layers = (layer for layer in all_layers(model) if isinstance(layer, MaskedLayer))
    return {names[id(each.kernel)]: each for layer in layers for each in layer.masked_kernels}


def kernel_layers(model: keras.Model) -> dict[str, tuple[keras.layers.Layer, str]]:
    """All kernels by name, whether they have masks or are left whole: the layer of each, and its attribute there."""
    names = names_by_variable(model)
    return {
        names[id(variable)]: (layer, kernel.attribute)
        for layer in all_layers(model)
        if can_be_masked(layer)
        for kernel, variable in kernel_variables(layer)
    }


def kernels(model: keras.Model) -> Weights:
    """All kernels by name, in the model's order; those of layers without a mask too, if they could have one."""
    found = variables(model)
    return {name: _array(found[name]) for name in kernel_layers(model)}


def kernel_tensors(model: keras.Model) -> list:
    """The kernels that a model trains, as tensors to compute with; pruned weights feel no gradient."""
    trained = {id(variable) for variable in model.trainable_variables}
    masked = {id(each.kernel): each for each in masked_kernels(model).values()}
    found = []
    for layer in all_layers(model):
        of_table = [variable for _, variable in kernel_variables(layer)]
        own = [getattr(layer, "kernel", None)] if not of_table else []
        for variable in (*of_table, *own):
            if id(variable) in trained:
                found.append(masked[id(variable)].masked_kernel() if id(variable) in masked else variable.value)
    return found


def names_by_variable(model: keras.Model) -> dict[int, str]:
    """The name of each variable of a model's state, by the variable's identity."""
    return {id(variable): name for name, variable in variables(model).items()}


def mask_variables(model: keras.Model) -> set[int]:
    """The identities of a model's masks and frozen values."""
    kernels = (each for layer in all_layers(model) if isinstance(layer, MaskedLayer) for each in layer.masked_kernels)
    return {id(variable) for each in kernels for variable in (each.kernel_mask, each.frozen_values)}


def variables(model: keras.Model) -> dict[str, keras.Variable]:
    """The variables that make up a model's state, by name; masks and frozen values are none of it."""
    found: dict[str, keras.Variable] = {}
    seen = mask_variables(model)
    for prefix, weights in _weights_by_layer(model):
        counts: dict[str, int] = {}
        for variable in weights:
            if id(variable) in seen:  # a model of one's own may hold the weights of its layers as well
                continue
            seen.add(id(variable))
            name = without_number(variable.name)
            # A layer that holds layers (Bidirectional, say) may have several weights of one name.
            count = counts[name] = counts.get(name, 0) + 1
            found[f"{prefix}{name}" + (f"_{count}" if count > 1 else "")] = variable
    return found


def _weights_by_layer(model: keras.Model) -> Iterator[tuple[str, list[keras.Variable]]]:
    """The weights of each layer of `layers_with_weights` and, last, those that models of one's own have themselves."""
    for name, layer in layers_with_weights(model):
        yield f"{name}/", layer.weights
    for each in all_layers(model):
        if isinstance(each, keras.Model) and (own := own_variables(each)):
            yield "" if each is model else f"{each.name}/", own


def _array(variable: keras.Variable) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable))


def copy_weights(model: keras.Model, copy: keras.Model) -> None:
    """Gives a model's weights to its copy, one after another.

    Raises:
      InputError: the copy has other weights.
    """
    given, wanted = list(variables(model).values()), list(variables(copy).values())
    if [tuple(v.shape) for v in given] != [tuple(v.shape) for v in wanted]:
        raise InputError(
            f"The copy of {model.name!r} has other weights than the model: {len(wanted)} arrays instead of "
            f"{len(given)}, or other shapes. A class in it is not rebuilt from its `get_config` as it was."
        )
    for source, target in zip(given, wanted, strict=True):
        target.assign(source)
    for layer in all_layers(copy):
        refresh_derived_weights(layer)


def get_weights(model: keras.Model) -> Weights:
    """A model's weights as arrays, masks left out."""
    return {name: _array(variable) for name, variable in variables(model).items()}


def set_weights(model: keras.Model, state: Weights, mask: Mask | None = None) -> None:
    """Sets a model's weights and, where a mask is given, freezes the pruned weights at the state's own values.

    Names may be those of the same model in another process, with other numbers (`naming.renamed`). A kernel that the
    mask does not name is kept whole.

    Raises:
      InputError: names or shapes that are not the model's, or a mask that prunes a kernel which has none.
    """
    wanted = variables(model)
    state = renamed(state, wanted)
    if state.keys() != wanted.keys():
        odd = sorted(state.keys() ^ wanted.keys())
        raise InputError(f"The weights are not those of the model {model.name!r}: {', '.join(odd[:5])}.")
    for name, variable in wanted.items():
        if tuple(variable.shape) != state[name].shape:
            raise InputError(f"{name!r} has shape {state[name].shape}; the model's has {tuple(variable.shape)}.")
        variable.assign(state[name])
    for layer in all_layers(model):
        refresh_derived_weights(layer)
    if mask is None:
        return
    masked = masked_kernels(model)
    mask = renamed(renamed(mask, kernel_layers(model)), masked)
    if odd := sorted(mask.keys() - kernel_layers(model).keys()):
        raise InputError(f"The mask is not one of the model {model.name!r}: {', '.join(odd[:5])}.")
    if whole := sorted(name for name in mask.keys() - masked.keys() if not np.all(mask[name])):
        raise InputError(f"The model {model.name!r} has no mask on {', '.join(whole[:5])}, so nothing is pruned there.")
    for name, kernel in masked.items():
        kernel.set_mask(mask.get(name, np.ones(state[name].shape, bool)), state[name])
