"""The result of a training, and the range of its iterations."""

from __future__ import annotations

import dataclasses

import numpy as np

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import Index
from lottery_tf.pruning.treatments import Weights
from lottery_tf.results.stored_result import HISTORY_COLUMNS


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """The result of a training.

    Attributes:
      final: every weight at the end.
      best: every weight at the early-stopping iteration.
      history: float64 array with the `columns`. There is a row every `eval_interval` iterations, from the first
        iteration (before its step) to the end.
      early_stop_iteration: the first iteration with the lowest validation loss (or the highest accuracy).
      early_stop_val_loss: the validation loss at the early-stopping iteration.
      test: the loss and the metrics on the test images, with the weights of the early-stopping iteration.
      final_test: the loss and the metrics on the test images at the end of training.
      diverged: whether the validation loss became NaN or infinite. Training ends there, and the test readings are NaN.
      overflow: whether it diverged because a number left the range of float16. In float32 the same weights have a
        finite loss.
      compiler: the compiler of the steps, a name in `compilation.HOW_RUN`.
      seconds: the time spent on training and evaluating, summed over interruptions.
      xla_refused: the part of the steps that XLA could not compile; empty if XLA compiled them or did not try.
      columns: the names of the columns of the history.
    """

    final: Weights
    best: Weights
    history: np.ndarray
    early_stop_iteration: int
    early_stop_val_loss: float
    test: dict[str, float]
    final_test: dict[str, float]
    diverged: bool
    overflow: bool
    compiler: str
    seconds: float
    xla_refused: str = ""
    columns: tuple[str, ...] = HISTORY_COLUMNS

    @property
    def compiled_by(self) -> dict[str, str]:
        """The metrics that describe the compiler."""
        return {"compiler": self.compiler} | ({"xla_refused": self.xla_refused} if self.xla_refused else {})

    @property
    def test_accuracy(self) -> float:
        """The test accuracy at the early-stopping iteration, in [0, 1]; NaN if it is not read."""
        return self.test.get("accuracy", float("nan"))

    @property
    def final_test_accuracy(self) -> float:
        """The test accuracy at the end of training, in [0, 1]; NaN if it is not read."""
        return self.final_test.get("accuracy", float("nan"))


@checked
@dataclasses.dataclass(frozen=True)
class IterationRange:
    """The iterations of a training.

    Attributes:
      first: the first iteration; the order of images, the history and the learning rate start there.
      last: the iteration at which training stops; None: the end of the settings' schedule.
      rate_from: the iteration of the schedule at which the learning rate starts; None: `first`.
    """

    first: Index = 0
    last: Index | None = None
    rate_from: Index | None = None

    @property
    def name(self) -> str:
        """The part of a checkpoint's name that identifies the range; empty for a whole training."""
        return (
            "" if self == IterationRange() else f" iterations {self.first} to {self.last}, rate from {self.rate_from}"
        )
