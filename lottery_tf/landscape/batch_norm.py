"""Recomputes batch-norm statistics for weights that were not trained, such as those on a line between networks.

The moving averages of a training fit only its own final weights. For other weights they are wrong, and so is an error
that is measured with them. Frankle et al. (arXiv 1912.05671) recompute them too.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from lottery_tf.datasets.splits import Arrays, leaves, map_arrays
from lottery_tf.masking.sublayers import all_layers
from lottery_tf.seeds import draw_seed, generator
from lottery_tf.training.compilation import compiled
from lottery_tf.training.scaling import Scaling


def batch_norm_layers(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Returns the batch-norm layers of a model, at any depth."""
    return [layer for layer in all_layers(model) if isinstance(layer, keras.layers.BatchNormalization)]


class BatchNormStatistics:
    """Sets a model's batch-norm statistics to those of its current weights.

    Images pass through the model in batches; each batch is normalized with its own statistics, as in training. The mean
    of a layer is the mean of the batches' means. The variance is the mean of their variances plus the variance of their
    means. Layers that are not trainable keep their statistics, as in training.

    An incomplete last batch is not used. `divide_by` is as in `Dataset`.
    """

    def __init__(self, model: keras.Model, images: Arrays, batch_size: int, divide_by: float | None = None):
        self._model = model
        self._layers = batch_norm_layers(model)
        self._count = len(leaves(images)[0])
        self._batch_size = min(batch_size, self._count)
        self._scaling = Scaling(model, images, divide_by)
        self._images = map_arrays(tf.constant, images)
        self._seeds = [variable for variable in model.variables if variable.name == "seed_generator_state"]
        self._batch_moments = compiled(self._moments)

    def recompute(self) -> None:
        """Computes and assigns the mean and variance of every batch-norm layer."""
        if not self._layers:
            return
        rng = generator(0, "dropout of batch-norm statistics")
        for variable in self._seeds:
            variable.assign(np.array([draw_seed(rng), 0], variable.dtype))
        starts = range(0, self._count - self._batch_size + 1, self._batch_size)
        batches = [self._batch_moments(tf.constant(first)) for first in starts]
        for index, layer in enumerate(self._layers):
            means, variances = (
                np.array([moments[index][part].numpy() for moments in batches], np.float64) for part in (0, 1)
            )
            layer.moving_mean.assign(means.mean(axis=0))
            layer.moving_variance.assign(variances.mean(axis=0) + means.var(axis=0))

    def _moments(self, first):
        """Returns the mean and variance of each layer's inputs in one batch."""
        momenta = [layer.momentum for layer in self._layers]
        for layer in self._layers:
            layer.momentum = 0.0  # read when the call is traced: the moving averages become the batch's statistics
        try:
            images = map_arrays(lambda tensor: tensor[first : first + self._batch_size], self._images)
            self._model(self._scaling(images), training=True)
        finally:
            for layer, momentum in zip(self._layers, momenta, strict=True):
                layer.momentum = momentum
        return [
            (tf.identity(layer.moving_mean.value), tf.identity(layer.moving_variance.value)) for layer in self._layers
        ]
