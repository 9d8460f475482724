"""Initial weights depend on the seed alone and follow each layer's own initializer."""

import keras
import numpy as np
import pytest
from own_classes import attention, recurrent, selectable, subclassed

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import initial_weights, model_weights
from lottery_tf.models import networks


@pytest.mark.parametrize("make", [attention, recurrent, subclassed])
def test_seeds_share_no_kernel(make):
    model = lt.masked(make())
    untrained = model_weights.get_weights(model)
    zero, again, one = (initial_weights.initial_weights(model, untrained, seed) for seed in (0, 0, 1))
    for name in model_weights.kernels(model):
        np.testing.assert_array_equal(zero[name], again[name])
        assert (zero[name] != one[name]).mean() > 0.9
        assert zero[name].shape == untrained[name].shape


def test_kernels_of_layers_that_are_not_trained_keep_their_values():
    model = selectable()
    model.get_layer("hidden").trainable = model.get_layer("block").trainable = False
    masked = lt.masked(model)
    untrained = model_weights.get_weights(masked)
    drawn = initial_weights.initial_weights(masked, untrained, 0)
    same = {name for name in model_weights.kernels(masked) if (drawn[name] == untrained[name]).all()}
    assert same == {"hidden/kernel", "block/kernel", "block/kernel_2"}


def test_initial_states_depend_on_the_seed_alone():
    states = []
    for seed in (0, 0, 1):
        model = networks.build("fc")
        states.append(initial_weights.initial_weights(model, model_weights.get_weights(model), seed))
    same, other = states[0], states[2]
    assert all(states[1][name].tobytes() == value.tobytes() for name, value in same.items())
    assert (same["dense_1/kernel"] != other["dense_1/kernel"]).all()
    assert (same["dense_1/bias"] == 0).all()


def scaled_ones(shape, dtype=None):
    """An initializer that is a plain function."""
    return np.full(shape, 3.0)


class Unseeded(keras.initializers.Initializer):
    """An initializer of a user's own that leaves its draws to Keras's global state."""

    def __call__(self, shape, dtype=None):
        return keras.random.normal(shape)


class Seeded(keras.initializers.Initializer):
    """One that takes its seed among other options."""

    def __init__(self, **options):
        self.options = options

    def __call__(self, shape, dtype=None):
        return keras.random.normal(shape, seed=self.options["seed"])

    def get_config(self):
        return self.options


@pytest.mark.parametrize("initializer", [Unseeded(), lambda shape, dtype=None: keras.random.normal(shape)])
def test_an_initializer_that_cannot_draw_the_same_again_is_refused(initializer):
    layer = keras.layers.Dense(3, kernel_initializer=initializer, name="own")
    layer.build((None, 4))
    with pytest.raises(InputError, match="The kernel initializer of 'own' draws other numbers at each call"):
        initial_weights.draw_kernel(layer, np.random.default_rng(0))


def test_an_initializer_of_ones_own_gets_its_seed():
    layer = keras.layers.Dense(3, kernel_initializer=Seeded(seed=1))
    layer.build((None, 4))
    first, again, other = (initial_weights.draw_kernel(layer, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


@pytest.mark.parametrize("initializer", ["he_normal", "orthogonal", "ones", scaled_ones])
def test_kernels_are_drawn_from_the_layers_own_initializer(initializer):
    layer = keras.layers.Dense(30, kernel_initializer=initializer)
    layer.build((None, 40))
    first, again, other = (initial_weights.draw_kernel(layer, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    if initializer in ("he_normal", "orthogonal"):
        assert (first != other).mean() > 0.99
        assert first.std() == pytest.approx(layer.kernel.numpy().std(), rel=0.1)
    else:
        np.testing.assert_array_equal(first, layer.kernel)
