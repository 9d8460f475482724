"""The results of one panel, as the tests of claims want them: from seed to value.

A line is summarized before it is tested: a seed's value is the mean over the levels that it has of all the lines that
are compared, each level counting the same. So each comparison is one test, whatever the number of levels. A seed with
fewer than half of the paper's levels does not count.
"""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd

from analysis.claims.verdicts import LEAST_SEEDS, Need, repeatability
from analysis.results.columns import FINISHED, FRAMES, LANDSCAPE
from analysis.results.load import Results
from analysis.results.select import PANEL, Panel, panel, panels
from analysis.tables.table1 import HOW_LEARNED, learned_of_column, ways_learned
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import DENSE
from lottery_tf.studies import paper

ONE_SHOT = "oneshot"
LEAST_LEVELS = paper.LEVELS // 2
LEAST_OF_PART = 3  # levels, of a range of kept fractions
ALL_LEVELS = range(1, paper.LEVELS + 1)
NEAR = 0.25  # of a kept fraction


@dataclasses.dataclass(frozen=True)
class Evidence:
    """The results of one panel: a network, data set, schedule and precision.

    Attributes:
      key: which.
      margin: the largest difference in accuracy that counts as none (`repeatability`). It is that of the dense networks
        on the longest schedule that has three seeds, and the same for all schedules; NaN where none has.
      levels, supermasks: the rows of `Results` that are of it.
      learned_masks: those of its network and data set; they have no schedule.
      controls: the rows of `Results` that are of it.
      landscape: from each kind of `columns.LANDSCAPE` to the rows of `Results` that are of it.
    """

    key: Panel
    margin: float
    levels: pd.DataFrame
    supermasks: pd.DataFrame
    learned_masks: pd.DataFrame
    controls: pd.DataFrame
    landscape: Mapping[str, pd.DataFrame]

    def line(self, treatment: Treatment, measure: str = "test_accuracy") -> pd.DataFrame:
        """A measure of a treatment: a row a seed, a column a level; what is missing is NaN."""
        rows = self._by_treatment.get(treatment.name, self.levels[:0])
        return rows.pivot(index="seed", columns="level", values=measure)

    @functools.cached_property
    def _by_treatment(self) -> dict[str, pd.DataFrame]:
        return dict(list(self.levels.groupby("treatment")))

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
        """The kept fraction of each level; kept fractions that were chosen do not count, they all are level 1."""
        own = self.levels[self.levels["chosen_kept_fraction"].isna()]
        return own.groupby("level")["kept_fraction"].mean()

    def nearest_level(self, kept_fraction: float) -> int | None:
        """The level of the nearest kept fraction; None where none lies within a quarter of it."""
        ratios = (self.kept_fractions() / kept_fraction - 1).abs()
        return int(ratios.idxmin()) if len(ratios) and ratios.min() <= NEAR else None


def best(rows: pd.DataFrame) -> dict[int, float]:
    """The test accuracy for each seed at the row of its best validation accuracy, the first of equals."""
    rows = rows.dropna(subset=["validation_accuracy"])
    chosen = rows.loc[rows.groupby("seed")["validation_accuracy"].idxmax()]
    return dict(zip(chosen["seed"], chosen["test_accuracy"], strict=True))


def collect(results: Results) -> list[Evidence]:
    """The results of each panel; learned masks with no other results of their network have one of their own."""
    frames = {kind: getattr(results, FRAMES[kind]) for kind in LANDSCAPE}
    keys = {*panels(results.levels), *panels(results.supermasks), *panels(results.controls)}
    keys.update(*map(panels, frames.values()))
    learned = results.learned_masks
    places = set(learned[list(PANEL[:2])].itertuples(index=False, name=None))
    keys |= {(*place, "", "") for place in places - {key[:2] for key in keys}}
    return [
        Evidence(
            key,
            _margin(results.levels, *key[:2]),
            panel(results.levels, key),
            panel(results.supermasks, key),
            learned[(learned["network"] == key[0]) & (learned["dataset"] == key[1])],
            panel(results.controls, key),
            {kind: panel(frame, key) for kind, frame in frames.items()},
        )
        for key in sorted(keys)
    ]


def _margin(levels: pd.DataFrame, network: str, dataset: str) -> float:
    dense = levels[(levels["network"] == network) & (levels["dataset"] == dataset) & (levels["treatment"] == DENSE)]
    dense = dense[dense["status"] == FINISHED]
    dense = dense[dense.groupby("schedule")["seed"].transform("nunique") >= LEAST_SEEDS]
    longest = dense[dense["iterations"] == dense["iterations"].max()]
    return repeatability(longest["test_accuracy"])


def without_schedule(found: Iterable[Evidence]) -> list[Evidence]:
    """One of each network and data set, which is all that tells learned masks apart."""
    keys = {each.key[:2]: each for each in found}
    return [dataclasses.replace(each, key=(*key, "")) for key, each in keys.items()]


Part = tuple[float, float] | range | None  # of a line: kept fractions, or levels; None is all


def need_line(name: str, line: Callable[[Evidence], pd.DataFrame], part: Part = None) -> Need:
    """A line with half of the paper's levels, or with three levels of a part of it."""

    def seeds(evidence: Evidence) -> list[int]:
        rows, levels = line(evidence), ALL_LEVELS if part is None else part
        levels = evidence.levels_between(*part) if isinstance(part, tuple) else levels
        counts = rows[[level for level in levels if level in rows]].notna().sum(axis=1)
        return list(counts.index[counts >= (LEAST_LEVELS if part is None else LEAST_OF_PART)])

    return Need(f"{name}{_spoken(part)}", seeds)


def _spoken(part: Part) -> str:
    if isinstance(part, range):
        return f" at levels {part[0]} to {part[-1]}"
    return f" with {100 * part[0]:g} to {100 * part[1]:g}% kept" if part else ""


def need_lines(lines: Mapping[str, Treatment], *names: str, part: Part = None) -> list[Need]:
    """The named lines of a figure, as `need_line` has them."""
    return [need_line(name, operator.methodcaller("line", lines[name]), part) for name in names]


NEED_DENSE = Need("dense", lambda evidence: evidence.trained())


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
