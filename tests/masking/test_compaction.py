"""Smaller models have the same outputs, for all layers and any number of kept weights."""

import keras
import numpy as np
import pytest
from sparse_models import assert_equal_outputs, images, sizes, stack, thin_out

from lottery_tf.masking.compaction import compact

layers = keras.layers


def two_dense(**options):
    return stack((5,), layers.Dense(4, "relu", name="a"), layers.Dense(3, name="b", **options))


def padded_convolutions():
    return stack(
        (8, 8, 2), layers.Conv2D(6, 3, padding="same", activation="relu"), layers.Conv2D(6, 3, padding="same"),
        layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(),
        layers.Conv2D(5, 3, strides=2, use_bias=False), layers.Activation("tanh"),
        layers.Flatten(), layers.Dense(9, "sigmoid"), layers.Dropout(0.5), layers.Dense(4, "softmax"), layers.Dense(3),
    )  # fmt: skip


def causal_sequence():
    return stack(
        (12, 2), layers.Conv1D(5, 3, padding="causal", activation="elu"), layers.ZeroPadding1D(1),
        layers.Conv1D(5, 2, dilation_rate=2, activation="relu"), layers.GlobalAveragePooling1D(), layers.Dense(4),
    )  # fmt: skip


def reshaped():
    return stack(
        (4, 6, 1), layers.Conv2D(6, 1, activation="relu"), layers.Reshape((24, 6)), layers.Dense(5, "relu"),
        layers.Reshape((-1,)), layers.Dense(12, "relu"), layers.Reshape((3, 4)), layers.Dense(4, "relu"),
        layers.Flatten(), layers.Dense(2),
    )  # fmt: skip


def tangled():
    """A residual sum, a concatenation, a shared layer, a recurrence, dropout at inference, a model inside, two ends."""
    inputs = {"left": keras.Input((6, 4), name="left"), "right": keras.Input((6, 4), name="right")}
    shared = layers.Dense(5, "relu", name="shared")
    left, right = shared(inputs["left"]), shared(inputs["right"])
    left = layers.Add()([left, layers.Dense(5, "relu")(layers.Dense(8, "relu")(left))])
    joined = layers.Concatenate()([layers.Dense(6, "relu")(left), right * 2])
    inner = stack((6, 11), layers.Dense(7, "relu"), layers.Dense(6, "relu"), name="inner")
    found = layers.Dense(9, "relu")(layers.GRU(7)(inner(joined)))
    return keras.Model(inputs, {"class": layers.Dense(3, "softmax")(found), "value": layers.Dense(1)(found)})


MODELS = [two_dense, padded_convolutions, causal_sequence, reshaped, pytest.param(tangled, marks=pytest.mark.slow)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "kept_fraction", [0.2, *(pytest.param(each, marks=pytest.mark.slow) for each in (0.0, 0.05, 0.5))]
)
@pytest.mark.parametrize("make", MODELS)
def test_outputs_are_equal(make, kept_fraction):
    for seed in range(3):
        model = thin_out(make(), kept_fraction, seed)
        small = compact(model)
        assert_equal_outputs(model, small)
        assert small.count_params() <= model.count_params()


def test_a_layer_without_bias_gets_one_for_what_is_folded_into_it():
    model = two_dense(use_bias=False)
    model.get_layer("a").set_weights([np.eye(5, 4) * [1, 1, 1, 0], np.array([0, 0, 0, 2.0])])
    small = compact(model)
    assert sizes(small) == {"a": (5, 3), "b": (3, 3)}
    np.testing.assert_allclose(small.get_layer("b").bias, 2 * model.get_layer("b").kernel.numpy()[3], rtol=1e-6)
    assert_equal_outputs(model, small)
    model.get_layer("a").set_weights([np.eye(5, 4) * [1, 1, 1, 0], np.array([0, 0, 0, -2.0])])
    assert not compact(model).get_layer("b").use_bias, "the constant is zero"


@pytest.mark.slow
def test_models_inside_are_compacted():
    model = thin_out(tangled(), 0.05)
    small = compact(model)
    assert small.get_layer("inner").count_params() < model.get_layer("inner").count_params()
    assert small.get_layer("shared").units == 5


@pytest.mark.slow
def test_a_compact_model_trains():
    model = thin_out(padded_convolutions(), 0.2)
    small = compact(model)
    assert not small.compiled
    small.compile("adam", "mse")
    small.fit(images(model), np.ones((7, 3)), verbose=0)
    again = compact(small)
    assert_equal_outputs(small, again)
