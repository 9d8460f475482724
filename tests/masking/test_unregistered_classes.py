"""A user's classes and functions that Keras does not know: copied, saved and loaded.

A behaviour of several modules: conversion, containers and the model that learns masks.
"""

import keras
import numpy as np
import pytest

import lottery_tf as lt
from lottery_tf.masking import model_weights

layers = keras.layers
INPUTS = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)


class Doubled(layers.Dense):
    """A layer with a `call` of its own."""

    def call(self, inputs):
        return 2 * super().call(inputs)


class Residual(layers.Layer):
    """A layer that holds another one."""

    def __init__(self, **options):
        super().__init__(**options)
        self.inner = layers.Dense(4)

    def build(self, shape):
        self.inner.build(shape)

    def call(self, inputs):
        return inputs + self.inner(inputs)


class Subclassed(keras.Model):
    """A model whose layers get other names each time that it is made."""

    def __init__(self, **options):
        super().__init__(**options)
        self.hidden, self.out = layers.Dense(5), layers.Dense(3)

    def call(self, inputs):
        return self.out(self.hidden(inputs))


def cubed(inputs):
    return inputs**3


def halved(shape, dtype=None):
    return 0.5 * np.ones(shape, dtype)


OWN = {each.__name__: each for each in (Doubled, Residual, Subclassed, cubed, halved)}
MODELS = {
    "layer": lambda: keras.Sequential([keras.Input((4,)), Doubled(3)]),
    "holder": lambda: keras.Sequential([keras.Input((4,)), Residual(), layers.Dense(2)]),
    "model": Subclassed,
    "functions": lambda: keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, activation=cubed, kernel_initializer=halved), layers.Activation(cubed)]
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_masked_models_are_copied_saved_and_loaded(name, tmp_path):
    model = MODELS[name]()
    outputs = model(INPUTS)
    masked = lt.masked(model)
    np.testing.assert_allclose(masked(INPUTS), outputs, rtol=1e-6)
    assert list(model_weights.variables(masked)) == list(model_weights.variables(model))
    masked.save(tmp_path / "masked.keras")
    loaded = keras.models.load_model(tmp_path / "masked.keras", custom_objects=OWN)
    np.testing.assert_allclose(loaded(INPUTS), outputs, rtol=1e-6)
    assert len(model_weights.masked_kernels(loaded)) == len(model_weights.kernels(model))


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_models_that_learn_masks_are_saved_and_loaded(name, tmp_path):
    model = MODELS[name]()
    model(INPUTS)
    kernels = list(model_weights.kernels(model))
    logits = dict.fromkeys(kernels, -9.0) | {kernels[-1]: 9.0}
    learned = lt.MaskedModel(model, g="rounded", initial_logit=logits)
    assert learned.kernel_names == kernels
    learned.save(tmp_path / "learned.keras")
    loaded = keras.models.load_model(tmp_path / "learned.keras", custom_objects=OWN)
    np.testing.assert_array_equal(loaded(INPUTS), learned(INPUTS))
    for mask, saved in zip(loaded.masks, learned.masks, strict=True):
        np.testing.assert_array_equal(mask.logits, saved.logits)
