"""The base class of models whose weights are drawn anew, as those under a learned Bernoulli mask are."""

from __future__ import annotations

from collections.abc import Callable

import keras


class SampledModel(keras.Model):
    """A model around a network whose weights are drawn: once for a training step, once for an evaluation.

    Attributes:
      network: the Keras model that computes with the drawn weights.
      samples: how many draws a test accuracy is the mean over.
    """

    network: keras.Model
    samples: int = 1

    @property
    def input_shape(self) -> tuple:
        """The shape of the network's inputs, the batch first."""
        return self.network.input_shape

    @property
    def output_shape(self) -> tuple:
        """The shape of the network's outputs, the batch first."""
        return self.network.output_shape

    def draw_network(self) -> Callable:
        """Draws weights; returns the network with them, to be called with inputs and `training`."""
        raise NotImplementedError(f"{type(self).__name__} has to say how its weights are drawn.")

    def call(self, inputs, training=None):
        """The outputs of the network with newly drawn weights."""
        return self.draw_network()(inputs, training=bool(training))
