"""The base class of models with random weights, such as those under a learned Bernoulli mask."""

from __future__ import annotations

from collections.abc import Callable

import keras


class SampledModel(keras.Model):
    """A model around a network whose weights are drawn for each training step and each evaluation.

    Data that are streamed are evaluated in batches, and the weights are drawn for each of them.

    Attributes:
      network: the Keras model that computes with the drawn weights.
      samples: the number of draws over which a test accuracy is averaged.
    """

    network: keras.Model
    samples: int = 1

    @property
    def input_shape(self) -> tuple:
        """The shape of the network's inputs, with the batch size first."""
        return self.network.input_shape

    @property
    def output_shape(self) -> tuple:
        """The shape of the network's outputs, with the batch size first."""
        return self.network.output_shape

    def draw_network(self) -> Callable:
        """Draws weights, and returns the network with them as a function of inputs and `training`."""
        raise NotImplementedError(f"{type(self).__name__} must define draw_network.")

    def call(self, inputs, training=None):
        """Returns the outputs of the network with newly drawn weights."""
        return self.draw_network()(inputs, training=bool(training))


def network_of(model: keras.Model) -> keras.Model:
    """Returns the network in a model that draws its weights; any other model itself, whatever its attributes are."""
    return model.network if isinstance(model, SampledModel) else model
