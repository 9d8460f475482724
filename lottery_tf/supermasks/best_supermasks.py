"""The best of evaluated supermasks over seeds, chosen in three ways, for Table 1."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from operator import itemgetter
from statistics import fmean
from typing import Any


@dataclasses.dataclass(frozen=True)
class BestSupermask:
    """The best supermasks of one mask source; all numbers are shares in [0, 1].

    Attributes:
      label: what the rows call the source.
      kept: for each seed the kept fraction of highest validation accuracy.
      accuracy: for each seed the test accuracy at that kept fraction.
      maxima: for each seed the highest test accuracy at any kept fraction.
      mean_maximum: the highest mean over seeds of the test accuracy at any one kept fraction.
      mean_kept: that kept fraction.
    """

    label: str
    kept: list[float]
    accuracy: list[float]
    maxima: list[float]
    mean_maximum: float
    mean_kept: float


def best_over_seeds(rows: Iterable[Mapping]) -> list[BestSupermask]:
    """Finds the best supermasks of each mask source; the source of highest mean `BestSupermask.accuracy` comes first.

    Table 1 of the paper shows a "max over any prune percentage", which is chosen on test images: the mean of `maxima`,
    or `mean_maximum`.

    Args:
      rows: rows of one kind of weights as `HeuristicSupermasks.evaluate` stores them, each with its "label" and "seed".

    >>> accuracies = {"validation_accuracy": 0.5, "test_accuracy": 0.4}
    >>> rows = [{"label": "movement", "seed": 0, "level": n, "kept_fraction": 0.8**n, **accuracies} for n in (1, 2)]
    >>> best_over_seeds(rows)[0].kept
    [0.8]
    """
    found = []
    for label, own in _grouped(rows, "label").items():
        seeds = _grouped(own, "seed").values()
        chosen = [max(of_seed, key=itemgetter("validation_accuracy")) for of_seed in seeds]
        means = [
            (fmean(row["test_accuracy"] for row in level), level[0]["kept_fraction"])
            for level in _grouped(own, "level").values()
        ]
        kept = [row["kept_fraction"] for row in chosen]
        accuracy = [row["test_accuracy"] for row in chosen]
        maxima = [max(row["test_accuracy"] for row in of_seed) for of_seed in seeds]
        found.append(BestSupermask(label, kept, accuracy, maxima, *max(means)))
    return sorted(found, key=lambda best: -fmean(best.accuracy))


def _grouped(rows: Iterable[Mapping], column: str) -> dict[Any, list[Mapping]]:
    """The rows by their value in a column, both in the order of the rows."""
    groups: dict[Any, list[Mapping]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups
