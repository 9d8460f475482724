"""Chooses the best Supermasks in three ways; the "max over any prune percentage" of Table 1 can mean two of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from analysis.results.select import best_of_each


def most_seeds(rows: pd.DataFrame, group: str | list[str]) -> pd.DataFrame:
    """Returns the groups with the most seeds, so that a group with one lucky seed cannot have the highest mean."""
    counts = rows.groupby(group)["seed"].transform("nunique")
    return rows[counts == counts.max()]


def _by_seed(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Returns each seed's best row, for the criterion whose mean of these best values is highest."""
    best = best_of_each(rows, ["criterion", "seed"], by)
    means = best.groupby("criterion", sort=False)[by].mean()
    return best[best["criterion"] == means.idxmax()]


def _by_choice(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows of all seeds at the choice with the highest mean test accuracy."""
    chosen = most_seeds(rows, ["criterion", "choice"])
    criterion, choice = chosen.groupby(["criterion", "choice"], sort=False)["test_accuracy"].mean().idxmax()
    return chosen[(chosen["criterion"] == criterion) & (chosen["choice"] == choice)]


class Maximum(NamedTuple):
    """A way in which Table 1's maxima are taken: its title, and the function that chooses the rows."""

    title: str
    choose: Callable[[pd.DataFrame], pd.DataFrame]


MAXIMA = {
    "maxima": Maximum("mean of the seeds' maxima", functools.partial(_by_seed, by="test_accuracy")),
    "mean_maximum": Maximum("maximum of the mean", _by_choice),
    "validation": Maximum("chosen on validation images", functools.partial(_by_seed, by="validation_accuracy")),
}
