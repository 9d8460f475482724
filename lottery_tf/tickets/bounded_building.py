"""Builds a model from a configuration that is not trusted without memory for more than the limits allow."""

from __future__ import annotations

import contextlib
import inspect
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from lottery_tf.errors import InputError
from lottery_tf.tickets.limits import Limits, TooLarge, size_of

_PATCHED = threading.RLock()  # held while symbolic tensors are counted


@contextlib.contextmanager
def bounded_building(weights: int, allowed: Limits | None) -> Iterator[None]:
    """Refuses models that have more weights than are stored, or that have symbolic tensors beyond the limits.

    Keras takes memory for some of these while it builds, so that counting them afterwards would be too late.

    Raises:
      TooLarge: a symbolic tensor has too many numbers, or there are too many of them.
    """
    with bounded_variables(weights), bounded_tensors(allowed) if allowed else contextlib.nullcontext():
        yield


@contextlib.contextmanager
def bounded_variables(weights: int) -> Iterator[None]:
    """Refuses a model with more weights than stored before it allocates them.

    Floating-point weights are zeros and masks are ones: it could take long to draw them, and they are replaced anyway.
    """
    left = 3 * weights + 10_000  # a masked kernel has a mask and frozen values; dropout layers have small states
    graph = tf.Graph()

    def creator(next_creator: Callable, **arguments: Any) -> Any:
        nonlocal left
        shape, dtype = _shape_and_dtype(arguments["initial_value"], graph)
        left -= math.prod(shape)
        if left < 0:
            raise InputError(f"it has more than the {weights} weights that are stored.")
        if dtype is not None and dtype.is_floating:
            arguments["initial_value"] = tf.zeros(shape, dtype)
        elif dtype is not None and dtype.is_bool:
            arguments["initial_value"] = tf.ones(shape, dtype)  # a mask
        return next_creator(**arguments)

    with tf.variable_creator_scope(creator):
        yield


def _shape_and_dtype(value: Any, graph: tf.Graph) -> tuple[tuple[int, ...], tf.DType | None]:
    """Returns the shape of a variable's initial value, and its type if it is yet to be drawn."""
    if not callable(value):
        return np.shape(value), None
    variable = inspect.getclosurevars(value).nonlocals.get("self")
    if isinstance(variable, keras.Variable):  # whose initializer this is
        return tuple(variable.shape), tf.as_dtype(variable.dtype)
    with graph.as_default():  # in a graph the initial value is only described, not computed
        drawn = value()
    return tuple(drawn.shape), drawn.dtype


@contextlib.contextmanager
def bounded_tensors(allowed: Limits) -> Iterator[None]:
    """Refuses symbolic tensors that are too large or too many, as soon as this thread makes them."""
    count, refusals, thread, make = 0, [], threading.get_ident(), keras.KerasTensor.__init__

    def make_checked(tensor: keras.KerasTensor, *arguments: Any, **keywords: Any) -> None:
        nonlocal count
        make(tensor, *arguments, **keywords)
        if threading.get_ident() != thread:
            return
        count += 1
        try:
            allowed.check_counts("The network", tensors=count, numbers=size_of(tensor.shape))
        except TooLarge as error:
            refusals.append(error)
            raise

    with _PATCHED, mock.patch.object(keras.KerasTensor, "__init__", make_checked):
        try:
            yield
        except Exception:
            if refusals:  # Keras may have put an error of another type in its place
                raise refusals[0] from None
            raise
