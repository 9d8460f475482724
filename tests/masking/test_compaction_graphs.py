"""Smaller models of whole architectures: sums, groups, channels that come first, masks of time steps.

A behaviour of several modules: all rules of `compaction` together.
"""

import keras
import numpy as np
import pytest
from sparse_models import images, set_rows, stack, thin_out

from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, model_weights
from lottery_tf.masking.compaction import compact
from lottery_tf.masking.compaction.rule import at_least_one
from lottery_tf.masking.compaction.weighted import Dense

layers = keras.layers
FIRST = {"data_format": "channels_first"}


def residual_block(x, width, **options):
    """A block of a residual network."""
    y = layers.Conv2D(width, 3, padding="same", use_bias=False, **options)(x)
    y = layers.BatchNormalization()(y)
    y = layers.ReLU()(y)
    y = layers.Conv2D(x.shape[-1], 3, padding="same", use_bias=False, **options)(y)
    return layers.ReLU()(layers.Add()([x, layers.BatchNormalization()(y)]))


def residual():
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    x = residual_block(residual_block(x, 6), 7)
    x = layers.Conv2D(5, 1, strides=2)(x) + layers.AveragePooling2D(2)(layers.Conv2D(5, 3, padding="same")(x))
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def densely_connected():
    inputs = keras.Input((6, 6, 2))
    x = layers.Conv2D(4, 3, padding="same")(inputs)
    for _ in range(2):
        y = layers.Conv2D(3, 3, padding="same", activation="relu")(layers.Activation("silu")(x))
        x = layers.Concatenate()([x, y])
    x = keras.ops.concatenate([x, keras.ops.relu(0.5 * x)], axis=1)
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(x)))


def inverted_bottleneck():
    """As MobileNet has them, with squeeze and excitation."""
    inputs = keras.Input((7, 7, 4))
    x = layers.Conv2D(8, 1, activation="relu6")(inputs)
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)
    x = layers.PReLU(shared_axes=[1, 2])(x)
    weights = layers.Dense(16, "sigmoid")(layers.Dense(4, "relu")(layers.GlobalAveragePooling2D(keepdims=True)(x)))
    x = layers.Multiply()([x, weights])
    x = layers.Conv2D(4, 1)(x)
    x = layers.Add()([x, inputs])
    return keras.Model(inputs, layers.Dense(3)(layers.GlobalMaxPooling2D()(x)))


def grouped():
    return stack(
        (7, 7, 4), layers.Conv2D(12, 1, activation="relu"), layers.Conv2D(18, 3, groups=6, activation="tanh"),
        layers.GroupNormalization(3), layers.Conv2D(6, 3, groups=2), layers.PReLU(), layers.Flatten(), layers.Dense(3),
    )  # fmt: skip


def channels_first():
    inputs = keras.Input((3, 8, 8))
    x = layers.Conv2D(6, 3, padding="same", activation="relu", **FIRST)(inputs)
    y = layers.DepthwiseConv2D(3, padding="same", **FIRST)(x)
    y = layers.BatchNormalization(axis=1)(y)
    y = layers.PReLU(shared_axes=[2, 3])(layers.Conv2D(6, 3, padding="same", groups=2, **FIRST)(y))
    x = layers.MaxPooling2D(**FIRST)(layers.Add()([x, y]))
    x = layers.Concatenate(axis=1)([x, layers.Conv2D(3, 1, **FIRST)(x)])
    mean = layers.GlobalAveragePooling2D(**FIRST)(x)
    return keras.Model(inputs, [layers.Dense(3)(layers.Flatten()(x)), layers.Dense(2)(mean)])


def transformer(mask_zero=True):
    """Two blocks with layer normalization before what they add, and padding that attention is not to see."""
    ids = keras.Input((6,), dtype="int32")
    x = layers.LayerNormalization()(layers.Embedding(2, 12, mask_zero=mask_zero)(ids))
    x = layers.Dense(8, "gelu", name="first")(x)
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        x = (
            x + layers.MultiHeadAttention(2, 4)(y, y)
            if not mask_zero
            else layers.Add()([x, layers.MultiHeadAttention(2, 4)(y, y)])
        )
        y = layers.Dense(16, "gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(8)(y)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(ids, layers.Dense(3)(layers.Dense(10, "relu")(x)))


def recurrent():
    """Masks of time steps that a Dense layer hands on to recurrent layers, one of them inside a model."""
    inner = stack((6, 8), layers.Dense(8, "tanh"), layers.LSTM(4, return_sequences=True), name="inner")
    return stack(
        (6, 3), layers.Masking(), layers.Dense(9, "tanh"), layers.Dense(8), inner, layers.Dense(7),
        layers.Bidirectional(layers.GRU(4)), layers.Dense(3),
    )  # fmt: skip


def generator():
    return stack(
        (5,), layers.Dense(27, "relu"), layers.Reshape((3, 3, 3)), layers.Conv2DTranspose(8, 3, activation="relu"),
        layers.UpSampling2D(), layers.RMSNormalization(), layers.Conv2D(6, 3, activation="relu"),
        layers.Permute((2, 1, 3)), layers.Conv2D(2, 1),
    )  # fmt: skip


def two_towers():
    """A product and an average of towers, one of them flattened from images whose channels come first."""
    images, numbers = keras.Input((2, 4, 4), name="images"), keras.Input((5,), name="numbers")
    a = layers.Flatten()(layers.Conv2D(5, 3, activation="relu", **FIRST)(images))
    a = layers.Dense(8, "relu")(layers.Dense(9, "relu")(a))
    b = layers.Dense(8, "relu")(layers.BatchNormalization()(layers.Dense(20, "elu")(numbers)))
    x = layers.Average()([a * b, layers.Maximum()([a, b]), keras.ops.minimum(a, -b) - 1])
    return keras.Model({"images": images, "numbers": numbers}, layers.Dense(3)(x))


ARCHITECTURES = [
    residual, densely_connected, inverted_bottleneck, grouped, channels_first, transformer, recurrent, generator,
    two_towers,
]  # fmt: skip


def assert_compact_is_equal(make, kept_fraction, seed):
    model = thin_out(conversion.masked(make()), kept_fraction, seed)
    for each in model_weights.masked_kernels(model).values():
        kernel = each.variable.numpy()
        kernel.flat[0] = 0.5  # a mask keeps something
        each.variable.assign(kernel)
        each.set_mask(kernel != 0)
    small = compact(model)
    given = images(model)
    if model.inputs[0].dtype == "int32":
        given = np.array([[1, 1, 0, 1, 0, 0], [1, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 1]])  # 0: padding
    elif make is recurrent:
        given[1, 2:] = given[2, 4:] = 0
    for a, b in zip(keras.tree.flatten(model(given)), keras.tree.flatten(small(given)), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5 * max(1, np.abs(a).max()))
    assert small.count_params() <= model.count_params()


@pytest.mark.slow
@pytest.mark.parametrize("make", ARCHITECTURES)
def test_outputs_are_equal_at_few_weights(make):
    assert_compact_is_equal(make, 0.1, 0)


@pytest.mark.slow
@pytest.mark.parametrize("make", ARCHITECTURES)
def test_outputs_are_equal_at_any_number_of_weights(make):
    for kept_fraction in (0.0, 0.02, 0.3):
        for seed in (1, 2, 3):
            assert_compact_is_equal(make, kept_fraction, seed)


# Masks of time steps


def picking(mask_zero):
    """A transformer of which the first layer hears 2 of 12 inputs, so that it would pick them."""
    model = thin_out(transformer(mask_zero), 1.0)
    set_rows(model, "first", [3, 7])
    return model


@pytest.mark.slow
def test_padding_stays_padding():
    model = picking(mask_zero=True)
    small = compact(model)
    ids = np.array([[1, 1, 0, 1, 0, 0], [1, 0, 0, 0, 0, 0]])
    np.testing.assert_allclose(small(ids), model(ids), rtol=1e-4, atol=1e-4)
    assert not any(each.name.startswith("take") for each in small.operations)
    unpadded = compact(picking(mask_zero=False))
    assert any(each.name.startswith("take") for each in unpadded.operations), "without a mask they are picked"


@pytest.mark.slow
def test_a_mask_that_gets_lost_is_noticed(monkeypatch):
    def pick(self, constants, needed, kept):
        used = at_least_one(self.needed(constants, needed)[0], among=kept)
        return used, np.flatnonzero(used[kept]).tolist()

    monkeypatch.setattr(Dense, "_rows", pick)
    with pytest.raises(InputError, match="other outputs"):
        compact(picking(mask_zero=True))


def test_the_model_stays_as_it_was():
    model = thin_out(conversion.masked(residual()), 0.1)
    before = [weight.numpy() for weight in model.weights]
    small = compact(model)
    small.set_weights([np.zeros(weight.shape) for weight in small.weights])
    assert all((now.numpy() == then).all() for now, then in zip(model.weights, before, strict=True))
