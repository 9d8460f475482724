"""Layers and models of classes of one's own, models of layers inside other layers, and examples for them."""

import keras
import numpy as np

layers = keras.layers


@keras.saving.register_keras_serializable(package="tests")
class Block(layers.Layer):
    """A layer of one's own that holds layers, some of them in a list, and builds them when it is called."""

    def __init__(self, width, **options):
        super().__init__(**options)
        self.width = width
        self.first = layers.Dense(width, "relu")
        self.rest = [layers.BatchNormalization(), layers.Dense(width)]

    def call(self, inputs):
        x = self.first(inputs)
        for layer in self.rest:
            x = layer(x)
        return x + inputs

    def get_config(self):
        return super().get_config() | {"width": self.width}


@keras.saving.register_keras_serializable(package="tests")
class Scaled(layers.Dense):
    """A dense layer whose `call` is its own."""

    def call(self, inputs):
        return 3 * super().call(inputs)


@keras.saving.register_keras_serializable(package="tests")
class Subclassed(keras.Model):
    """A model of one's own, with a weight of its own."""

    def __init__(self, width=6, **options):
        super().__init__(**options)
        self.width = width
        self.hidden, self.block, self.out = layers.Dense(width), Block(width), layers.Dense(3)
        self.shift = self.add_weight(shape=(width,), name="shift")

    def call(self, inputs, training=False):
        return self.out(self.block(self.hidden(inputs) + self.shift, training=training))

    def get_config(self):
        return {"width": self.width, "name": self.name}


@keras.saving.register_keras_serializable(package="tests")
class Doubled(keras.Sequential):
    """A Sequential model that doubles its output."""

    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training)


@keras.saving.register_keras_serializable(package="tests")
class Halved(keras.Model):
    """A functional model that halves its output."""

    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training=training) / 2


def attention():
    inputs = keras.Input((4, 6))
    x = layers.MultiHeadAttention(2, 3, name="attention")(inputs, inputs) + inputs
    x = layers.GroupQueryAttention(2, 4, 2)(x, x)
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(layers.EinsumDense("abc,cd->abd", (4, 5))(x))))


def recurrent():
    return keras.Sequential(
        [keras.Input((5,), dtype="int32"), layers.Embedding(9, 4, mask_zero=True),
         layers.Bidirectional(layers.LSTM(3, return_sequences=True)), layers.TimeDistributed(layers.Dense(4)),
         layers.GRU(3, return_sequences=True), layers.SimpleRNN(4, return_sequences=True),
         layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)]), layers.Dense(3)]
    )  # fmt: skip


def subclassed():
    model = Subclassed()
    model(np.ones((1, 4), np.float32))
    return model


def doubled():
    return Doubled([keras.Input((6,)), layers.Dense(6), Block(6), Scaled(3)])


def nested():
    inputs = keras.Input((6,))
    return keras.Model(inputs, doubled()(inputs) + subclassed()(layers.Dense(4)(inputs)))


def halved():
    inputs = keras.Input((4,))
    return Halved(inputs, layers.Dense(3)(layers.Dense(5, "relu")(inputs)))


def examples(model, count=12):
    rng = np.random.default_rng(0)
    spec = model.inputs[0] if hasattr(model, "inputs") else keras.KerasTensor((None, 4))
    shape = (count, *spec.shape[1:])
    inputs = rng.integers(0, 9, shape) if "int" in spec.dtype else rng.normal(size=shape)
    return inputs.astype(spec.dtype), rng.integers(0, 3, count)


def selectable():
    block = Block(6, name="block")
    block.first.name = block.rest[1].name = "within"
    return keras.Sequential(
        [keras.Input((8, 3)), layers.Conv1D(6, 3, name="conv"), layers.Dense(6, name="hidden"), block,
         layers.Dense(2, name="output")]
    )  # fmt: skip
