"""Makes Keras optimizers from settings."""

from __future__ import annotations

import keras

from lottery_tf.models.settings import OPTIMIZERS, TrainingSettings
from lottery_tf.training.learning_rates import ChangingRate, learning_rate


def make_optimizer(
    settings: TrainingSettings, rate: float | ChangingRate | None = None, scale_loss: bool = False
) -> keras.optimizers.Optimizer:
    """Returns the Keras optimizer of the settings.

    Args:
      settings: the training settings.
      rate: a learning rate that replaces that of the settings.
      scale_loss: whether the loss is scaled, so that gradients in float16 do not vanish.
    """
    class_name, arguments = OPTIMIZERS[settings.optimizer]
    optimizer = getattr(keras.optimizers, class_name)(learning_rate(settings) if rate is None else rate, **arguments)
    return keras.optimizers.LossScaleOptimizer(optimizer) if scale_loss else optimizer
