"""Bytes are divided by 255 once, wherever they come in, and by whoever is meant to do it."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers
from shared import tiny_network

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.landscape.batch_norm import BatchNormStatistics
from lottery_tf.landscape.curvature import Curvature
from lottery_tf.masking import conversion, model_weights
from lottery_tf.training.scaling import Scaling
from lottery_tf.training.trainer import Trainer

SETTINGS = lt.TrainingSettings(iterations=10, learning_rate=0.01, batch_size=40, eval_interval=5)
IMAGES = np.zeros((2, 6, 6, 3), np.uint8)


def functional(*first, shape=(6, 6, 3), dtype=None):
    """A model whose input goes through some layers or functions before it is computed with."""
    inputs = values = keras.Input(shape, dtype=dtype)
    for operation in first:
        values = operation(values)
    return keras.Model(inputs, layers.Dense(2)(layers.Flatten()(values)))


class Subclassed(keras.Model):
    """A model of which only the layers can be seen."""

    def __init__(self, *first):
        super().__init__()
        self.first = list(first)
        self.last = layers.Dense(2)

    def call(self, inputs):
        for layer in self.first:
            inputs = layer(inputs)
        return self.last(inputs)


RESCALES = [
    lambda: functional(layers.Rescaling(1 / 255)),
    lambda: functional(layers.ZeroPadding2D(), layers.Rescaling(1 / 127.5, offset=-1)),
    lambda: functional(keras.Sequential([layers.RandomFlip()]), layers.Rescaling(1 / 255)),
    lambda: functional(keras.Sequential([keras.Input((6, 6, 3)), layers.Rescaling(1 / 255), layers.Conv2D(1, 3)])),
    lambda: functional(lambda x: x / 127.5 - 1),
    lambda: functional(lambda x: keras.ops.multiply(x, 0.1)),
    lambda: functional(layers.Normalization(mean=[120.0, 118.0, 110.0], variance=[60.0**2] * 3)),
    lambda: functional(lambda x: x - np.array([103.9, 116.8, 123.7], np.float32)),
    lambda: functional(layers.Pipeline([layers.RandomFlip(), layers.Rescaling(1 / 255)])),
    lambda: functional(layers.RandomContrast(0.2), layers.Rescaling(1 / 255)),
    lambda: functional(lambda x: layers.Rescaling(1 / 255)(x - keras.ops.mean(x, axis=-1, keepdims=True))),
    lambda: functional(lambda x: layers.Rescaling(1 / 255)(layers.Concatenate()([x, layers.Conv2D(3, 1)(x)]))),
    lambda: functional(layers.Rescaling(1.0), layers.ReLU(), layers.Rescaling(np.array([1 / 58, 1 / 57, 1 / 57]))),
    lambda: functional(lambda x: layers.Add()([layers.Rescaling(1 / 255)(x), layers.Conv2D(3, 1)(x)])),
    lambda: Uncalled(*ends(layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(2))),
]


class Uncalled(keras.Model):
    """A functional model of a class that computes what Keras's does."""


class Doubling(keras.Sequential):
    """A model of layers in a row that computes something else with them."""

    def call(self, inputs, training=None):
        return 2 * super().call(inputs / 255)


class HoldsRescaling(layers.Layer):
    """A layer that may use its `Rescaling` for anything."""

    def __init__(self):
        super().__init__()
        self.inner = layers.Rescaling(1 / 255)

    def call(self, inputs):
        return self.inner(inputs)


class OwnRescaling(layers.Rescaling):
    def call(self, inputs):
        return inputs / 255


def ends(*operations):
    """The ends of a functional model."""
    inputs = values = keras.Input((6, 6, 3))
    for operation in operations:
        values = operation(values)
    return inputs, values


def recurrent():
    """A recurrent network of rows whose cell is a class of one's own."""

    class Cell(layers.SimpleRNNCell):
        def call(self, inputs, states, training=False):
            return super().call(inputs / 255, states, training)

    return keras.Sequential([keras.Input((6, 18)), layers.RNN(Cell(2))])


@pytest.mark.parametrize("make", RESCALES)
def test_a_model_that_rescales_gets_bytes_as_they_are(make):
    assert Scaling(make(), IMAGES).divisors == [1]
    assert Scaling(make(), IMAGES, divide_by=255).divisors == [255], "what the data set says, counts"


@pytest.mark.parametrize(
    "make",
    [
        lambda: functional(),
        lambda: functional(layers.Conv2D(2, 3), layers.Rescaling(2.0)),
        lambda: functional(layers.Normalization(mean=[0.5, 0.4, 0.4], variance=[0.06] * 3)),
        lambda: functional(lambda x: layers.Add()([layers.Conv2D(3, 1)(x), x])),
        lambda: functional(lambda x: layers.ReLU()(layers.Multiply()([layers.Conv2D(3, 1)(x), x]))),
        lambda: functional(lambda x: 2 * x - 1),
        lambda: functional(lambda x: x - 0.5),
        lambda: functional(layers.Rescaling(2.0, offset=-1.0)),
        lambda: functional(layers.RandomBrightness(0.1, value_range=(0, 1))),
        lambda: functional(layers.Reshape((6, 18)), layers.Bidirectional(layers.LSTM(2, return_sequences=True))),
        lambda: functional(layers.Reshape((36, 3)), lambda x: layers.MultiHeadAttention(1, 2)(x, x)),
        lambda: functional(layers.TimeDistributed(keras.Sequential([layers.Flatten(), layers.Dense(2)]))),
        lambda: conversion.masked(functional(layers.GaussianNoise(0.1), layers.Conv2D(2, 3), layers.Rescaling(0.1))),
    ],
)
def test_all_others_get_them_divided(make):
    assert Scaling(make(), IMAGES).divisors == [255]
    assert Scaling(make(), IMAGES.astype(np.float32)).divisors == [1]
    assert Scaling(make(), IMAGES, divide_by=1).divisors == [1]


@pytest.mark.parametrize(
    "make",
    [
        lambda: functional(layers.Embedding(9, 2), shape=(6,)),
        lambda: functional(layers.Embedding(9, 2), shape=(6,), dtype="int32"),
        lambda: functional(
            lambda x: layers.Embedding(9, 2)(x) + layers.Embedding(6, 2)(keras.ops.arange(6)), shape=(6,)
        ),
        lambda: functional(
            lambda x: layers.Embedding(9, 2)(x) * keras.ops.expand_dims(keras.ops.not_equal(x, 0), -1), shape=(6,)
        ),
        lambda: functional(layers.IntegerLookup(vocabulary=np.arange(9)), layers.Embedding(11, 2), shape=(6,)),
    ],
)
def test_a_model_of_tokens_gets_whole_numbers(make):
    tokens = np.arange(12, dtype=np.uint8).reshape(2, 6) % 9
    scaling = Scaling(make(), tokens)
    seen = scaling(keras.ops.convert_to_tensor(tokens))
    assert seen.dtype.is_integer
    np.testing.assert_array_equal(seen, tokens)
    with pytest.raises(InputError, match="takes whole numbers, which the data set divides by 255"):
        Scaling(make(), tokens, divide_by=255)


ASKED = {  # what the error names: a model of which it is not certain what it takes
    "own_lambda": lambda: functional(layers.Lambda(lambda x: x, name="own_lambda")),
    "normalization": lambda: functional(layers.Normalization(name="normalization")),
    "own_layer": lambda: functional(named(HoldsRescaling(), "own_layer")),
    "own_rescaling": lambda: functional(layers.Flatten(), OwnRescaling(1 / 255, name="own_rescaling")),
    "own_activation": lambda: functional(layers.Activation(lambda x: x / 255, name="own_activation")),
    "in_pipeline": lambda: functional(layers.Pipeline([layers.RandomFlip(), named(HoldsRescaling(), "in_pipeline")])),
    "in_time": lambda: functional(layers.TimeDistributed(layers.Lambda(lambda x: x / 255, name="in_time"))),
    "rnn": recurrent,
    "halves": lambda: functional(
        lambda x: layers.Rescaling(0.5, name="halves")(layers.Add()([layers.Conv2D(3, 1)(x), x]))
    ),
    "contrast": lambda: functional(layers.RandomContrast(0.2, name="contrast")),
    "brightness": lambda: functional(layers.RandomBrightness(0.2, name="brightness"), layers.RandomFlip()),
    "softmax": lambda: functional(layers.Softmax(name="softmax")),
    "add": lambda: functional(lambda x: x + 1),
    "doubling": lambda: Doubling([keras.Input((6, 6, 3)), layers.Flatten(), layers.Dense(2)]),
    "inner": lambda: functional(Doubling([keras.Input((6, 6, 3)), layers.Conv2D(2, 3)], name="inner")),
    "subclassed": lambda: Subclassed(layers.Flatten()),
    "rescaling_its_outputs": lambda: named(
        Subclassed(layers.Conv2D(2, 3), layers.Rescaling(2.0)), "rescaling_its_outputs"
    ),
}


def named(layer, name):
    layer.name = name
    return layer


@pytest.mark.parametrize("name", ASKED)
def test_where_it_is_not_certain_the_user_is_asked(name):
    model = ASKED[name]()
    images = IMAGES.reshape(2, 6, 18) if name == "rnn" else IMAGES
    with pytest.raises(InputError, match=f"as they are or divided by 255: '{name}[_0-9]*' .*divide_by=1"):
        Scaling(model, images)
    assert [Scaling(model, images, divide_by=number).divisors for number in (1, 255)] == [[1], [255]]
    assert Scaling(model, images.astype(np.float32)).divisors == [1]


def test_tokens_of_a_class_of_ones_own_stay_whole():
    tokens = np.arange(12, dtype=np.uint8).reshape(2, 6) % 9
    model = Subclassed(layers.Embedding(9, 2), layers.Flatten())
    with pytest.raises(InputError, match="may look up whole numbers"):
        Scaling(model, tokens)
    for given, divide_by in ((tokens, 1), (tokens.astype(np.int64), None)):
        assert Scaling(model, given, divide_by)(keras.ops.convert_to_tensor(given)).dtype.is_integer


def test_each_of_several_inputs_is_scaled_for_itself():
    image, numbers = keras.Input((6, 6, 3)), keras.Input((4,))
    model = keras.Model([image, numbers], layers.Dense(2)(layers.Concatenate()([layers.Flatten()(image), numbers])))
    scaling = Scaling(model, (IMAGES, np.ones((2, 4))), divide_by=127.5)
    assert scaling.divisors == [127.5, 1]
    first, second = scaling((keras.ops.ones((1, 2), "uint8"), keras.ops.ones((1, 2), "float64")))
    np.testing.assert_allclose([first[0, 0], second[0, 0]], [1 / 127.5, 1])


def test_a_data_set_says_it_once_and_shows_it(tiny_dataset):
    assert "train:      280 of (6, 6, 1) uint8, divided by 255 unless the network" in repr(tiny_dataset)
    said = dataclasses.replace(tiny_dataset, divide_by=2)
    assert {split.divide_by for split in said.splits.values()} == {2}
    assert repr(said).count("uint8, divided by 2\n") == 2
    assert "given as they are" in repr(dataclasses.replace(tiny_dataset, divide_by=1).test)
    np.testing.assert_array_equal(said.test.scaled, said.test.images / np.float32(2))
    for number in (0, -1, float("nan"), "255", True):
        with pytest.raises(InputError, match="divide_by is .*; it must be a (finite )?number"):
            dataclasses.replace(tiny_dataset, divide_by=number)
    with pytest.raises(InputError, match="divided by different numbers: train by 2, validation by None"):
        lt.Dataset(dataclasses.replace(tiny_dataset.train, divide_by=2), tiny_dataset.validation, tiny_dataset.test)
    assert lt.Dataset(*said.splits.values()).divide_by == 2


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


class Around(keras.Model):
    """A user's model that holds another one under the name that models of drawn weights use too."""

    def __init__(self):
        super().__init__()
        self.network = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])

    def call(self, images):
        return self.network(images / 255)


def test_a_users_own_attribute_called_network_is_not_mistaken_for_the_model():
    images = np.zeros((2, 4, 4, 1), np.uint8)
    model = Around()
    model(images.astype("float32"))
    assert Scaling(model.network, images).divisors == [255]
    with pytest.raises(InputError, match="it is not certain whether the model 'around"):
        Scaling(model, images)
