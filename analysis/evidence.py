"""What the results of one network say: the comparisons that the tests of claims are made of.

A line is summarized before it is tested: a seed's value is the mean over the levels that it has of all the lines that
are compared, each level counting the same, and the tests are paired over seeds, one-sided, at the paper's p = 0.05.
So each comparison is one test, whatever the number of levels. Fewer than three seeds, or fewer than half of the paper's
levels, are not enough data.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from statistics import fmean
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.formats import NOTHING
from analysis.results import FINISHED, FRAMES, LANDSCAPE, PANEL, Panel, Results, panel, panels
from analysis.table1 import HOW_LEARNED, learned_of_column, ways_learned
from lottery_tf import paper, statistics
from lottery_tf.store import DENSE
from lottery_tf.treatments import Treatment

ONE_SHOT = "oneshot"
LEAST_SEEDS = 3
LEAST_LEVELS = paper.LEVELS // 2
ALL_LEVELS = range(1, paper.LEVELS + 1)
NEAR = 0.25  # of a kept fraction
RETAINED = 0.9  # "as well as": at least nine tenths of the lead over random


@dataclasses.dataclass(frozen=True)
class Finding:
    """One condition of a claim.

    Attributes:
      shown: whether the data show it; None where they are not enough.
      text: the numbers.
    """

    shown: bool | None
    text: str


@dataclasses.dataclass(frozen=True)
class Claim:
    """A claim of a paper and its test.

    Attributes:
      words: what is claimed.
      place: where.
      test: from the evidence of one network to its conditions, all of which have to be shown.
      networks: which networks it is about; () is all.
      of_learned_masks: whether it is about learned masks alone, which have no schedule: it is judged once for each
        network and data set.
      paper: whose claim it is.
    """

    words: str
    place: str
    test: Callable[[Evidence], list[Finding]]
    networks: tuple[str, ...] = ()
    of_learned_masks: bool = False
    paper: str = "Zhou et al."


@dataclasses.dataclass(frozen=True)
class Evidence:
    """The results of one network, data set and schedule.

    Attributes:
      key: which.
      levels, supermasks: the rows of `Results` that are of it.
      learned_masks: those of its network and data set; they have no schedule.
      controls: the rows of `Results` that are of it.
      landscape: from each kind of `results.LANDSCAPE` to the rows of `Results` that are of it.
    """

    key: Panel
    levels: pd.DataFrame
    supermasks: pd.DataFrame
    learned_masks: pd.DataFrame
    controls: pd.DataFrame
    landscape: Mapping[str, pd.DataFrame]

    def line(self, treatment: Treatment, measure: str = "test_accuracy") -> pd.DataFrame:
        """A measure of a treatment: a row a seed, a column a level; what is missing is NaN."""
        rows = self.levels[self.levels["treatment"] == treatment.name]
        return rows.pivot(index="seed", columns="level", values=measure)

    def one_shot(self, criterion: str, weights: str) -> pd.DataFrame:
        """The rows of a criterion's one-shot supermasks, of the seeds with levels enough."""
        rows = self.supermasks
        rows = rows[(rows["source"] == ONE_SHOT) & (rows["criterion"] == criterion) & (rows["weights"] == weights)]
        return rows[rows.groupby("seed")["level"].transform("nunique") >= LEAST_LEVELS]

    def learned(self, column: str) -> tuple[str, dict[int, float]]:
        """A column of Table 1: the test accuracy for each seed, the initial logit chosen on validation images.

        Of the ways in which at least three seeds were learned, the longest counts; it is named first.
        """
        rows = learned_of_column(self.learned_masks, column)
        rows = rows[rows.groupby(list(HOW_LEARNED))["seed"].transform("nunique") >= LEAST_SEEDS]
        ways = ways_learned(rows)
        return (ways[-1][0], best(ways[-1][1])) if ways else ("", {})

    def trained(self, measure: str = "test_accuracy") -> dict[int, float]:
        """The test accuracy, or another measure, of the dense network for each seed."""
        rows = self.levels[(self.levels["treatment"] == DENSE) & (self.levels["status"] == FINISHED)]
        return dict(zip(rows["seed"], rows[measure], strict=True))

    def levels_between(self, least: float, greatest: float) -> list[int]:
        """The levels whose kept fraction lies between two values, both included."""
        kept = self.kept_fractions().round(3)  # 99.5% pruned is 0.499% kept
        return list(kept.index[(kept >= least) & (kept <= greatest)])

    def kept_fractions(self) -> pd.Series:
        """The kept fraction of each level of a ladder; not of shares that were chosen, which all are level 1."""
        own = self.levels[self.levels["chosen_kept_fraction"].isna()]
        return own.groupby("level")["kept_fraction"].mean()

    def nearest_level(self, kept_fraction: float) -> int | None:
        """The level whose kept fraction is nearest, where one lies within a quarter of it: steps are of a fifth or less."""
        ratios = (self.kept_fractions() / kept_fraction - 1).abs()
        return int(ratios.idxmin()) if len(ratios) and ratios.min() <= NEAR else None


def best(rows: pd.DataFrame) -> dict[int, float]:
    """The test accuracy for each seed at the row of its best validation accuracy, the first of equals."""
    rows = rows.dropna(subset=["validation_accuracy"])
    chosen = rows.loc[rows.groupby("seed")["validation_accuracy"].idxmax()]
    return dict(zip(chosen["seed"], chosen["test_accuracy"], strict=True))


def evidence(results: Results) -> list[Evidence]:
    """The results of each network, data set and schedule; masks that were learned without any others stand alone."""
    frames = {kind: getattr(results, FRAMES[kind]) for kind in LANDSCAPE}
    keys = {*panels(results.levels), *panels(results.supermasks), *panels(results.controls)}
    keys.update(*map(panels, frames.values()))
    learned = results.learned_masks
    places = set(learned[list(PANEL[:2])].itertuples(index=False, name=None))
    keys |= {(*place, "") for place in places - {key[:2] for key in keys}}
    return [
        Evidence(
            key,
            panel(results.levels, key),
            panel(results.supermasks, key),
            learned[(learned["network"] == key[0]) & (learned["dataset"] == key[1])],
            panel(results.controls, key),
            {kind: panel(frame, key) for kind, frame in frames.items()},
        )
        for key in sorted(keys)
    ]


def without_schedule(found: Iterable[Evidence]) -> list[Evidence]:
    """One of each network and data set, which is all that tells learned masks apart."""
    keys = {own.key[:2]: own for own in found}
    return [dataclasses.replace(own, key=(*key, "")) for key, own in keys.items()]


def over_levels(
    lines: Mapping[str, pd.DataFrame], levels: Iterable[int] = ALL_LEVELS, least_levels: int = LEAST_LEVELS
) -> dict[str, dict[int, float]]:
    """Each line's mean over levels for each seed; a seed's levels are those that it has of all the lines.

    Args:
      lines: from name to `Evidence.line`.
      levels: the levels that count.
      least_levels: a seed that has fewer of them is left out.
    """
    levels = [level for level in levels if all(level in line for line in lines.values())]
    seeds = sorted(set.intersection(*(set(line.index) for line in lines.values())))
    values = {name: line.loc[seeds, levels].to_numpy() for name, line in lines.items()}
    there = np.logical_and.reduce([np.isfinite(own) for own in values.values()])
    counts = there.sum(axis=1)
    means = {name: np.where(there, own, 0).sum(axis=1) / np.maximum(counts, 1) for name, own in values.items()}
    enough = [place for place, count in enumerate(counts) if count >= least_levels]
    return {name: {seeds[place]: float(own[place]) for place in enough} for name, own in means.items()}


def above(a: str, b: str, means: Mapping[str, statistics.Runs]) -> Finding:
    """Whether one line's accuracies are above another's: paired t-test over seeds, one-sided."""
    return _finding(statistics.compare(means[a], means[b], "paired", names=(a, b)), f"{a} - {b}")


def earlier(a: str, b: str, means: Mapping[str, statistics.Runs]) -> Finding:
    """Whether one line's iterations are fewer than another's: paired t-test over seeds, one-sided."""
    found = statistics.compare(means[a], means[b], "paired", better="less", names=(a, b))
    return _finding(found, f"{a} - {b}", ITERATIONS)


def greater(a: str, b: str, means: Mapping[str, statistics.Runs]) -> Finding:
    """Whether some numbers without a unit are above others: paired t-test over seeds, one-sided."""
    return _finding(statistics.compare(means[a], means[b], "paired", names=(a, b)), f"{a} - {b}", NUMBERS)


def as_well_as(a: str, b: str, random: str, means: Mapping[str, statistics.Runs]) -> Finding:
    """Whether a line keeps nine tenths at least of another's lead over random, which has to be one; `above` that."""
    lead, whole = (
        {seed: value - means[random][seed] for seed, value in means[name].items() if seed in means[random]}
        for name in (a, b)
    )
    found = _finding(
        statistics.compare(lead, {seed: RETAINED * value for seed, value in whole.items()}, "paired", names=(a, b)),
        f"the first less {RETAINED:.0%} of the second",
    )
    if found.shown is None:
        return Finding(None, f"{a} and {b} beside {random}: {found.text}")
    ours, theirs = fmean(lead.values()), fmean(whole.values())
    text = f"{a} leads {random} by {100 * ours:+.2f} points, {b} by {100 * theirs:+.2f}; {found.text}"
    return Finding(found.shown and theirs > 0, text)


class Unit(NamedTuple):
    """How differences are printed: their factor, their format and what follows them."""

    factor: float
    form: str
    name: str


POINTS, ITERATIONS, NUMBERS = Unit(100, "+.2f", " points"), Unit(1, "+.0f", " iterations"), Unit(1, "+.3g", "")


def _finding(found: statistics.Comparison, what: str, unit: Unit = POINTS) -> Finding:
    if min(found.n_a, found.n_b) < LEAST_SEEDS:
        return Finding(None, f"{what}: n = {found.n_a}")
    difference, low, high = (
        f"{unit.factor * value:{unit.form}}" for value in (found.difference, found.low, found.high)
    )
    interval = NOTHING if math.isnan(found.low) else f"[{low}, {high}]"
    text = f"{what}: {difference}{unit.name} {interval}, p = {found.p_value:.2g}, n = {found.n_a}"
    if math.isnan(found.p_value):
        return Finding(None, f"{text} ({found.note})")
    return Finding(found.p_value <= paper.SIGNIFICANCE, text)


def above_value(name: str, runs: statistics.Runs, value: float, called: str) -> Finding:
    """Whether a line's accuracies are above a fixed value: t-test over seeds, one-sided."""
    return above(name, called, {name: runs, called: dict.fromkeys(runs, value)})
