"""Builds the smaller model."""

from __future__ import annotations

import keras

from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, model_weights
from lottery_tf.masking.agreement import check_same_outputs
from lottery_tf.masking.compaction.graph import Graph, is_model


def compact(model: keras.Model) -> keras.Model:
    """A smaller plain Keras model whose outputs at inference are the same up to rounding.

    Left out are units and channels without outgoing connections; units and channels whose value does not depend on the
    input are folded into the next bias. Where a convolution pads its input, a constant channel other than zero is not
    the same at the border as inside, and stays. A layer of which nothing would be left keeps one unit. What is summed
    keeps the same channels in each summand, and so does a residual stream from its beginning to its end; what a layer
    normalization sees stays whole.

    Images keep their shape, and a flattened convolution may be needed at some places only. Where a Dense layer uses
    half of its inputs or fewer, these are picked (`keras.ops.take`) and the kernel loses the rows of all others.
    Picking a number takes a processor as long as multiplying it by more than a hundred others, so that with more than
    half of the inputs in use a smaller kernel would make a slower network. Time steps that Keras may mask
    (`Embedding(mask_zero=True)`, or a sequence as the model's input) are not picked from, for the mask would be lost.

    Before it is handed out, the result is compared with the model on random input.

    Args:
      model: a built Sequential or functional model, masked or not, with weights that are exactly zero. A model with a
        `call` of its own is rebuilt as its own class, if that is made as its base class is and calls that one's `call`.

    Returns:
      A functional model with the layers' names kept, uncompiled, that needs nothing of this package. Models inside the
      model are compacted as well, each by itself; those with a `call` of their own are left whole.

    Raises:
      InputError: a subclassed or unbuilt model, one without a layer that can be masked, or one whose class cannot be
        kept.

    >>> import numpy as np
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(2)])
    >>> model.layers[1].set_weights([np.array([[1, 1], [0, 0], [1, 1]]), np.zeros(2)])  # nobody hears the second unit
    >>> [layer.count_params() for layer in model.layers], [layer.count_params() for layer in compact(model).layers[1:]]
    ([15, 8], [10, 6])
    """
    if not is_model(model):
        raise InputError(
            f"{model.name!r} is neither a Sequential nor a functional Keras model, so what its layers are given is not "
            "known, and none can be made smaller."
        )
    plain = conversion.unmasked(model)
    own_class = type(plain) if has_own_call(plain) else None
    small = compacted(plain, [len(tensor.shape) > 2 for tensor in plain.inputs], pick=own_class is None)
    if own_class is not None:
        small = _as_class(small, own_class)
    check_same_outputs(plain, small, tolerance=1e-3)
    return small


def has_own_call(model: keras.Model) -> bool:
    """Whether a model's class does more than run its layers: its `call` is not one of Keras's own.

    >>> class Doubled(keras.Sequential):
    ...     def call(self, inputs):
    ...         return 2 * super().call(inputs)
    >>> has_own_call(Doubled()), has_own_call(keras.Sequential())
    (True, False)
    """
    definers = (next(kind for kind in type(model).__mro__ if name in vars(kind)) for name in ("call", "__call__"))
    return not all(kind.__module__.startswith("keras.") for kind in definers)


def _as_class(model: keras.Model, own_class: type) -> keras.Model:
    """A functional model as one of a class that is derived from Sequential or from a functional model."""
    try:
        if issubclass(own_class, keras.Sequential):
            return own_class(model.layers, name=model.name)
        return own_class(model.input, model.output, name=model.name)
    except Exception as error:
        raise InputError(
            f"{model.name!r} has a class with a `call` of its own, {own_class.__name__}, which is not made as Keras's "
            f"own models are, and so cannot be made smaller ({error}). Compact a model of Keras's class and wrap it."
        ) from error


def compacted(model: keras.Model, may_have_masks: list[bool], pick: bool = True) -> keras.Model:
    """`compact` for a model that may be taken apart.

    Models in it with their own `call` become part of the result. The other arguments are those of `Graph`.
    """
    ends = (model.inputs[0], model.outputs[0]) if isinstance(model, keras.Sequential) else (model.input, model.output)
    model = keras.Model(*ends, name=model.name)  # functional, and not compiled
    graph = Graph(model, may_have_masks, pick)
    smaller = graph.smaller()

    def clone(layer):
        if is_model(layer):
            return layer if has_own_call(layer) else compacted(layer, graph.may_have_masks(layer), pick)
        changes = smaller[layer.name].config if layer.name in smaller else {}
        return type(layer).from_config(layer.get_config() | changes)

    def call(layer, *args, **kwargs):
        picked = smaller[layer.name].picked if layer.name in smaller else None
        return layer(*args, **kwargs) if picked is None else layer(keras.ops.take(args[0], picked, axis=-1), **kwargs)

    with conversion.uncompiled(model):
        result = keras.models.clone_model(model, clone_function=clone, call_function=call)
    for layer in model.layers:
        if layer.weights and not is_model(layer):
            weights = smaller[layer.name].weights if layer.name in smaller else layer.get_weights()
            result.get_layer(layer.name).set_weights(weights)
            model_weights.refresh_derived_weights(result.get_layer(layer.name))
    return result
