"""The learning rate over a training: a constant, or a linear warmup and drops (Frankle & Carbin, deeper networks)."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import ops

from lottery_tf.settings import TrainingSettings

DROP_FACTOR = 0.1


def learning_rate(settings: TrainingSettings) -> float | WarmupAndDrops:
    """The learning rate that the settings describe: a number where it never changes."""
    if not (settings.learning_rate_drops or settings.warmup_iterations):
        return settings.learning_rate
    return WarmupAndDrops(settings.learning_rate, settings.warmup_iterations or 1, settings.learning_rate_drops or ())


class WarmupAndDrops(keras.optimizers.schedules.LearningRateSchedule):
    """Rises in equal steps from 0 to its peak, then falls to a tenth at each of some iterations.

    A training that begins in the middle of a schedule sets `begins_at`: an optimizer counts its own steps from 0.

    Args:
      peak: the learning rate after warmup.
      warmup: how many iterations that takes; 1: none.
      drops: the iterations from which on it is a tenth of what it was before.

    >>> rate = WarmupAndDrops(0.4, warmup=4, drops=(10, 20))
    >>> [round(float(rate(iteration)), 4) for iteration in (0, 1, 3, 9, 10, 20)]
    [0.1, 0.2, 0.4, 0.4, 0.04, 0.004]
    """

    def __init__(self, peak: float, warmup: int, drops: tuple[int, ...]):
        self.begins_at = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._config = {"peak": peak, "warmup": warmup, "drops": list(drops)}

    def __call__(self, step):
        iteration = ops.cast(step, "int64") + self.begins_at
        warm = ops.minimum(1.0, ops.cast(iteration + 1, "float32") / self._config["warmup"])
        passed = sum(ops.cast(iteration >= drop, "float32") for drop in self._config["drops"])
        return self._config["peak"] * warm * DROP_FACTOR**passed

    def get_config(self):
        return self._config
