"""The best of evaluated supermasks over seeds in three ways, with loops in place of pandas."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from operator import itemgetter
from statistics import fmean
from typing import Any


@dataclasses.dataclass(frozen=True)
class BestSupermask:
    """The best supermasks of one mask source; all numbers are in [0, 1].

    Attributes:
      label: the name of the source in the rows.
      kept: for each seed the kept fraction with the highest validation accuracy.
      accuracy: for each seed the test accuracy at this kept fraction.
      maxima: for each seed the highest test accuracy over all kept fractions.
      mean_maximum: the mean over seeds of the test accuracy at each kept fraction, then the highest of these.
      mean_kept: the kept fraction of `mean_maximum`.
    """

    label: str
    kept: list[float]
    accuracy: list[float]
    maxima: list[float]
    mean_maximum: float
    mean_kept: float


def best_over_seeds(rows: Iterable[Mapping]) -> list[BestSupermask]:
    """Finds the best supermasks of each mask source; sources are sorted by their mean `accuracy`, the highest first.

    Table 1 of the paper shows a "max over any prune percentage", which is chosen on test images. This is the mean of
    `maxima`, or `mean_maximum`; the paper does not say which.

    Args:
      rows: rows of `HeuristicSupermasks.evaluate` with one kind of weights, each with its "label" and "seed".

    >>> accuracies = {"validation_accuracy": 0.5, "test_accuracy": 0.4}
    >>> rows = [{"label": "movement", "seed": 0, "level": n, "kept_fraction": 0.8**n, **accuracies} for n in (1, 2)]
    >>> best_over_seeds(rows)[0].kept
    [0.8]
    """
    found = []
    for label, of_criterion in _grouped(rows, "label").items():
        seeds = _grouped(of_criterion, "seed").values()
        chosen = [max(of_seed, key=itemgetter("validation_accuracy")) for of_seed in seeds]
        means = [
            (fmean(row["test_accuracy"] for row in level), level[0]["kept_fraction"])
            for level in _grouped(of_criterion, "level").values()
        ]
        kept = [row["kept_fraction"] for row in chosen]
        accuracy = [row["test_accuracy"] for row in chosen]
        maxima = [max(row["test_accuracy"] for row in of_seed) for of_seed in seeds]
        found.append(BestSupermask(label, kept, accuracy, maxima, *max(means)))
    return sorted(found, key=lambda best: -fmean(best.accuracy))


def _grouped(rows: Iterable[Mapping], column: str) -> dict[Any, list[Mapping]]:
    """Groups rows by their value in a column; groups and rows keep their order."""
    groups: dict[Any, list[Mapping]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups
