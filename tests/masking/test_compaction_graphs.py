"""Smaller models of more than a chain of layers: sums, groups, channels that come first, masks, classes."""

import keras
import numpy as np
import pytest
from sparse_models import assert_equal_outputs, images, sizes, stack, thin_out

from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, model_weights
from lottery_tf.masking.compaction import compact
from lottery_tf.masking.compaction.rule import at_least_one
from lottery_tf.masking.compaction.weighted import Dense, Weighted

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


# What is left, by hand


def set_rows(model, name, heard):
    """Lets a layer hear only some of its inputs."""
    kernel, *rest = model.get_layer(name).get_weights()
    kernel[..., [row for row in range(kernel.shape[-2]) if row not in heard], :] = 0
    model.get_layer(name).set_weights([kernel, *rest])


@pytest.mark.parametrize("add", [lambda a, b: layers.Add()([a, b]), lambda a, b: a + b], ids=["layer", "operation"])
def test_a_residual_stream_loses_what_no_block_hears(add):
    inputs = keras.Input((3,))
    stream = layers.Dense(6, name="first")(inputs)
    for number in (1, 2):
        hidden = layers.Dense(4, "relu", name=f"hidden_{number}")(stream)
        stream = add(stream, layers.Dense(6, name=f"back_{number}")(hidden))
    model = thin_out(keras.Model(inputs, layers.Dense(2, name="last")(stream)), 1.0)
    set_rows(model, "hidden_1", [0, 1, 2])
    set_rows(model, "hidden_2", [1])
    set_rows(model, "last", [1, 4])
    small = compact(model)
    assert sizes(small) == {
        "first": (3, 4), "hidden_1": (4, 4), "back_1": (4, 4), "hidden_2": (1, 4), "back_2": (4, 4), "last": (2, 2),
    }  # fmt: skip
    assert_equal_outputs(model, small)


def test_of_concatenated_channels_each_part_loses_its_own():
    inputs = keras.Input((3,))
    parts = [layers.Dense(4, "relu", name=name)(inputs) for name in "abc"]
    model = keras.Model(inputs, layers.Dense(2, name="last")(layers.Concatenate()(parts)))
    thin_out(model, 1.0)
    set_rows(model, "last", [0, 1, 2, 5, 7, 8])
    small = compact(model)
    assert sizes(small) == {"a": (3, 3), "b": (3, 2), "c": (3, 1), "last": (6, 2)}
    assert_equal_outputs(model, small)


def test_groups_keep_as_many_channels_each():
    model = stack(
        (5, 5, 2), layers.Conv2D(9, 1, name="a"), layers.Conv2D(6, 3, groups=3, name="b"), layers.Conv2D(2, 1, name="c")
    )
    thin_out(model, 1.0)
    kernel, bias = model.get_layer("b").get_weights()
    kernel[:, :, 1:, :2] = 0  # the first group hears one input
    model.get_layer("b").set_weights([kernel, bias])
    set_rows(model, "c", [0, 1, 2])  # two outputs of the first group, one of the second, none of the third
    small = compact(model)
    assert small.get_layer("b").groups == 2
    assert sizes(small) == {"a": (2, 6), "b": (3, 4), "c": (4, 2)}
    assert_equal_outputs(model, small)


def test_a_depthwise_convolution_loses_channels_on_both_sides():
    model = stack(
        (5, 5, 2), layers.Conv2D(6, 1, name="a"), layers.DepthwiseConv2D(3, depth_multiplier=2, name="b"),
        layers.Conv2D(2, 1, name="c"),
    )  # fmt: skip
    thin_out(model, 1.0)
    set_rows(model, "c", [0, 2, 8])
    small = compact(model)
    assert (small.get_layer("a").filters, small.get_layer("b").depth_multiplier) == (3, 1)
    assert_equal_outputs(model, small)


def test_channels_that_come_first_are_left_out():
    model = stack(
        (2, 6, 6), layers.Conv2D(6, 3, activation="relu", name="a", **FIRST), layers.BatchNormalization(axis=1),
        layers.PReLU(shared_axes=[2, 3]), layers.MaxPooling2D(2, **FIRST), layers.Flatten(), layers.Dense(3, name="b"),
    )  # fmt: skip
    thin_out(model, 1.0)
    model.layers[1].gamma.assign(np.ones(6))
    set_rows(model, "b", [5, 9, 17])  # of the channels 1, 2 and 4 one of four places each
    small = compact(model)
    assert sizes(small) == {"a": (2, 3), "b": (3, 3)}
    assert_equal_outputs(model, small)
    wrong = stack((4, 6), layers.Dense(5, name="a"), layers.BatchNormalization(axis=1), layers.Dense(2, name="b"))
    set_rows(thin_out(wrong, 1.0), "b", [0])
    assert sizes(compact(wrong))["a"] == (6, 5), "what lies along another axis is not taken for channels"


@pytest.mark.parametrize(("width", "filters"), [(6, 6), (4, 5), (7, 4)])
def test_a_bias_is_added_as_it_was(width, filters):
    """Keras takes channels that come first for the last ones where images are as wide as there are channels."""
    model = stack(
        (2, width, width), layers.Conv2D(6, 3, padding="same", name="a", **FIRST), layers.GlobalMaxPooling2D(**FIRST),
        layers.Dense(2, name="b"),
    )  # fmt: skip
    set_rows(thin_out(model, 1.0), "b", [0, 2, 3, 4])
    small = compact(model)
    assert small.get_layer("a").filters == filters
    assert_equal_outputs(model, small)


def test_columns_of_embeddings_are_left_out():
    model = stack((4,), layers.Embedding(5, 6, name="words"), layers.Flatten(), layers.Dense(2, name="b"))
    thin_out(model, 1.0)
    set_rows(model, "b", [1, 7, 10, 13])
    small = compact(model)
    assert small.get_layer("words").embeddings.shape == (5, 2)
    assert_equal_outputs(model, small)


def test_layer_normalization_sees_what_it_saw():
    model = stack((3,), layers.Dense(6, name="a"), layers.LayerNormalization(name="n"), layers.Dense(2, name="b"))
    thin_out(model, 1.0)
    model.get_layer("n").gamma.assign([0, 0, 0, 0, 1, 1])
    small = compact(model)
    assert sizes(small) == {"a": (3, 6), "b": (2, 2)}, "four outputs are constant"
    assert_equal_outputs(model, small)


def test_a_group_of_constants_is_left_out():
    model = stack((5, 5, 3), layers.Conv2D(6, 1, name="a"), layers.GroupNormalization(3), layers.Conv2D(2, 1, name="b"))
    thin_out(model, 1.0)
    model.layers[1].gamma.assign(np.arange(1, 7))
    kernel, bias = model.get_layer("a").get_weights()
    kernel[..., [0, 1, 2]] = 0  # the first group, and a half of the second
    model.get_layer("a").set_weights([kernel, bias])
    small = compact(model)
    assert sizes(small) == {"a": (3, 4), "b": (4, 2)}
    assert_equal_outputs(model, small)


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


def test_a_mask_that_gets_lost_is_noticed(monkeypatch):
    def pick(self, constants, needed, kept):
        used = at_least_one(self.needed(constants, needed)[0], among=kept)
        return used, np.flatnonzero(used[kept]).tolist()

    monkeypatch.setattr(Dense, "_rows", pick)
    with pytest.raises(InputError, match="other outputs"):
        compact(picking(mask_zero=True))


def test_a_product_of_time_steps_that_are_masked_is_left_whole():
    inputs = keras.Input((4, 3))
    x = layers.Masking()(inputs)
    x = layers.Multiply()([layers.Dense(5, name="a")(x), layers.Dense(5, name="b")(x)])
    model = thin_out(keras.Model(inputs, layers.Dense(2, name="last")(x)), 1.0)
    kernel, bias = model.get_layer("a").get_weights()
    kernel[:, 0], bias[0] = 0, 0
    model.get_layer("a").set_weights([kernel, bias])
    given = images(model)
    given[0, 2:] = 0
    np.testing.assert_allclose(compact(model)(given), model(given), rtol=1e-5, atol=1e-5)


# Classes of one's own


class Doubled(keras.Sequential):
    """A Sequential model that doubles its outputs."""

    def call(self, *args, **kwargs):
        return 2 * super().call(*args, **kwargs)


class Negated(keras.Model):
    """A functional model that negates its outputs."""

    def call(self, *args, **kwargs):
        return -super().call(*args, **kwargs)


class Scaled(Doubled):
    """One that is not made as its base class is."""

    def __init__(self, units, **options):
        super().__init__([keras.Input((5,)), layers.Dense(units), layers.Dense(2)], **options)
        self.units = units

    def get_config(self):
        return {"units": self.units}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Half(keras.Sequential):
    """One whose `call` runs only a part of its layers."""

    def call(self, inputs, training=None, mask=None):
        return self.layers[0](inputs)


def negated():
    inputs = keras.Input((5,))
    return Negated(inputs, layers.Dense(3)(layers.Dense(20, "relu")(inputs)))


@pytest.mark.parametrize(
    "make", [lambda: Doubled([keras.Input((5,)), layers.Dense(20, "relu"), layers.Dense(3)]), negated]
)
def test_a_class_with_its_own_call_is_kept(make):
    model = thin_out(make(), 0.3)
    small = compact(model)
    assert type(small) is type(model)
    assert small.count_params() < model.count_params()
    assert_equal_outputs(model, small)


def test_a_class_that_cannot_be_kept_is_refused():
    with pytest.raises(InputError, match="has a class with a `call` of its own, Scaled, which is not made as"):
        compact(thin_out(Scaled(6), 0.5))


def test_a_wrong_copy_is_an_error(monkeypatch):
    with pytest.raises(InputError, match="other outputs"):
        compact(thin_out(Half([keras.Input((5,)), layers.Dense(6), layers.Dense(2)]), 0.2))
    model = thin_out(stack((5,), layers.Dense(20, "relu"), layers.Dense(3)), 0.3)
    monkeypatch.setattr(Weighted, "needed", lambda self, constants, needed: [np.arange(len(constants[0])) < 2])
    with pytest.raises(InputError, match="other outputs"):
        compact(model)


def test_a_model_inside_with_its_own_call_is_left_whole():
    inner = Doubled([keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(6)], name="inner")
    model = thin_out(stack((5,), layers.Dense(6, "relu"), inner, layers.Dense(9, "relu"), layers.Dense(2)), 0.3)
    small = compact(model)
    assert type(small.get_layer("inner")) is Doubled
    assert small.get_layer("inner").count_params() == inner.count_params()
    assert_equal_outputs(model, small)


def test_the_model_stays_as_it_was():
    model = thin_out(conversion.masked(residual()), 0.1)
    before = [weight.numpy() for weight in model.weights]
    small = compact(model)
    small.set_weights([np.zeros(weight.shape) for weight in small.weights])
    assert all((now.numpy() == then).all() for now, then in zip(model.weights, before, strict=True))
