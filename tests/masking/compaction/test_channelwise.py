"""Channels are followed through layers that move them."""

import keras
import numpy as np
from sparse_models import assert_equal_outputs, sizes, stack, thin_out

from lottery_tf.masking.compaction import compact

layers = keras.layers


def test_flattened_channels_are_found_again():
    model = stack((3, 3, 2), layers.Conv2D(3, 2, name="conv"), layers.Flatten(), layers.Dense(5, name="dense"))
    thin_out(model, 1.0)
    kernel, bias = model.get_layer("dense").get_weights()
    kernel[1::3] = 0  # channels lie side by side, places apart: the middle channel is not heard
    model.get_layer("dense").set_weights([kernel, bias])
    small = compact(model)
    assert_equal_outputs(model, small)
    np.testing.assert_array_equal(small.get_layer("conv").kernel, model.get_layer("conv").kernel.numpy()[..., [0, 2]])
    np.testing.assert_array_equal(small.get_layer("dense").kernel, kernel[[0, 2, 3, 5, 6, 8, 9, 11]])
    kernel[[0, 3, 6]] = 0  # and of the first channel there is only one place
    model.get_layer("dense").set_weights([kernel, bias])
    assert sizes(compact(model)) == {"conv": (2, 2), "dense": (8, 5)}, "5 of 8 are too many to be picked"
    kernel[5] = 0
    model.get_layer("dense").set_weights([kernel, bias])
    small = compact(model)
    assert sizes(small) == {"conv": (2, 2), "dense": (4, 5)}
    np.testing.assert_array_equal(small.get_layer("dense").kernel, kernel[[2, 8, 9, 11]])
    assert_equal_outputs(model, small)
