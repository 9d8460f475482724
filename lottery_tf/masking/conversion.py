"""Copies of Keras models with masked layers, and back to Keras's own layers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from lottery_tf.errors import InputError
from lottery_tf.masking.layers import MASKABLE
from lottery_tf.masking.model_weights import get_weights, layers_with_weights, set_weights


def masked(model: keras.Model) -> keras.Model:
    """A copy of a Keras model whose Dense and Conv1D, 2D and 3D layers carry masks that keep every weight.

    The weights are copied. A model that is masked already is copied without its masks.

    Layers of other classes stay as they are, and so do subclasses of those four, whose `call` may be their own.

    Args:
      model: a built Sequential or functional model (models inside it are converted too).

    Raises:
      InputError: a subclassed or unbuilt model, or one without a layer that can be masked.
    """
    return _converted(model, MASKABLE)


def unmasked(model: keras.Model) -> keras.Model:
    """A copy of a masked model with Keras's own layers, which needs nothing of this package.

    Pruned weights are ordinary weights there, at their frozen values.
    """
    return _converted(model, {masked: plain for plain, masked in MASKABLE.items()})


def _converted(model: keras.Model, replacements: Mapping[type, Any]) -> keras.Model:
    if not isinstance(model, keras.Sequential) and not hasattr(model, "operations"):
        raise InputError(f"{model.name!r} is neither a Sequential nor a functional Keras model and cannot be copied.")
    if not model.built:
        raise InputError(f"{model.name!r} has no weights yet: give it an Input layer or call it once.")

    def convert(layer):
        return replacements.get(type(layer), type(layer)).from_config(layer.get_config())

    known = {*replacements, *replacements.values()}
    if not any(type(layer) in known for _, layer in layers_with_weights(model)):
        raise InputError(f"{model.name!r} has no layer of {', '.join(kind.__name__ for kind in replacements)}.")
    with uncompiled(model):
        copy = keras.models.clone_model(model, clone_function=convert, recursive=True)
    set_weights(copy, get_weights(model))
    return copy


@contextlib.contextmanager
def uncompiled(model: keras.Model) -> Iterator[None]:
    """Temporarily marks a model, and models inside it, as not compiled.

    `clone_model` would otherwise copy a loss that it may be unable to serialize.
    """
    compiled = [each for each in (model, *_inner(model)) if each.compiled]
    for each in compiled:
        each.compiled = False
    try:
        yield
    finally:
        for each in compiled:
            each.compiled = True


def _inner(model: keras.Model) -> Iterator[keras.Model]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from (layer, *_inner(layer))
