"""Initial weights drawn anew from each layer's own initializer."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import keras
import numpy as np

from lottery_tf.errors import InputError
from lottery_tf.masking.kernel_table import kernel_variables
from lottery_tf.masking.model_weights import kernel_layers, variables
from lottery_tf.pruning.treatments import Draw, Weights
from lottery_tf.seeds import draw_seed, generator, glorot_normal


def draw_kernel(layer: keras.layers.Layer, rng: np.random.Generator, attribute: str = "kernel") -> np.ndarray:
    """A layer's kernel drawn anew from its initial distribution, independent of any global seed.

    Raises:
      InputError: an initializer that takes no seed and draws other numbers at each call.
    """
    (kernel, variable) = next(each for each in kernel_variables(layer) if each[0].attribute == attribute)
    initializer, shape = getattr(layer, kernel.initializer), tuple(variable.shape)
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


def draws(model: keras.Model) -> dict[str, Draw]:
    """For each kernel of a model a function of a generator that draws it anew.

    Those of layers that are not trained keep their values.
    """
    found = variables(model)
    trained = {id(variable) for variable in model.trainable_variables}

    def draw(name: str, layer: keras.layers.Layer, attribute: str) -> Draw:
        if id(found[name]) in trained:
            return lambda rng: draw_kernel(layer, rng, attribute)
        value = np.asarray(keras.ops.convert_to_numpy(found[name]))
        return lambda rng: value.copy()

    return {name: draw(name, *where) for name, where in kernel_layers(model).items()}


def initial_weights(model: keras.Model, untrained: Weights, seed: int) -> Weights:
    """The untrained weights of one seed: the kernels of trained layers drawn anew, all else as in `untrained`."""
    drawn = {name: draw(generator(seed, "initial weights", name)) for name, draw in draws(model).items()}
    return untrained | drawn
