"""Initial weights drawn anew from each layer's own initializer."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import keras
import numpy as np

from lottery_tf.errors import InputError
from lottery_tf.masking.model_weights import masked_layers
from lottery_tf.pruning.treatments import Weights
from lottery_tf.seeds import draw_seed, generator, glorot_normal


def draw_kernel(layer: keras.layers.Layer, rng: np.random.Generator) -> np.ndarray:
    """A layer's kernel drawn anew from its initial distribution, independent of any global seed.

    Raises:
      InputError: an initializer that takes no seed and draws other numbers at each call.
    """
    initializer, shape = layer.kernel_initializer, tuple(layer.kernel.shape)
    if type(initializer) is keras.initializers.GlorotNormal:
        return glorot_normal(shape, rng)
    draw = _seeded(initializer, draw_seed(rng))
    drawn, again = (np.asarray(draw(shape), np.float32) for _ in range(2))
    if drawn.tobytes() != again.tobytes():
        raise InputError(
            f"The kernel initializer of {layer.name!r} draws other numbers at each call, so weights could not go back "
            "to where they began. Give it an argument `seed` that decides what it draws, or give the initial weights."
        )
    return drawn


def _seeded(initializer: Callable[[tuple[int, ...]], object], seed: int) -> Callable[[tuple[int, ...]], object]:
    """An initializer with another seed, where it takes one."""
    if not isinstance(initializer, keras.initializers.Initializer):
        return initializer
    config = initializer.get_config()
    if "seed" in config or "seed" in inspect.signature(type(initializer).__init__).parameters:
        config["seed"] = seed
    return type(initializer).from_config(config)


def initial_weights(model: keras.Model, untrained: Weights, seed: int) -> Weights:
    """The untrained weights of one seed: maskable kernels drawn anew, all other weights as in `untrained`."""
    drawn = {
        name: draw_kernel(layer, generator(seed, "initial weights", name))
        for name, layer in masked_layers(model).items()
    }
    return untrained | drawn
