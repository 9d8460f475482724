"""A model that draws its weights: for each call, and around a network that others see."""

import keras
import numpy as np
import pytest

from lottery_tf.training.sampled_model import SampledModel, network_of


class Doubled(SampledModel):
    """Draws a factor, 2 and 4 and 8 and so on, for the outputs of its network."""

    def __init__(self, network):
        super().__init__()
        self.network, self.factor, self.flags = network, 1, []

    def draw_network(self):
        self.factor *= 2
        factor = self.factor

        def drawn(inputs, training):
            self.flags.append(training)
            return factor * self.network(inputs, training=training)

        return drawn


@pytest.fixture
def network():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])


def test_every_call_draws_anew_and_a_draw_stays_as_it_is(network):
    model, inputs = Doubled(network), np.ones((2, 4), np.float32)
    plain = network(inputs).numpy()
    np.testing.assert_array_equal(model(inputs), 2 * plain)
    np.testing.assert_array_equal(model(inputs, training=True), 4 * plain)
    drawn = model.draw_network()
    for _ in range(2):
        np.testing.assert_array_equal(drawn(inputs, False), 8 * plain)
    assert model.flags == [False, True, False, False], "what is not said is no training"


def test_its_shapes_are_those_of_the_network(network):
    model = Doubled(network)
    assert (model.input_shape, model.output_shape, model.samples) == ((None, 4), (None, 3), 1)


def test_the_network_is_found_in_it_and_in_no_other_model(network):
    assert network_of(Doubled(network)) is network
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    other.network = network
    assert network_of(other) is other and network_of(network) is network


def test_a_model_that_draws_nothing_is_told(network):
    class Forgot(SampledModel):
        pass

    model = Forgot()
    model.network = network
    with pytest.raises(NotImplementedError, match="Forgot must define draw_network"):
        model.draw_network()
