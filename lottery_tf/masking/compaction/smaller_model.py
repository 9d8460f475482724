"""Builds the smaller model."""

from __future__ import annotations

import keras

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, model_weights
from lottery_tf.masking.agreement import check_same_outputs
from lottery_tf.masking.compaction.graph import Graph, is_model
from lottery_tf.masking.keras_code import is_of_keras


@checked
def compact(model: keras.Model) -> keras.Model:
    """Returns a smaller plain Keras model whose outputs at inference are the same up to rounding.

    Units and channels without outgoing connections are removed. Those whose value does not depend on the input are
    moved into the next bias and removed. But if a convolution pads its input, a constant channel other than zero
    differs at the border, so it is kept. Each layer keeps at least one unit. The terms of a sum keep the same channels,
    and so do all layers of a residual stream. All inputs of a layer normalization are kept.

    Images keep their shape. If a Dense layer uses at most half of its inputs, it selects them with `keras.ops.take`,
    and its kernel loses the rows of all others. Selecting a number costs as much as a hundred multiplications, so it
    pays only if at most half of the inputs are used. Inputs are not selected if Keras may mask their time steps
    (`Embedding(mask_zero=True)`, or a sequence as the model's input), because the mask would be lost.

    The result is compared with the model on random input.

    Args:
      model: a built Sequential or functional model, masked or not, with weights that are exactly zero. A model of a
        derived class with a custom `call` is rebuilt in its class, if the class has the arguments of its base class and
        its `call` calls that of the base class.

    Returns:
      A functional model that is not compiled and does not need this package. Layers keep their names. Models inside the
      model are compacted separately; those with a custom `call` do not change.

    Raises:
      InputError: the model is subclassed or not built, has no layer that can be masked, or its class cannot be kept.

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(2)])
    >>> model.layers[1].set_weights([np.array([[1, 1], [0, 0], [1, 1]]), np.zeros(2)])  # the second unit is not used
    >>> [layer.count_params() for layer in model.layers], [layer.count_params() for layer in compact(model).layers[1:]]
    ([15, 8], [10, 6])
    """
    if not is_model(model):
        raise InputError(
            f"{model.name!r} is neither a Sequential nor a functional Keras model, so what its layers are given is not "
            "known, and none can be made smaller."
        )
    plain = conversion.unmasked(model)
    subclass = type(plain) if has_custom_call(plain) else None
    small = compacted(plain, [len(tensor.shape) > 2 for tensor in plain.inputs], pick=subclass is None)
    if subclass is not None:
        small = _as_class(small, subclass)
    check_same_outputs(plain, small, tolerance=1e-3)
    return small


def has_custom_call(model: keras.Model) -> bool:
    """Returns whether a model's class has a custom `call`, which may do more than run its layers.

    >>> class Doubled(keras.Sequential):
    ...     def call(self, inputs):
    ...         return 2 * super().call(inputs)
    >>> has_custom_call(Doubled()), has_custom_call(keras.Sequential())
    (True, False)
    """
    definers = (next(kind for kind in type(model).__mro__ if name in vars(kind)) for name in ("call", "__call__"))
    return not all(map(is_of_keras, definers))


def _as_class(model: keras.Model, subclass: type) -> keras.Model:
    """Turns a functional model into a model of a class derived from Sequential or from a functional model."""
    try:
        if issubclass(subclass, keras.Sequential):
            return subclass(model.layers, name=model.name)
        return subclass(model.input, model.output, name=model.name)
    except Exception as error:
        raise InputError(
            f"{model.name!r} has a class with a custom `call`, {subclass.__name__}, which is not made as Keras's "
            f"own models are, and so cannot be made smaller ({error}). Compact a model of Keras's class and wrap it."
        ) from error


def compacted(model: keras.Model, may_have_masks: list[bool], pick: bool = True) -> keras.Model:
    """Compacts a plain model, whose layers may be used in the result.

    Models in it with a custom `call` become part of the result. The other arguments are those of `Graph`.
    """
    ends = (model.inputs[0], model.outputs[0]) if isinstance(model, keras.Sequential) else (model.input, model.output)
    model = keras.Model(*ends, name=model.name)  # functional, and not compiled
    graph = Graph(model, may_have_masks, pick)
    smaller = graph.smaller()

    def clone(layer):
        if is_model(layer):
            return layer if has_custom_call(layer) else compacted(layer, graph.may_have_masks(layer), pick)
        changes = smaller[layer.name].config if layer.name in smaller else {}
        return conversion.rebuilt(layer, type(layer), **changes)

    def call(layer, *args, **kwargs):
        picked = smaller[layer.name].picked if layer.name in smaller else None
        return layer(*args, **kwargs) if picked is None else layer(keras.ops.take(args[0], picked, axis=-1), **kwargs)

    with conversion.copying(model):
        result = keras.models.clone_model(model, clone_function=clone, call_function=call)
    model_weights.copy_vocabularies(model, result)
    for layer in model.layers:
        if layer.weights and not is_model(layer):
            weights = smaller[layer.name].weights if layer.name in smaller else layer.get_weights()
            result.get_layer(layer.name).set_weights(weights)
            model_weights.refresh_derived_weights(result.get_layer(layer.name))
    return result
