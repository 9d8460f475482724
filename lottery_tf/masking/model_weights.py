"""A Keras model's weights as plain arrays, read and set by name.

Weights are a `dict[str, np.ndarray]` with every weight (kernels, biases, batch-norm statistics) under "layer/variable";
a mask is such a dict with a boolean array for each maskable kernel.
"""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.errors import InputError
from lottery_tf.masking.kernel_table import can_be_masked, kernel_variables
from lottery_tf.masking.layers import MaskedKernel, MaskedLayer
from lottery_tf.masking.naming import renamed, without_number
from lottery_tf.masking.sublayers import all_layers, chains, own_variables
from lottery_tf.pruning import masks
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Weights


def layers_with_weights(model: keras.Model) -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yields every layer with weights in a model and the models inside it, with its path ("inner/dense_1").

    A layer inside another layer is left out, because the weights of the outer layer include its weights.
    """
    for chain in chains(model):
        *holders, layer = chain
        in_models_only = all(isinstance(holder, keras.Model) for holder in holders)
        if in_models_only and layer.weights and not isinstance(layer, keras.Model):
            yield "/".join(link.name for link in chain[1:]), layer


def refresh_derived_weights(layer: keras.layers.Layer) -> None:
    """Updates the values that a layer computes from its weights and stores beside them, as `Normalization` does."""
    if layer.weights and hasattr(layer, "finalize_state"):
        layer.finalize_state()


def masked_kernels(model: keras.Model) -> dict[str, MaskedKernel]:
    """Returns the kernels that have masks, by name, in the model's order."""
    names = names_by_variable(model)
    layers = (layer for layer in all_layers(model) if isinstance(layer, MaskedLayer))
    return {names[id(kernel.variable)]: kernel for layer in layers for kernel in layer.masked_kernels}


def kernel_layers(model: keras.Model) -> dict[str, tuple[keras.layers.Layer, str]]:
    """Returns all kernels by name, with or without a mask: the layer of each and the attribute that holds it."""
    names = names_by_variable(model)
    return {
        names[id(variable)]: (layer, kernel.attribute)
        for layer in all_layers(model)
        if can_be_masked(layer)
        for kernel, variable in kernel_variables(layer)
    }


def kernels(model: keras.Model) -> Weights:
    """Returns all kernels by name, in the model's order; also those that have no mask, but could have one."""
    by_name = variables(model)
    return {name: _array(by_name[name]) for name in kernel_layers(model)}


def kernel_tensors(model: keras.Model) -> list:
    """Returns the trained kernels of a model as tensors; pruned weights have no gradient."""
    trained = {id(variable) for variable in model.trainable_variables}
    masked = {id(kernel.variable): kernel for kernel in masked_kernels(model).values()}
    tensors = []
    for layer in all_layers(model):
        # A class that `KERNELS` does not contain may have a kernel too.
        for variable in [variable for _, variable in kernel_variables(layer)] or [getattr(layer, "kernel", None)]:
            if id(variable) in trained:
                tensors.append(masked[id(variable)].masked_kernel() if id(variable) in masked else variable.value)
    return tensors


def names_by_variable(model: keras.Model) -> dict[int, str]:
    """Returns the name of each variable of a model, by the variable's `id`."""
    return {id(variable): name for name, variable in variables(model).items()}


def mask_variables(model: keras.Model) -> set[int]:
    """Returns the `id` of each mask and of each variable with frozen values."""
    layers = (layer for layer in all_layers(model) if isinstance(layer, MaskedLayer))
    kernels = (kernel for layer in layers for kernel in layer.masked_kernels)
    return {id(variable) for kernel in kernels for variable in (kernel.kernel_mask, kernel.frozen_values)}


def variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Returns the variables of a model by name, without masks and frozen values."""
    by_name: dict[str, keras.Variable] = {}
    seen = mask_variables(model)
    for prefix, weights in _weights_by_layer(model):
        counts: dict[str, int] = {}
        for variable in weights:
            if id(variable) in seen:  # a custom model may hold the weights of its layers too
                continue
            seen.add(id(variable))
            name = without_number(variable.name)
            # A layer that holds layers (Bidirectional, say) may have several weights of one name.
            count = counts[name] = counts.get(name, 0) + 1
            by_name[f"{prefix}{name}" + (f"_{count}" if count > 1 else "")] = variable
    return by_name


def _weights_by_layer(model: keras.Model) -> Iterator[tuple[str, list[keras.Variable]]]:
    """Yields the weights of each layer of `layers_with_weights`, then those of custom models outside their layers."""
    for name, layer in layers_with_weights(model):
        yield f"{name}/", layer.weights
    for layer in all_layers(model):
        if isinstance(layer, keras.Model) and (weights := own_variables(layer)):
            yield "" if layer is model else f"{layer.name}/", weights


def _array(variable: keras.Variable) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(variable))


def copy_weights(model: keras.Model, copy: keras.Model) -> None:
    """Gives a model's weights to its copy, in their order.

    Raises:
      InputError: the copy has more or fewer weights, or weights of other shapes.
    """
    sources, targets = list(variables(model).values()), list(variables(copy).values())
    if [tuple(v.shape) for v in sources] != [tuple(v.shape) for v in targets]:
        raise InputError(
            f"The copy of {model.name!r} has other weights than the model: {len(targets)} arrays instead of "
            f"{len(sources)}, or other shapes. A class in it is not rebuilt from its `get_config` as it was."
        )
    for source, target in zip(sources, targets, strict=True):
        target.assign(source)
    for layer in all_layers(copy):
        refresh_derived_weights(layer)


def copy_vocabularies(model: keras.Model, copy: keras.Model) -> None:
    """Gives the copy of a model the vocabularies that `adapt` gave its lookup layers; configurations lack them."""
    lookups = keras.layers.StringLookup, keras.layers.IntegerLookup  # a TextVectorization holds one
    wanted = [layer for layer in all_layers(copy) if isinstance(layer, lookups)]
    given = [layer for layer in all_layers(model) if isinstance(layer, lookups)]
    for source, target in zip(given, wanted, strict=True):
        if source.input_vocabulary is not None or source is target:
            continue
        if len(vocabulary := source.get_vocabulary()) == 0:  # not adapted
            continue
        values: dict[str, np.ndarray] = {}
        source.save_own_variables(values)  # weights of the words, in one mode
        target.set_vocabulary(vocabulary, **{name: value[: len(vocabulary)] for name, value in values.items()})


@checked
def get_weights(model: keras.Model) -> Weights:
    """Returns a model's weights as arrays, without masks."""
    return {name: _array(variable) for name, variable in variables(model).items()}


@checked
def set_weights(model: keras.Model, state: Weights, mask: Mask | None = None) -> None:
    """Sets a model's weights and, where a mask is given, freezes the pruned weights at their given values.

    Names may have the numbers that the same model's layers had in another process (`naming.renamed`). All weights are
    kept of a kernel that is missing in the mask.

    Raises:
      InputError: names or shapes are not those of the model, values are not finite, or the mask prunes a kernel without
        a mask.
    """
    for name, value in state.items():
        masks.check_finite(name, np.asarray(value))
    assign(model, state, mask)


def assign(model: keras.Model, weights: Weights, mask: Mask | None = None) -> None:
    """Sets weights as `set_weights` does, also those of a training that diverged, which are not finite."""
    targets = variables(model)
    weights = {name: np.asarray(value) for name, value in renamed(weights, targets).items()}
    if weights.keys() != targets.keys():
        different = sorted(weights.keys() ^ targets.keys())
        raise InputError(f"The weights are not those of the model {model.name!r}: {', '.join(different[:5])}.")
    for name, variable in targets.items():
        if tuple(variable.shape) != weights[name].shape:
            raise InputError(f"{name!r} has shape {weights[name].shape}; the model's has {tuple(variable.shape)}.")
        variable.assign(weights[name])
    for layer in all_layers(model):
        refresh_derived_weights(layer)
    if mask is None:
        return
    masked = masked_kernels(model)
    # By the names of all kernels first: the mask may have entries for kernels without masks, which keep every weight.
    mask = renamed(renamed(mask, kernel_layers(model)), masked)
    if different := sorted(mask.keys() - kernel_layers(model).keys()):
        raise InputError(f"The mask is not one of the model {model.name!r}: {', '.join(different[:5])}.")
    if pruned := sorted(name for name in mask.keys() - masked.keys() if not np.all(mask[name])):
        raise InputError(
            f"The model {model.name!r} has no mask on {', '.join(pruned[:5])}, so nothing is pruned there."
        )
    for name, kernel in masked.items():
        kernel.set_mask(mask.get(name, np.ones(weights[name].shape, bool)), weights[name])
