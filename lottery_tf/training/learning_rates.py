"""Learning-rate schedules: constant, or with linear warmup, drops (Frankle & Carbin) and cosine decay."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from lottery_tf.models.settings import TrainingSettings

DROP_FACTOR = 0.1


def learning_rate(settings: TrainingSettings) -> float | ChangingRate:
    """Returns the learning rate of the settings: a number if it never changes, else a schedule."""
    if not settings.learning_rate_changes:
        return settings.learning_rate
    return ChangingRate(
        settings.learning_rate,
        warmup=settings.warmup_iterations or 1,
        drops=settings.learning_rate_drops or (),
        cosine=settings.iterations if settings.decay == "cosine" else None,
    )


class ChangingRate(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises linearly from 0 to its peak, and then falls by drops or by cosine decay.

    A training that starts in the middle of the schedule sets `begins_at`, because an optimizer counts its own steps
    from 0.

    Args:
      peak: the learning rate after warmup.
      warmup: the number of iterations of warmup; 1: no warmup.
      drops: the iterations from which on the learning rate is divided by 10.
      cosine: the iteration at which a cosine decay, which starts after warmup, reaches 0; None: no cosine decay.

    >>> rate = ChangingRate(0.4, warmup=4, drops=(10, 20))
    >>> [round(float(rate(iteration)), 4) for iteration in (0, 1, 3, 9, 10, 20)]
    [0.1, 0.2, 0.4, 0.4, 0.04, 0.004]
    >>> rate = ChangingRate(0.4, cosine=100)
    >>> [round(float(rate(iteration)), 4) for iteration in (0, 25, 50, 100)]
    [0.4, 0.3414, 0.2, 0.0]
    """

    def __init__(self, peak: float, warmup: int = 1, drops: tuple[int, ...] = (), cosine: int | None = None):
        self.begins_at = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._config: dict[str, Any] = {"peak": peak, "warmup": warmup, "drops": list(drops), "cosine": cosine}

    def __call__(self, step):
        """Returns the learning rate of a step."""
        iteration = ops.cast(step, "int64") + self.begins_at
        warmup, cosine = self._config["warmup"], self._config["cosine"]
        warm = ops.minimum(1.0, ops.cast(iteration + 1, "float32") / warmup)
        passed = sum(ops.cast(iteration >= drop, "float32") for drop in self._config["drops"])
        rate = self._config["peak"] * warm * DROP_FACTOR**passed
        if cosine is None:
            return rate
        begins = warmup if warmup > 1 else 0
        progress = ops.cast(iteration - begins, "float32") / max(1, cosine - begins)
        return rate * 0.5 * (1 + ops.cos(math.pi * ops.clip(progress, 0.0, 1.0)))

    def get_config(self):
        """Returns the arguments from which `from_config` makes an equal schedule."""
        return self._config
