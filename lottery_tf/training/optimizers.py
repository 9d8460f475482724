"""Makes Keras optimizers from settings."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from lottery_tf.errors import InputError
from lottery_tf.models.settings import OPTIMIZERS, TrainingSettings
from lottery_tf.training.learning_rates import ChangingRate, learning_rate


class ContinuedSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """A Keras schedule that may start at any iteration, because a training may start in the middle of it.

    Attributes:
      begins_at: the iteration of the optimizer's first step.
    """

    def __init__(self, schedule: keras.optimizers.schedules.LearningRateSchedule):
        self.begins_at = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._schedule = schedule

    def __call__(self, step):
        """Returns the learning rate of a step."""
        return self._schedule(keras.ops.cast(step, "int64") + self.begins_at)

    def get_config(self):
        """Returns the arguments from which `from_config` makes an equal schedule."""
        return {"schedule": keras.optimizers.schedules.serialize(self._schedule)}


def make_optimizer(
    settings: TrainingSettings, scale_loss: bool = False, given: Any = None
) -> keras.optimizers.Optimizer:
    """Returns the Keras optimizer of the settings, or a copy of the given one.

    An optimizer object or config keeps its learning rate; an optimizer's name uses that of the settings.
    `scale_loss` scales the loss, so that gradients in float16 do not vanish.

    Raises:
      InputError: Keras does not know the optimizer, or it contradicts the settings.
    """
    if given is not None:
        optimizer = _made_anew(given, settings)
    else:
        class_name, arguments = OPTIMIZERS[settings.optimizer]
        optimizer = getattr(keras.optimizers, class_name)(learning_rate(settings), **arguments)
    scales = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    return keras.optimizers.LossScaleOptimizer(optimizer) if scale_loss and not scales else optimizer


def _made_anew(given: Any, settings: TrainingSettings) -> keras.optimizers.Optimizer:
    """Returns a copy of the user's optimizer, made from its config, because trainings must not share its state."""
    try:
        found = keras.optimizers.get(given)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"Keras knows no optimizer {given!r}: {error}") from error
    if not isinstance(given, str):
        return _with_continued_schedule(found, settings)
    found.learning_rate = learning_rate(settings)
    return found


def _with_continued_schedule(
    optimizer: keras.optimizers.Optimizer, settings: TrainingSettings
) -> keras.optimizers.Optimizer:
    """Returns a copy of an optimizer whose schedule can begin at a later iteration."""
    config = optimizer.get_config()
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        inner = _with_continued_schedule(optimizer.inner_optimizer, settings)
        others = {name: value for name, value in config.items() if name != "inner_optimizer"}
        return type(optimizer)(inner, **others)
    if settings.learning_rate_changes:
        raise InputError(
            "The optimizer brings its own learning rate, and the settings have drops, a warmup or a decay. Give one of "
            "the two: a schedule of Keras as the optimizer's learning rate, or the optimizer's name."
        )
    if config.get("use_ema") and not config.get("ema_overwrite_frequency"):
        raise InputError(
            "use_ema without ema_overwrite_frequency would change nothing here: Keras writes the averages when `fit` "
            "ends. Give an ema_overwrite_frequency."
        )
    if isinstance(config.get("learning_rate"), dict):
        schedule = keras.optimizers.schedules.deserialize(config["learning_rate"])
        config["learning_rate"] = ContinuedSchedule(schedule)
    copy = type(optimizer).from_config(config)
    if getattr(optimizer, "_exclude_from_weight_decay", None):
        raise InputError("exclude_from_weight_decay was given variables of another model: give it var_names.")
    if (pattern := getattr(optimizer, "_exclude_from_weight_decay_pattern", None)) is not None:
        copy.exclude_from_weight_decay(var_names=[pattern.pattern])
    return copy


def continued_schedule(optimizer: keras.optimizers.Optimizer) -> ChangingRate | ContinuedSchedule | None:
    """Returns the schedule of an optimizer if it can start at any iteration; None for a constant learning rate."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    schedule = getattr(optimizer, "_learning_rate", None)
    return schedule if isinstance(schedule, (ChangingRate, ContinuedSchedule)) else None
