"""What a training leaves behind, and which iterations it went through."""

from __future__ import annotations

import dataclasses

import numpy as np

from lottery_tf.pruning.treatments import Weights


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """What a training leaves behind.

    Attributes:
      final: every weight at the end.
      best: every weight at the early-stopping iteration.
      history: (rows, 5) float64 array with `stored_result.HISTORY_COLUMNS`; a row every `eval_interval` iterations,
        from the first iteration (before its step) to the end.
      early_stop_iteration: the iteration of least validation loss (or best accuracy), the first of equals.
      early_stop_val_loss: the validation loss there.
      test_accuracy: on the test images, with the weights of the early-stopping iteration, in [0, 1].
      final_test_accuracy: on the test images at the end of training, in [0, 1].
      diverged: whether the validation loss stopped being a number; training ends there, and the accuracies are NaN.
      overflow: whether it diverged because a number left the range of float16: in float32 the same weights have a loss.
      compiler: what ran the steps, a name in `compilation.HOW_RUN`.
      seconds: time spent training and evaluating, over all interruptions.
      xla_refused: what XLA could not compile of the steps; nothing where it did not try, or could.
    """

    final: Weights
    best: Weights
    history: np.ndarray
    early_stop_iteration: int
    early_stop_val_loss: float
    test_accuracy: float
    final_test_accuracy: float
    diverged: bool
    overflow: bool
    compiler: str
    seconds: float
    xla_refused: str = ""

    @property
    def compiled_by(self) -> dict[str, str]:
        """What the metrics say of the compiler, by name."""
        return {"compiler": self.compiler} | ({"xla_refused": self.xla_refused} if self.xla_refused else {})


@dataclasses.dataclass(frozen=True)
class IterationRange:
    """Which iterations a training runs through.

    Attributes:
      first: the first: the order of the images, the history and the learning rate go on from there.
      last: where training stops; None: the end of the settings' schedule.
      rate_from: where in its schedule the learning rate begins; None: at `first`.
    """

    first: int = 0
    last: int | None = None
    rate_from: int | None = None

    @property
    def name(self) -> str:
        """What tells a checkpoint of it from others; nothing for a whole training."""
        return (
            "" if self == IterationRange() else f" iterations {self.first} to {self.last}, rate from {self.rate_from}"
        )
