"""Copies with and without masks: the same outputs, and plain copies contain nothing of this package."""

import keras
import numpy as np
import pytest

from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, model_weights
from lottery_tf.masking.compaction import compact
from lottery_tf.models import networks


@pytest.mark.slow
def test_a_deeper_network_can_be_copied_with_and_without_masks():
    model = networks.build("resnet20", (8, 8, 3))
    images = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    plain = conversion.unmasked(conversion.masked(model))
    np.testing.assert_array_equal(plain(images), model(images))


def own_sequential():
    return keras.Sequential(
        [keras.Input((6, 6, 1)), keras.layers.Conv2D(3, 3), keras.layers.BatchNormalization(), keras.layers.Flatten(),
         keras.layers.Dense(4, "softmax")]
    )  # fmt: skip


def own_functional():
    """Two branches that share a layer, a residual sum and a model inside the model."""
    inputs = keras.Input((6, 6, 1))
    shared = keras.layers.Dense(5, name="shared")
    x = keras.layers.Flatten()(inputs)
    x = shared(x) + shared(2 * x)
    inner = keras.Sequential([keras.Input((5,)), keras.layers.Dense(5, name="inside")], name="inner")
    return keras.Model(inputs, keras.layers.Dense(3, name="outside")(x + inner(x)))


@pytest.mark.parametrize("make", [own_sequential, own_functional])
def test_own_models_keep_their_outputs_with_and_without_masks(make):
    model = make()
    images = np.random.default_rng(0).random((5, 6, 6, 1), np.float32)
    masked = conversion.masked(model)
    np.testing.assert_array_equal(masked(images), model(images))
    for layer in model_weights.masked_kernels(masked).values():
        layer.set_mask(np.random.default_rng(1).random(layer.variable.shape) < 0.5)
    assert not np.allclose(masked(images), model(images))
    plain = conversion.unmasked(masked)
    np.testing.assert_array_equal(plain(images), masked(images))
    assert not model_weights.masked_kernels(plain)


@pytest.mark.parametrize(
    "copied", [conversion.masked, lambda model: conversion.unmasked(conversion.masked(model)), compact]
)
def test_an_adapted_normalization_goes_on_normalizing(copied):
    images = np.random.default_rng(0).normal(40, 9, (50, 6)).astype(np.float32)
    normalization = keras.layers.Normalization()
    normalization.adapt(images)
    model = keras.Sequential([keras.Input((6,)), normalization, keras.layers.Dense(3)])
    np.testing.assert_allclose(copied(model)(images), model(images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("copied", [conversion.masked, compact])
def test_a_copy_wants_nothing_of_how_a_model_was_compiled(copied):
    inner = keras.Sequential([keras.Input((5,)), keras.layers.Dense(5)])
    model = keras.Sequential([keras.Input((5,)), inner, keras.layers.Dense(2)])
    for each in (inner, model):
        each.compile("adam", loss=lambda labels, outputs: keras.ops.mean(outputs))
    copy = copied(model)
    assert (inner.compiled, model.compiled, copy.compiled) == (True, True, False)
    np.testing.assert_allclose(copy(np.ones((1, 5))), model(np.ones((1, 5))), rtol=1e-6)


def test_layers_of_inner_models_have_names_of_their_own():
    assert list(model_weights.masked_kernels(conversion.masked(own_functional()))) == [
        "shared/kernel", "inner/inside/kernel", "outside/kernel",
    ]  # fmt: skip


def test_an_unmasked_copy_needs_nothing_of_this_package(tmp_path, command):
    conversion.unmasked(networks.build("fc")).save(tmp_path / "plain.keras")
    code = (
        "import sys, keras; model = keras.models.load_model(sys.argv[1]); "
        "print(model.count_params(), any(name.startswith('lottery_tf') for name in sys.modules))"
    )
    assert command(None, tmp_path / "plain.keras", code=code).stdout.split() == ["266610", "False"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (keras.Sequential([keras.layers.Dense(2)]), "has no weights yet"),
        (keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()]), "has no layer of Dense"),
    ],
)
def test_models_that_cannot_be_masked_are_refused(model, message):
    with pytest.raises(InputError, match=message):
        conversion.masked(model)
