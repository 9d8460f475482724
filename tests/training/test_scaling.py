"""Bytes are divided by 255 exactly once, in every way that they can enter."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers
from shared import tiny_network

import lottery_tf as lt
from lottery_tf.landscape.batch_norm import BatchNormStatistics
from lottery_tf.landscape.curvature import Curvature
from lottery_tf.masking import conversion, model_weights
from lottery_tf.training.scaling import Scaling
from lottery_tf.training.trainer import Trainer

SETTINGS = lt.TrainingSettings(iterations=10, learning_rate=0.01, batch_size=40, eval_interval=5)
IMAGES = np.zeros((2, 6, 6, 3), np.uint8)


def test_each_of_several_inputs_is_scaled_for_itself():
    image, numbers = keras.Input((6, 6, 3)), keras.Input((4,))
    model = keras.Model([image, numbers], layers.Dense(2)(layers.Concatenate()([layers.Flatten()(image), numbers])))
    scaling = Scaling(model, (IMAGES, np.ones((2, 4))), divide_by=127.5)
    assert scaling.divisors == [127.5, 1]
    first, second = scaling((keras.ops.ones((1, 2), "uint8"), keras.ops.ones((1, 2), "float64")))
    np.testing.assert_allclose([first[0, 0], second[0, 0]], [1 / 127.5, 1])


def rescaling_network():
    """`tiny_network` after layers of its own that divide bytes by 255 to the bit."""
    return conversion.masked(
        keras.Sequential([keras.Input((6, 6, 1)), RESCALED, *keras.models.clone_model(tiny_network()).layers])
    )


class Divides(layers.Rescaling):
    """Divides, where `Rescaling` multiplies by an inverse that is rounded."""

    def call(self, inputs):
        return keras.ops.cast(inputs, self.compute_dtype) / 255


RESCALED = Divides(1 / 255)


@pytest.mark.slow
def test_every_entry_scales_alike(tiny_dataset):
    """A network that divides by itself, on bytes, measures and trains what the plain one does."""
    plain, own = tiny_network(), rescaling_network()
    weights = model_weights.get_weights(plain)
    model_weights.set_weights(own, weights)
    undivided = dataclasses.replace(tiny_dataset, divide_by=1)
    assert Trainer(own, undivided, SETTINGS).evaluate("test") == Trainer(plain, tiny_dataset, SETTINGS).evaluate("test")
    first, second = (
        Curvature(each, data.train).loss(weights) for each, data in ((plain, tiny_dataset), (own, undivided))
    )
    assert first == second
    doubled = dataclasses.replace(tiny_dataset, divide_by=127.5)
    outputs = plain(tiny_dataset.test.images / np.float32(127.5))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(tiny_dataset.test.labels, outputs)
    assert Trainer(plain, doubled, SETTINGS).evaluate("test")[0] == pytest.approx(float(loss), rel=1e-5)
    assert Curvature(plain, doubled.test).loss(weights) == pytest.approx(float(loss), rel=1e-5)


def test_batch_norm_statistics_see_scaled_images(tiny_dataset):
    stack = [layers.Flatten(), layers.BatchNormalization(), layers.Dense(3)]
    model = keras.Sequential([keras.Input((6, 6, 1)), *stack])
    images = tiny_dataset.train.images
    for divide_by, divisor in ((None, 255), (1, 1), (17, 17)):
        BatchNormStatistics(model, images, len(images), divide_by).recompute()
        wanted = (images / np.float64(divisor)).reshape(len(images), -1).mean(axis=0)
        np.testing.assert_allclose(stack[1].moving_mean.numpy(), wanted, rtol=1e-4)


@pytest.mark.slow
def test_a_masked_model_fits_bytes_as_an_experiment_does(tiny_dataset, tmp_path):
    train = tiny_dataset.train

    def learned(images, divide_by=None):
        model = lt.MaskedModel(tiny_network_of_seed_0(), g="rounded", divide_by=divide_by)
        model.compile(keras.optimizers.SGD(10.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(images, train.labels, batch_size=40, shuffle=False, verbose=0)
        return model

    on_bytes, on_floats, undivided = learned(train.images), learned(train.scaled), learned(train.images, divide_by=1)
    for one, other in zip(on_bytes.masks, on_floats.masks, strict=True):
        np.testing.assert_allclose(one.logits, other.logits, atol=1e-6)
    assert np.abs(on_bytes.masks[0].logits - undivided.masks[0].logits).max() > 0.01
    seen = [on_bytes.predict(images, verbose=0) for images in (train.images, train.scaled)]
    np.testing.assert_allclose(*seen, atol=1e-6)
    assert on_bytes.evaluate(train.images, train.labels, verbose=0) == pytest.approx(
        on_bytes.evaluate(train.scaled, train.labels, verbose=0), rel=1e-5
    )
    undivided.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(loaded(train.images), undivided(train.images), atol=1e-6)


def tiny_network_of_seed_0():
    keras.utils.set_random_seed(0)
    return tiny_network()
