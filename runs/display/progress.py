"""Shows the progress of a command: a line for each finished training, and on a terminal a bar below them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Self

from tqdm import tqdm

from lottery_tf.command_line import console
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.results.stored_result import StoredResult, diverged

# What is cut off on a narrow terminal comes last.
BAR = "{percentage:3.0f}%|{bar}| {remaining} {desc}, {rate_fmt}"


class Progress:
    """Shows how many of a command's training steps are done, and the last reading of the validation images.

    Args:
      steps: the number of training steps to do.
    """

    def __init__(self, steps: int):
        self._bar = tqdm(total=steps, unit=" steps", unit_scale=True, disable=None, dynamic_ncols=True, bar_format=BAR)
        self._done = 0
        self._label = self._readings = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exception: object) -> None:
        if kind is None and self._bar.total is not None:
            self._bar.total = self._done  # a training that continued from a checkpoint had fewer steps to do
            self._bar.refresh()
        self._bar.close()

    def steps(self, count: int) -> None:
        """Counts some more steps."""
        self._done += count
        self._bar.update(count)

    def reading(self, reading: Mapping) -> None:
        """Shows a reading of the validation images; see `Experiment`."""
        readings = percentages(validation=reading["validation_accuracy"], kept=reading.get("kept_fraction"))
        self._show(self._label, readings)

    def follow(self, levels: Iterable[StoredResult], name: str, first: int = 0) -> None:
        """Trains or finds levels one after the other, and shows each.

        Args:
          levels: levels that are trained or found when they are iterated over, such as those of a treatment.
          name: their name on the bar.
          first: the number of the first level.
        """
        remaining = iter(levels)
        for level in itertools.count(first):
            shown = self.follow_one(lambda: next(remaining, None), f"{name} level {level}")
            if shown is None:
                break

    def follow_one(self, train: Callable[[], StoredResult | None], label: str) -> StoredResult | None:
        """Trains or finds one result, shows it under this label, and returns it; None if there is none."""
        before = self._label, self._readings
        self._show(label, "")  # the last reading is one of the result before
        done_before, result = self._done, train()
        if result is None:
            self._show(*before)
        else:
            self._log_line(label, result.metrics, trained=self._done > done_before)
        return result

    def _show(self, label: str, readings: str) -> None:
        """Sets the text beside the bar."""
        self._label, self._readings = label, readings
        self._bar.set_description_str(", ".join(filter(None, (label, readings))))

    def _log_line(self, label: str, metrics: Mapping, trained: bool) -> None:
        if diverged(metrics):
            console.log.info("%s: the training diverged; later levels are left out.", label)
        elif trained:
            console.log.info("%s: %s", label, summary_of(metrics))


def percentages(**shares: float | None) -> str:
    """Describes shares as percentages, and leaves out those that are None.

    >>> percentages(validation=0.973, kept=None, test=0.5)
    'validation 97.3%, test 50.0%'
    """
    return ", ".join(f"{name} {100 * share:.1f}%" for name, share in shares.items() if share is not None)


def summary_of(metrics: Mapping) -> str:
    """Describes the accuracy of a finished level, learned mask or set of supermasks in a few words."""
    if "rows" in metrics:
        return (
            f"{', '.join(_best(metrics['rows'], weights) for weights in SUPERMASK_WEIGHTS)}, {metrics['seconds']:.1f} s"
        )
    kept = 100 * kept_fraction(metrics)
    stop = metrics.get("early_stop_iteration", metrics.get("best_iteration"))
    return (
        f"{kept:.2f}% kept, test accuracy {100 * metrics['test_accuracy']:.2f}% at iteration {stop}, "
        f"{metrics['seconds']:.0f} s"
    )


def kept_fraction(metrics: Mapping) -> float:
    """Returns the kept fraction of a level, or the mean one of the sampled masks, whose accuracy a learned mask has."""
    return metrics.get("kept_fraction", 1 - metrics.get("pruned_fraction", 0))


def _best(rows: Sequence[Mapping], weights: str) -> str:
    """Describes the best supermask on one kind of weights."""
    best = max((row for row in rows if row["weights"] == weights), key=itemgetter("validation_accuracy"))
    accuracy, kept = 100 * best["test_accuracy"], 100 * best["kept_fraction"]
    return f"{weights} test accuracy {accuracy:.2f}% at {kept:.2f}% kept"
