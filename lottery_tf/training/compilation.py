"""Which compiler runs the training steps: one XLA program for many steps, or a TensorFlow graph.

XLA takes away what each operation costs besides its arithmetic, which is most of the time of a small dense network. Its
convolutions are right on a GPU, and several times slower than TensorFlow's own on a CPU.
"""

from __future__ import annotations

import keras

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


def compiler(model: keras.Model, device: str) -> str:
    """What runs the training steps of a model on a device ("CPU" or "GPU"): "xla" or "graph".

    >>> dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    >>> compiler(dense, "CPU")
    'xla'
    """
    try:
        return COMPILERS[has_convolutions(model), device]
    except KeyError:
        raise InputError(f"The device is {device!r}; it must be 'CPU' or 'GPU'.") from None


def has_convolutions(model: keras.Model) -> bool:
    """Whether a model has a convolution at any depth."""
    return any(isinstance(layer, CONVOLUTIONS) for layer in model._flatten_layers())
