"""Draws initial weights anew from the initializers of the layers."""

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
    """Draws a layer's kernel anew from its initial distribution, independently of any global seed.

    Raises:
      InputError: the initializer takes no seed and draws other numbers at each call.
    """
    spec, variable = next(pair for pair in kernel_variables(layer) if pair[0].attribute == attribute)
    initializer, shape = getattr(layer, spec.initializer), tuple(variable.shape)
    if type(initializer) is keras.initializers.GlorotNormal:
        return glorot_normal(shape, rng)
    draw = _seeded(initializer, draw_seed(rng))
    drawn = np.asarray(draw(shape), np.float32)
    if not _is_keras_initializer(draw) and drawn.tobytes() != np.asarray(draw(shape), np.float32).tobytes():
        raise InputError(
            f"The kernel initializer of {layer.name!r} draws other numbers at each call, so the initial weights could "
            "not be restored. Give it an argument `seed` that decides what it draws, or give the initial weights."
        )
    return drawn


def _seeded(initializer: Callable[[tuple[int, ...]], object], seed: int) -> Callable[[tuple[int, ...]], object]:
    """Returns an initializer with another seed, if it takes one."""
    if not isinstance(initializer, keras.initializers.Initializer):
        return initializer
    config = initializer.get_config()
    if "seed" in config or "seed" in inspect.signature(type(initializer).__init__).parameters:
        config["seed"] = seed
    return type(initializer).from_config(config)


def _is_keras_initializer(draw: object) -> bool:
    """Returns whether this is an initializer of Keras, which draws the same numbers at each call."""
    return type(draw).__module__.startswith("keras.src.initializers.")


def draws(model: keras.Model) -> dict[str, Draw]:
    """Returns for each kernel of a model a function of a generator that draws it anew.

    Kernels that are not trained keep their values.
    """
    by_name = variables(model)
    trained = {id(variable) for variable in model.trainable_variables}

    def draw(name: str, layer: keras.layers.Layer, attribute: str) -> Draw:
        if id(by_name[name]) in trained:
            return lambda rng: draw_kernel(layer, rng, attribute)
        value = np.asarray(keras.ops.convert_to_numpy(by_name[name]))
        return lambda rng: value.copy()

    return {name: draw(name, *where) for name, where in kernel_layers(model).items()}


def initial_weights(model: keras.Model, untrained: Weights, seed: int) -> Weights:
    """Returns the untrained weights of a seed: new kernels of trained layers, all other weights of `untrained`."""
    drawn = {name: draw(generator(seed, "initial weights", name)) for name, draw in draws(model).items()}
    return untrained | drawn
