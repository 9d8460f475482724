"""Shows a training while it runs: in TensorBoard, to callbacks, and to a function of the caller."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np

from lottery_tf.training.tensorboard import TrainingEvents
from lottery_tf.training.trainer import Trainer
from lottery_tf.training.training_result import IterationRange
from lottery_tf.training.watchers import Watchers

Report = Callable[[np.ndarray], None]  # is called with the history after each reading


@contextlib.contextmanager
def watched(
    trainer: Trainer,
    partial: Path | None,
    about: dict,
    callbacks: Sequence[keras.callbacks.Callback],
    on_reading: Callable[[dict], None],
    iterations: IterationRange | None = None,
) -> Iterator[tuple[TrainingEvents, Report]]:
    """Opens everything that shows a training; yields the events and the function for `Trainer.train(on_history=...)`.

    Args:
      trainer: the trainer.
      partial: the folder of the result while it is trained, in which the events are written; None for no events.
      about: what is trained, for the callbacks and `on_reading`.
      callbacks: Keras's callbacks.
      on_reading: function that is called with `about` and the numbers of each reading by name.
      iterations: the iterations that are trained; None: all.
    """
    columns = trainer.columns
    watchers = Watchers(callbacks, trainer.model, trainer.settings, about, iterations)
    with TrainingEvents(partial, columns) as events, watchers:

        def report(history: np.ndarray) -> None:
            events.history(history)
            watchers.reading(columns, history[-1])
            on_reading(about | dict(zip(columns, history[-1].tolist(), strict=True)))

        yield events, report
