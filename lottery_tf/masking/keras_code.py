"""Tells Keras's own classes and functions from those of a user."""

from __future__ import annotations

from typing import Any


def is_of_keras(function_or_class: Any) -> bool:
    """Returns whether a function or a class is defined in Keras.

    >>> import keras
    >>> is_of_keras(keras.layers.Dense), is_of_keras(keras.activations.relu), is_of_keras(is_of_keras)
    (True, True, False)
    """
    module = getattr(function_or_class, "__module__", None)  # some functions in C have none
    return module is not None and module.partition(".")[0] == "keras"
