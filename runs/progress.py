"""The progress of a run: a bar on a terminal, a line for each finished level elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Self

from tqdm import tqdm

from lottery_tf import console
from lottery_tf.store import Result


class Progress:
    """Counts training steps against all that are planned; steps that were done before are taken off the plan.

    Args:
      steps: all training steps of the run.
    """

    def __init__(self, steps: int):
        self._bar = tqdm(total=steps, unit=" steps", unit_scale=True, disable=None, dynamic_ncols=True)
        self._done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception) -> None:
        self._bar.close()

    def steps(self, count: int) -> None:
        """Some steps were done."""
        self._done += count
        self._bar.update(count)

    def follow(self, levels: Iterator[Result], name: str, rounds: int, iterations: int) -> None:
        """Runs through the levels of one treatment.

        Args:
          levels: the treatment's levels.
          name: what the bar calls the treatment.
          rounds: how many levels there should be, the dense one included.
          iterations: steps of each.
        """
        for number in range(rounds):
            self._bar.set_description(f"{name} level {number}")
            done_before = self._done
            level = next(levels, None)
            skipped = iterations - (self._done - done_before)
            if level is None:
                skipped = (rounds - number) * iterations
            if self._bar.total is not None:
                self._bar.total -= skipped
            if level is None:
                break
            self._tell(name, level.metrics, self._done > done_before)

    def one(self, work: Callable[[], Result], name: str, iterations: int) -> None:
        """Runs a single training, or finds it done.

        Args:
          work: trains or finds a learned mask.
          name: what the bar calls it.
          iterations: its steps.
        """
        self._bar.set_description(name)
        done_before = self._done
        metrics = work().metrics
        trained = self._done - done_before
        if self._bar.total is not None:
            self._bar.total -= iterations - trained
        if metrics["status"] == "diverged":
            self._line(f"{name}: diverged.")
        elif trained and self._bar.disable:
            self._line(
                f"{name}: test accuracy {100 * metrics['test_accuracy']:.2f}% at iteration {metrics['best_iteration']}, "
                f"{100 * metrics['pruned_fraction']:.1f}% pruned, {metrics['seconds']:.0f} s"
            )

    def _tell(self, name: str, metrics: dict, trained: bool) -> None:
        if metrics["status"] == "diverged":
            self._line(f"{name} level {metrics['level']}: diverged; nothing is made from it.")
        elif trained and self._bar.disable:
            kept, accuracy = 100 * metrics["kept_fraction"], 100 * metrics["test_accuracy"]
            self._line(
                f"{name} level {metrics['level']}: {kept:.2f}% kept, early stop at {metrics['early_stop_iteration']}, "
                f"test accuracy {accuracy:.2f}%, {metrics['seconds']:.0f} s"
            )

    def _line(self, text: str) -> None:
        with self._bar.external_write_mode():
            console.log.info(text)
