"""Keras's own classes and functions, and those that only look like it."""

import keras
import numpy as np
import pytest

import lottery_tf as lt
from lottery_tf.masking.keras_code import is_of_keras


class Dense(keras.layers.Dense):
    """A class of a user with the name of one of Keras."""


def of_a_package(name):
    """A class of a package of this name."""
    return type("Layer", (keras.layers.Layer,), {"__module__": f"{name}.layers"})


class WithoutModule:
    """A function like those of NumPy before 2.2, which do not say where they are defined."""

    @property
    def __module__(self):
        raise AttributeError

    def __call__(self, x):
        return x


KERAS = [keras.layers.Dense, keras.Model, keras.Sequential, keras.activations.relu, keras.ops.add, keras.losses.Huber]


@pytest.mark.parametrize("own", KERAS)
def test_code_of_keras(own):
    assert is_of_keras(own)


OTHERS = [Dense, lt.MaskedDense, np.square, lambda x: x, of_a_package("keras_hub"), of_a_package("mine.keras")]
OTHERS += [WithoutModule()]


@pytest.mark.parametrize("other", OTHERS)
def test_code_of_others(other):
    assert not is_of_keras(other)
