"""Which compiler runs the training steps: one XLA program for many steps, or a TensorFlow graph.

XLA takes away what each operation costs besides its arithmetic, which is most of the time of a small dense network. Its
convolutions are right on a GPU, and several times slower than TensorFlow's own on a CPU. It lacks some operations, such
as those that rotate images; what it refuses runs as a graph.
"""

from __future__ import annotations

import itertools

import keras
import tensorflow as tf

from lottery_tf.errors import InputError

CONVOLUTIONS = (
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
    keras.layers.Conv1DTranspose,
    keras.layers.Conv2DTranspose,
    keras.layers.Conv3DTranspose,
    keras.layers.DepthwiseConv1D,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv1D,
    keras.layers.SeparableConv2D,
)
COMPILERS = {  # (whether the model has convolutions, the device) -> what runs its training steps
    (False, "CPU"): "xla",
    (False, "GPU"): "xla",
    (True, "CPU"): "graph",
    (True, "GPU"): "xla",
}
HOW_RUN = {  # what runs the steps -> in words
    "xla": "one XLA program",
    "graph": "a TensorFlow graph",  # only the optimizer's update is compiled by XLA
    "graph_without_xla": "a TensorFlow graph without XLA",
}
FALLBACKS = dict(itertools.pairwise(HOW_RUN))  # what refuses the steps -> what runs them instead


def compiler(model: keras.Model, device: str) -> str:
    """What is to run the training steps of a model on a device ("CPU" or "GPU"): "xla" or "graph".

    A model with a layer that says itself that it cannot be compiled (`supports_jit`) runs as a graph.

    >>> dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> compiler(dense, "CPU")
    'xla'
    """
    try:
        chosen = COMPILERS[has_convolutions(model), device]
    except KeyError:
        raise InputError(f"The device is {device!r}; it must be 'CPU' or 'GPU'.") from None
    return chosen if all(layer.supports_jit for layer in model._flatten_layers()) else "graph"


def fallback(compiler: str, error: tf.errors.OpError) -> str | None:
    """What runs the steps once a compiler has refused them with an error; None where nothing else would help."""
    return None if isinstance(error, tf.errors.ResourceExhaustedError) else FALLBACKS.get(compiler)


def reason(error: tf.errors.OpError) -> str:
    """Why a compiler refused something, in a few words: the operation that it lacks, or what it says first.

    >>> message = "Detected unsupported operations when trying to compile graph f_1[] on XLA_CPU_JIT: Where (No kernel)"
    >>> reason(tf.errors.InvalidArgumentError(None, None, message))
    'Where'
    """
    first = next(iter(error.message.splitlines()), "")
    return first.rpartition("_JIT: ")[2].partition(" (")[0]


def has_convolutions(model: keras.Model) -> bool:
    """Whether a model has a convolution at any depth."""
    return any(isinstance(layer, CONVOLUTIONS) for layer in model._flatten_layers())
