"""Batch-norm statistics made anew for weights that no training has led to, such as those on a line between networks.

The moving averages that a training leaves behind belong to its own weights. Away from them they are wrong, and an error
measured with them is that of the averages, not of the weights (Frankle et al., arXiv 1912.05671, recompute them too).
"""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from lottery_tf.seeds import draw_seed, generator
from lottery_tf.training.batches import scale


def batch_norm_layers(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """A model's batch-norm layers, those of inner models too."""
    return [layer for layer in _layers(model) if isinstance(layer, keras.layers.BatchNormalization)]


def _layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        else:
            yield layer


class BatchNormStatistics:
    """Sets a model's batch-norm statistics to those of its weights as they stand.

    Images go through the model in batches, each normalized by its own statistics as in training. A layer's mean and
    variance are then those of all its inputs over all batches: the mean of the batches' means, and the mean of their
    variances plus the variance of their means. Layers that are not trainable keep theirs, as they do in training.

    Args:
      model: the model; one without batch norm is left as it is.
      images: (images, height, width, channels) training images, bytes or floats.
      batch_size: images a batch; what is left over is not used.
    """

    def __init__(self, model: keras.Model, images: np.ndarray, batch_size: int):
        self._model = model
        self._layers = batch_norm_layers(model)
        self._batch_size = min(batch_size, len(images))
        self._images = tf.constant(images)
        self._seeds = [variable for variable in model.variables if variable.name == "seed_generator_state"]
        self._batch_moments = tf.function(self._moments)

    def recompute(self) -> None:
        """Reads the images and assigns every batch-norm layer's mean and variance."""
        if not self._layers:
            return
        rng = generator(0, "dropout of batch-norm statistics")
        for variable in self._seeds:
            variable.assign(np.array([draw_seed(rng), 0], variable.dtype))
        starts = range(0, len(self._images) - self._batch_size + 1, self._batch_size)
        batches = [self._batch_moments(tf.constant(first)) for first in starts]
        for index, layer in enumerate(self._layers):
            means, variances = (
                np.array([moments[index][part].numpy() for moments in batches], np.float64) for part in (0, 1)
            )
            layer.moving_mean.assign(means.mean(axis=0))
            layer.moving_variance.assign(variances.mean(axis=0) + means.var(axis=0))

    def _moments(self, first):
        """The mean and variance that each layer saw in one batch."""
        momenta = [layer.momentum for layer in self._layers]
        for layer in self._layers:
            layer.momentum = 0.0  # read while the call is traced: the moving averages become the batch's own moments
        try:
            self._model(scale(self._images[first : first + self._batch_size]), training=True)
        finally:
            for layer, momentum in zip(self._layers, momenta, strict=True):
                layer.momentum = momentum
        return [
            (tf.identity(layer.moving_mean.value), tf.identity(layer.moving_variance.value)) for layer in self._layers
        ]
