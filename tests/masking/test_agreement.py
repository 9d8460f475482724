"""A copy whose outputs differ from those of its model is refused."""

import keras
import pytest

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking.agreement import check_same_outputs

layers = keras.layers


class Forgetful(layers.Layer):
    """A layer whose configuration does not say by what it multiplies."""

    def __init__(self, factor=1.0, **options):
        super().__init__(**options)
        self.factor, self.dense = factor, layers.Dense(3)

    def call(self, inputs):
        return self.factor * self.dense(inputs)

    def get_config(self):
        return super().get_config()


class Unsaid(Forgetful):
    """A layer that Keras cannot rebuild."""

    def get_config(self):
        return super().get_config() | {"unknown": 1}


@pytest.mark.parametrize(
    ("layer", "message"), [(Forgetful(2.0), "has other outputs than the model"), (Unsaid(), "cannot rebuild its class")]
)
def test_a_copy_that_is_not_true_is_never_handed_out(layer, message):
    model = keras.Sequential([keras.Input((4,)), layer])
    with pytest.raises(InputError, match=message):
        lt.masked(model)


class Noisy(layers.Layer):
    """A layer that draws, at inference too: from Keras, whose random states can be set, or from TensorFlow."""

    def __init__(self, source="keras", **options):
        super().__init__(**options)
        self.source, self.seeds = source, keras.random.SeedGenerator()

    def call(self, inputs):
        import tensorflow as tf

        shape = keras.ops.shape(inputs)
        return inputs + (
            keras.random.normal(shape, seed=self.seeds) if self.source == "keras" else tf.random.normal(shape)
        )

    def get_config(self):
        return super().get_config() | {"source": self.source}


def test_outputs_that_keras_draws_are_compared_and_others_are_not(caplog):
    for source, warned in (("keras", False), ("tensorflow", True)):
        noisy = keras.Sequential([keras.Input((4,)), layers.Dense(3), Noisy(source)])
        lt.masked(noisy)
        assert ("are random" in caplog.text) == warned


def test_a_comparison_changes_nothing():
    model = keras.Sequential([keras.Input((4,)), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(2)])
    before = [v.numpy() for v in model.variables]
    check_same_outputs(model, lt.masked(model))
    assert all((v.numpy() == old).all() for v, old in zip(model.variables, before, strict=True))
