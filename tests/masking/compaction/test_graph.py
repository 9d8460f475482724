"""Constant or unused units and channels are removed, and anything uncertain is left as it is."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sparse_models import assert_equal_outputs, images, sizes, stack, thin_out

from lottery_tf.masking import model_weights
from lottery_tf.masking.compaction import compact
from lottery_tf.models import networks

layers = keras.layers


def kept_by_hand(kernels):
    """Hidden units of a dense network that are both heard and say something: one at a time, until none can go."""
    alive = [[True] * kernel.shape[0] for kernel in kernels] + [[True] * kernels[-1].shape[1]]
    changed = True
    while changed:
        changed = False
        for place in range(1, len(kernels)):
            for unit, is_alive in enumerate(alive[place]):
                heard = any(w != 0 and a for w, a in zip(kernels[place][unit], alive[place + 1], strict=True))
                says = any(w != 0 and a for w, a in zip(kernels[place - 1][:, unit], alive[place - 1], strict=True))
                if is_alive and not (heard and says):
                    alive[place][unit] = False
                    changed = True
    return [max(1, sum(units)) for units in alive[1:-1]]


@pytest.mark.slow
@settings(max_examples=25)
@given(
    widths=st.lists(st.integers(1, 8), min_size=2, max_size=5),
    activation=st.sampled_from(["relu", "tanh", "sigmoid"]),
    kept_fraction=st.floats(0, 0.6),
    seed=st.integers(0, 1000),
)
def test_no_removable_unit_stays_in_a_dense_network(widths, activation, kept_fraction, seed):
    *hidden, classes = widths
    model = stack((6,), *(layers.Dense(width, activation) for width in hidden), layers.Dense(classes))
    thin_out(model, kept_fraction, seed)
    small = compact(model)
    assert_equal_outputs(model, small)
    dense = [layer for layer in small.layers if isinstance(layer, layers.Dense)]
    by_hand = kept_by_hand([layer.kernel.numpy() for layer in model.layers])
    assert [layer.units for layer in dense[:-1]] == by_hand


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_every_channel_that_stays_is_heard_and_says_something(seed):
    model = stack(
        (9, 9, 2), layers.Conv2D(6, 3, activation="tanh"), layers.Conv2D(8, 3, activation="sigmoid"),
        layers.AveragePooling2D(2), layers.Flatten(), layers.Dense(12, "tanh"), layers.Dense(4),
    )  # fmt: skip
    small = compact(thin_out(model, 0.06, seed))
    assert_equal_outputs(model, small)
    expected = small(images(model))
    weighted = [layer for layer in small.layers if layer.weights]
    assert len(weighted) == 4
    for layer in weighted[:-1]:
        assert layer.kernel.numpy().any(axis=tuple(range(layer.kernel.ndim - 1))).all()
        bias = layer.bias.numpy()
        for unit in range(len(bias)):
            layer.bias.assign(bias + 0.5 * (np.arange(len(bias)) == unit))
            assert np.abs(small(images(model)) - expected).max() > 1e-6
        layer.bias.assign(bias)
    rows_in_use = weighted[2].kernel.numpy().any(axis=1)
    picked = any(operation.name.startswith("take") for operation in small.operations)
    assert rows_in_use.all() if picked else rows_in_use.mean() > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("dead", ["conv_1", "conv_2", "dense_1", "output"])
def test_where_a_layer_dies_one_unit_of_each_stays(dead):
    model = networks.build("conv2", (8, 8, 3))
    thin_out(model, 1.0)
    layer = model.get_layer(dead)
    layer.set_weights([np.zeros(layer.kernel.shape), -np.ones(layer.bias.shape), *layer.get_weights()[2:]])
    small = compact(model)
    assert_equal_outputs(model, small)
    alive = {"conv_1": 1, "conv_2": 1, "dense_1": 1, "dense_2": 1, "output": 10}
    assert {name: shape[-1] for name, shape in sizes(small).items()} == alive
    assert not any(small.get_layer(name).kernel.numpy().any() for name in alive), "nothing is computed any more"


def test_pruned_weights_frozen_at_other_values_are_connections(tiny_model):
    thin_out(tiny_model, 1.0)
    for layer in model_weights.masked_kernels(tiny_model).values():
        kept = np.zeros(layer.variable.shape, bool)
        kept[0, 0] = True
        layer.set_mask(kept, frozen_values=layer.variable.numpy())
    small = compact(tiny_model)
    assert small.count_params() == 36 * 12 + 12 + 12 * 3 + 3
    assert_equal_outputs(tiny_model, small)
    for layer in model_weights.masked_kernels(tiny_model).values():
        layer.set_mask(layer.kernel_mask)  # the same mask, frozen at zero
    assert compact(tiny_model).count_params() < 20
    assert_equal_outputs(tiny_model, compact(tiny_model))


@pytest.mark.slow
def test_what_is_not_certain_is_left_as_it_is():
    """Each hidden layer has a unit that is not heard, and may not lose it."""

    def noisy(x):
        return layers.Dropout(0.5, seed=0)(x, training=True)

    def shared(x, layer=None):
        layer = layers.Dense(4)
        return layer(layer(x))

    def first_axis(x):
        return layers.BatchNormalization(axis=1)(x)

    silenced = layers.Dense(4, activation=keras.layers.Softmax())
    for passage in (
        noisy, shared, first_axis, silenced, layers.LayerNormalization(), layers.Softmax(), layers.Reshape((2, 6)),
        layers.SimpleRNN(4), lambda x: keras.ops.cumsum(x, axis=-1),
    ):  # fmt: skip
        inputs = keras.Input((3, 4))
        x = layers.Dense(4, name="before")(inputs)
        x = passage(x)
        model = keras.Model(inputs, layers.Dense(2, name="after")(x))
        kernel, bias = model.get_layer("after").get_weights()
        kernel[1] = 0
        model.get_layer("after").set_weights([kernel, bias])
        assert sizes(compact(model))["before"] == (4, 4), passage
        if passage is not noisy:
            assert_equal_outputs(model, compact(model))
