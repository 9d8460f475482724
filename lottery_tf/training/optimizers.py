"""The optimizers by name, as Keras has them."""

from __future__ import annotations

import keras

from lottery_tf.models.settings import OPTIMIZERS, TrainingSettings
from lottery_tf.training.learning_rates import ChangingRate, learning_rate


def make_optimizer(
    settings: TrainingSettings, rate: float | ChangingRate | None = None, scale_loss: bool = False
) -> keras.optimizers.Optimizer:
    """A Keras optimizer as the settings name it.

    Args:
      settings: how the network is trained.
      rate: takes the place of the settings' learning rate.
      scale_loss: whether the loss is scaled, so that gradients in float16 do not vanish.
    """
    class_name, arguments = OPTIMIZERS[settings.optimizer]
    optimizer = getattr(keras.optimizers, class_name)(learning_rate(settings) if rate is None else rate, **arguments)
    return keras.optimizers.LossScaleOptimizer(optimizer) if scale_loss else optimizer
