"""Recomputed batch-norm statistics, against moments computed directly."""

import keras
import numpy as np
import pytest

from lottery_tf.landscape.batch_norm import BatchNormStatistics, batch_norm_layers
from lottery_tf.masking import conversion, model_weights

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (90, 6, 6, 2)).astype(np.uint8)


def convolutional():
    """A convolution, batch norm, and dropout with a second batch norm within an inner model."""
    inner = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Dropout(0.5), keras.layers.BatchNormalization()])
    layers = [keras.Input((6, 6, 2)), keras.layers.Conv2D(3, 3), keras.layers.BatchNormalization(momentum=0.9), inner,
              keras.layers.Flatten(), keras.layers.Dense(2)]  # fmt: skip
    return conversion.masked(keras.Sequential(layers))


@pytest.mark.slow
def test_first_statistics_are_the_moments_of_the_layer_before():
    model = convolutional()
    first = batch_norm_layers(model)[0]
    before = keras.Sequential([keras.Input((6, 6, 2)), model.layers[0]])
    outputs = np.asarray(before(IMAGES / np.float32(255)), np.float64).reshape(-1, 3)
    BatchNormStatistics(model, IMAGES, batch_size=30).recompute()
    np.testing.assert_allclose(first.moving_mean.numpy(), outputs.mean(axis=0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(first.moving_variance.numpy(), outputs.var(axis=0), rtol=1e-4)


@pytest.mark.slow
def test_images_that_fill_no_batch_are_left_out():
    model = convolutional()
    BatchNormStatistics(model, IMAGES, batch_size=40).recompute()
    found = model_weights.get_weights(model)
    BatchNormStatistics(model, IMAGES[:80], batch_size=40).recompute()
    assert all(found[name].tobytes() == value.tobytes() for name, value in model_weights.get_weights(model).items())


@pytest.mark.slow
def test_inner_layers_see_what_the_outer_ones_normalized():
    model = convolutional()
    _, second = batch_norm_layers(model)
    BatchNormStatistics(model, IMAGES, batch_size=30).recompute()
    # Normalized to variance 1, then dropout: half are zero, the others are doubled, so the mean square doubles.
    np.testing.assert_allclose(second.moving_mean.numpy(), 0, atol=0.15)
    np.testing.assert_allclose(second.moving_variance.numpy(), 2, rtol=0.25)


def test_statistics_depend_on_the_weights_alone():
    model = convolutional()
    statistics = BatchNormStatistics(model, IMAGES, batch_size=30)
    statistics.recompute()
    first = model_weights.get_weights(model)
    model(IMAGES.astype(np.float32), training=True)
    statistics.recompute()
    assert all(first[name].tobytes() == value.tobytes() for name, value in model_weights.get_weights(model).items())


def test_the_momentum_of_training_is_given_back():
    model = convolutional()
    BatchNormStatistics(model, IMAGES, batch_size=30).recompute()
    first = batch_norm_layers(model)[0]
    assert first.momentum == 0.9
    mean = first.moving_mean.numpy()
    model(np.zeros((5, 6, 6, 2), np.float32), training=True)
    np.testing.assert_allclose(first.moving_mean.numpy(), 0.9 * mean, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("trainable", [True, False])
def test_frozen_layers_and_models_without_any_are_left_alone(trainable, tiny_model):
    model = convolutional()
    for layer in batch_norm_layers(model):
        layer.trainable = trainable
    before = model_weights.get_weights(model)
    BatchNormStatistics(model, IMAGES, batch_size=30).recompute()
    after = model_weights.get_weights(model)
    assert any((before[name] != after[name]).any() for name in before) == trainable
    untouched = model_weights.get_weights(tiny_model)
    BatchNormStatistics(tiny_model, IMAGES, batch_size=30).recompute()
    assert all(
        untouched[name].tobytes() == value.tobytes() for name, value in model_weights.get_weights(tiny_model).items()
    )
