"""What is removed from layers with kernels, and what is added to their biases, by hand."""

import keras
import numpy as np
import pytest
from sparse_models import assert_equal_outputs, set_rows, sizes, stack, thin_out

from lottery_tf.masking.compaction import compact

layers = keras.layers


@pytest.mark.parametrize(
    ("padding", "bias", "stays"), [("same", 0.5, True), ("same", -0.5, False), ("valid", 0.5, False)]
)
def test_a_constant_channel_stays_where_padding_would_change_it(padding, bias, stays):
    model = stack((6, 6, 1), layers.Conv2D(3, 1, activation="relu", name="a"), layers.Conv2D(2, 3, padding=padding))
    thin_out(model, 1.0)
    kernel, biases = model.get_layer("a").get_weights()
    kernel[..., 1], biases[1] = 0, bias
    model.get_layer("a").set_weights([kernel, biases])
    small = compact(model)
    assert small.get_layer("a").filters == (3 if stays else 2)
    assert_equal_outputs(model, small)


FIRST = {"data_format": "channels_first"}


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
