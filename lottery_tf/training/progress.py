"""The progress of a training, and its best weights so far."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np


@dataclasses.dataclass
class TrainingProgress:
    """The progress of a training.

    Attributes:
      iteration: the next iteration.
      train_readings: the loss and the metrics on the training examples since the last reading.
      history: the readings so far.
      lowest_cost: the cost of the best reading so far.
      best_iteration, best_loss, best: the iteration, validation loss and weights of the best reading.
      diverged: whether the validation loss became NaN or infinite.
      seconds: the time spent so far.
    """

    iteration: int
    train_readings: tuple[float, ...]
    history: list[tuple[float, ...]] = dataclasses.field(default_factory=list)
    lowest_cost: float = float("inf")
    best_iteration: int = 0
    best_loss: float = float("inf")
    best: list[np.ndarray] = dataclasses.field(default_factory=list)
    diverged: bool = False
    seconds: float = 0.0

    def record(self, readings: Sequence[float], cost: float, weights: Callable[[], list[np.ndarray]]) -> None:
        """Adds a reading of the validation split to the history, and keeps the weights if it is the best so far.

        Args:
          readings: the loss and the metrics.
          cost: a number that is lower for a better reading; see `BestReading.cost`.
          weights: function that returns the weights of the model now.
        """
        loss = readings[0]
        self.history.append((self.iteration, *self.train_readings, *readings))
        self.diverged = not np.isfinite(loss)
        if not self.best or cost < self.lowest_cost:
            self.lowest_cost, self.best_iteration, self.best_loss = cost, self.iteration, loss
            self.best = weights()

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns the arrays that a checkpoint stores."""
        numbers = [self.best_iteration, self.best_loss, self.lowest_cost, self.seconds]
        return {
            "history": np.array(self.history),
            "numbers": np.array(numbers, np.float64),
            **{f"best/{i}": value for i, value in enumerate(self.best)},
        }

    @staticmethod
    def shapes(weights: Sequence[tuple[int, ...]], columns: int) -> dict[str, tuple[int | None, ...]]:
        """Returns the shapes of `arrays`, for weights of some shapes and a number of columns; None: any size."""
        best = {f"best/{i}": shape for i, shape in enumerate(weights)}
        return {"history": (None, columns), "numbers": (4,), **best}

    @classmethod
    def from_checkpoint(cls, saved: dict[str, np.ndarray], train_readings: tuple[float, ...]) -> TrainingProgress:
        """Returns the progress of a checkpoint, which was saved after a reading of the validation split."""
        best_iteration, best_loss, lowest_cost, seconds = map(float, saved["numbers"])
        return cls(
            iteration=int(saved["history"][-1, 0]),
            train_readings=train_readings,
            history=list(map(tuple, saved["history"])),
            lowest_cost=lowest_cost,
            best_iteration=int(best_iteration),
            best_loss=best_loss,
            best=[saved[f"best/{i}"] for i in range(sum(name.startswith("best/") for name in saved))],
            seconds=seconds,
        )
