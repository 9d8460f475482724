"""What is removed from normalizations, by hand."""

import keras
import numpy as np
from sparse_models import assert_equal_outputs, sizes, stack, thin_out

from lottery_tf.masking.compaction import compact

layers = keras.layers


def test_a_channel_that_batch_norm_multiplies_by_zero_is_constant():
    model = stack((4,), layers.Dense(3, name="a"), layers.BatchNormalization(name="norm"), layers.Dense(2, name="b"))
    thin_out(model, 1.0)
    model.get_layer("norm").gamma.assign([1, 0, 2])
    small = compact(model)
    assert sizes(small) == {"a": (4, 2), "b": (2, 2)}
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
