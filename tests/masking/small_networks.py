"""A small masked network, half of its weights pruned, and examples for it."""

import keras
import numpy as np

from lottery_tf.masking import model_weights
from lottery_tf.masking.layers import MaskedConv2D, MaskedDense


def small_network():
    keras.utils.set_random_seed(0)
    stack = [
        keras.Input((8, 8, 2)),
        MaskedConv2D(4, 3, activation="relu"),
        keras.layers.Flatten(),
        MaskedDense(6, activation="relu", kernel_constraint=keras.constraints.MaxNorm(1.0)),
        MaskedDense(3, use_bias=False),
    ]
    return keras.Sequential(stack)


def mask_half(model, seed=0):
    """Masks half of each layer: a third of the pruned weights at zero, the others at odd values."""
    rng = np.random.default_rng(seed)
    for layer in model_weights.masked_kernels(model).values():
        shape = tuple(layer.variable.shape)
        layer.set_mask(rng.random(shape) < 0.5, np.where(rng.random(shape) < 0.3, 0, rng.normal(0, 0.3, shape)))


def images_and_labels(seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((60, 8, 8, 2), np.float32), rng.integers(0, 3, 60)
