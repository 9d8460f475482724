"""Chooses the compiler of the training steps: one XLA program for many steps, or a TensorFlow graph.

XLA removes the overhead of single operations, which is most of the time of a small dense network. Its convolutions are
fast on a GPU, but several times slower than TensorFlow's own on a CPU. It lacks some operations, such as those that
rotate images; steps that XLA refuses run as a graph.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from lottery_tf.errors import InputError
from lottery_tf.masking.kernel_table import CONVOLUTIONS
from lottery_tf.masking.sublayers import all_layers

COMPILERS = {  # (whether the model has convolutions, the device) -> the compiler of its training steps
    (False, "CPU"): "xla",
    (False, "GPU"): "xla",
    (True, "CPU"): "graph",
    (True, "GPU"): "xla",
}
HOW_RUN = {  # compiler -> its description
    "xla": "one XLA program",
    "graph": "a TensorFlow graph",  # XLA compiles only the optimizer's update
    "graph_without_xla": "a TensorFlow graph without XLA",
}
FALLBACKS = dict(itertools.pairwise(HOW_RUN))  # a compiler that refuses the steps -> the next one to try


def compiler(model: keras.Model, device: str) -> str:
    """Returns the compiler, "xla" or "graph", for the training steps of a model on a device ("CPU" or "GPU").

    A model runs as a graph if one of its layers cannot be compiled (Keras's `supports_jit`).

    >>> dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> compiler(dense, "CPU")
    'xla'
    """
    try:
        chosen = COMPILERS[has_convolutions(model), device]
    except KeyError:
        raise InputError(f"The device is {device!r}; it must be 'CPU' or 'GPU'.") from None
    return chosen if all(layer.supports_jit for layer in all_layers(model)) else "graph"


def compiled(function: Callable, *arguments: Any, jit_compile: bool | None = None) -> Callable:
    """Returns a `tf.function` of a method of one object, with its first arguments fixed.

    One `tf.function` for several objects would be retraced for each, and TensorFlow would warn. So each object gets its
    own.
    """
    return tf.function(functools.partial(function, *arguments), jit_compile=jit_compile)


def fallback(compiler: str, error: tf.errors.OpError) -> str | None:
    """Returns the compiler to try after one has refused the steps with an error; None if no other would help."""
    return None if isinstance(error, tf.errors.ResourceExhaustedError) else FALLBACKS.get(compiler)


def reason(error: tf.errors.OpError) -> str:
    """Returns in a few words why a compiler refused the steps: the missing operation, or the start of its message.

    >>> message = "Detected unsupported operations when trying to compile graph f_1[] on XLA_CPU_JIT: Where (No kernel)"
    >>> reason(tf.errors.InvalidArgumentError(None, None, message))
    'Where'
    """
    first = next(iter(error.message.splitlines()), "")
    return first.rpartition("_JIT: ")[2].partition(" (")[0]


def has_convolutions(model: keras.Model) -> bool:
    """Returns whether a model has a convolution, also in nested models."""
    return any(isinstance(layer, tuple(CONVOLUTIONS)) for layer in all_layers(model))
