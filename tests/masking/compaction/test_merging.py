"""What is removed from sums, products and concatenations, by hand."""

import keras
import numpy as np
import pytest
from sparse_models import assert_equal_outputs, images, set_rows, sizes, thin_out

from lottery_tf.masking.compaction import compact

layers = keras.layers


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
