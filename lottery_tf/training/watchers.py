"""Keras's callbacks beside a training: they may watch it, and not change it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import keras
import numpy as np

from lottery_tf.errors import InputError
from lottery_tf.masking.keras_code import is_of_keras
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.training.training_result import IterationRange

CHANGE_TRAINING = {  # Keras's callback -> what to use in its place
    "EarlyStopping": "the early-stopping point is found afterwards (best_by=..., best_is=...)",
    "ReduceLROnPlateau": "give a schedule as the optimizer's learning rate",
    "LearningRateScheduler": "give a schedule as the optimizer's learning rate",
    "SwapEMAWeights": "pruned weights must not move",
    "BackupAndRestore": "a ResultsFolder keeps checkpoints",
    "TerminateOnNaN": "a training ends by itself if its loss becomes NaN",
}


def check_callbacks(callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Raises InputError for callbacks that change a training."""
    for callback in callbacks:
        for kind in type(callback).__mro__:
            if kind.__name__ in CHANGE_TRAINING and is_of_keras(kind):
                instead = CHANGE_TRAINING[kind.__name__]
                raise InputError(f"{kind.__name__} would change the training; callbacks may only watch: {instead}.")


class Watchers:
    """Calls Keras's callbacks during one training: a reading of the validation split is an epoch to them.

    The callbacks' `params` are those of Keras's `fit` (verbose, epochs, steps) and what is trained.

    Args:
      callbacks: Keras's callbacks.
      model: the model that is trained.
      training: the settings of the training.
      about: what is trained (seed, level, treatment).
      iterations: the iterations that are trained.

    Raises:
      InputError: a callback changed the weights, or asked for the training to stop.
    """

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        model: keras.Model,
        training: TrainingSettings,
        about: dict[str, Any],
        iterations: IterationRange | None = None,
    ):
        self._model, self._readings, self._list = model, 0, None
        if callbacks:
            if not hasattr(model, "optimizer"):
                model.optimizer = None  # TensorBoard's callback looks for one
            first = 0 if iterations is None else iterations.first
            last = training.iterations if iterations is None or iterations.last is None else iterations.last
            # A reading before the training, then one at each multiple of the interval and at the end.
            readings = 1 + math.ceil(last / training.eval_interval) - first // training.eval_interval
            params = {"verbose": 1, "epochs": readings, "steps": training.eval_interval}
            self._list = keras.callbacks.CallbackList(list(callbacks), model=model, **about, **params)

    def __enter__(self) -> Self:
        if self._list is not None:
            self._model.stop_training = False
            self._watch(self._list.on_train_begin)
        return self

    def __exit__(self, *exception) -> None:
        if self._list is not None:
            self._watch(self._list.on_train_end)

    def reading(self, columns: Sequence[str], row: np.ndarray) -> None:
        """Tells the callbacks of a reading: its numbers as Keras calls them, and the iteration."""
        if self._list is None:
            return
        logs = {
            name.removeprefix("train_").replace("validation_", "val_"): float(value)
            for name, value in zip(columns, row, strict=True)
        }
        self._watch(self._list.on_epoch_begin, self._readings)
        self._watch(self._list.on_epoch_end, self._readings, logs)
        self._readings += 1

    def _watch(self, call, *arguments) -> None:
        """Calls a callback; raises InputError if it stopped the training or changed weights."""
        before = [variable.numpy() for variable in self._model.variables]
        call(*arguments)
        changed = (
            one.tobytes() != variable.numpy().tobytes()
            for one, variable in zip(before, self._model.variables, strict=True)
        )
        if self._model.stop_training or any(changed):
            raise InputError(
                "A callback stopped the training or changed weights. Callbacks may only watch: a training runs to its "
                "end, so that all results are comparable."
            )
