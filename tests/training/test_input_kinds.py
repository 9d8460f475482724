"""What a model takes, by its first layers: bytes, images divided by 255, whole numbers, or unknown."""

import keras
import numpy as np
import pytest
from keras import layers

from lottery_tf.errors import InputError
from lottery_tf.masking import conversion
from lottery_tf.training.scaling import Scaling

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
