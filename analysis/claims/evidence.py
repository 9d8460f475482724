"""Provides the results of one panel in the form that the tests of claims need: one value for each seed.

A line is summarized before it is tested: a seed's value is the mean over its levels. Only levels that the seed has for
all compared lines count, and each counts equally. So each comparison is one test, whatever the number of levels. Seeds
with fewer than half of the paper's levels are left out.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from analysis.claims.verdicts import LEAST_SEEDS, repeatability
from analysis.results.columns import FRAMES, LANDSCAPE, MASK_TRAINING, ONE_SHOT_SOURCE
from analysis.results.load import Results
from analysis.results.select import Panel, best_of_each, panel, panels, panels_without_schedule, rows_where
from analysis.tables.table1 import by_training, learned_of_column
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import DENSE
from lottery_tf.results.stored_result import FINISHED
from lottery_tf.studies import paper

LEAST_LEVELS_OF_LINE = paper.LEVELS // 2
LEAST_LEVELS_OF_PART = 3  # levels that a seed needs in a range of kept fractions
ALL_LEVELS = range(1, paper.LEVELS + 1)
NEAR = 0.25  # largest relative distance to a kept fraction


@dataclasses.dataclass(frozen=True)
class Evidence:
    """The results of one panel: a network, data set, schedule and precision.

    Attributes:
      panel: the panel.
      margin: the largest difference in accuracy that counts as equal (`repeatability`). It is computed from the dense
        networks of this precision on the longest schedule with three seeds, and used for all schedules; NaN if no
        schedule has three.
      levels, supermasks, controls: the rows of `Results` that belong to this panel.
      learned_masks: the rows that belong to its network and data set; learned masks have no schedule.
      landscape: from each kind of `columns.LANDSCAPE` to the rows of `Results` that belong to this panel.
    """

    panel: Panel
    margin: float
    levels: pd.DataFrame
    supermasks: pd.DataFrame
    learned_masks: pd.DataFrame
    controls: pd.DataFrame
    landscape: Mapping[str, pd.DataFrame]

    def line(self, treatment: Treatment, metric: str = "test_accuracy") -> pd.DataFrame:
        """Returns a metric of a treatment: one row for each seed, one column for each level, NaN if missing."""
        rows = self._by_treatment.get(treatment.name, self.levels[:0])
        return rows.pivot(index="seed", columns="level", values=metric)

    @functools.cached_property
    def _by_treatment(self) -> dict[str, pd.DataFrame]:
        return dict(list(self.levels.groupby("treatment")))

    def one_shot(self, criterion: str, weights: str) -> pd.DataFrame:
        """Returns the rows of a criterion's one-shot supermasks, for the seeds with enough levels."""
        rows = self.supermasks
        rows = rows[
            (rows["source"] == ONE_SHOT_SOURCE) & (rows["criterion"] == criterion) & (rows["weights"] == weights)
        ]
        return rows[rows.groupby("seed")["level"].transform("nunique") >= LEAST_LEVELS_OF_LINE]

    def learned(self, column: str) -> tuple[str, dict[int, float]]:
        """Returns how the masks of a column of Table 1 were learned, and the test accuracy of each seed.

        The initial logit is chosen on validation images. If at least three seeds were learned in several ways, the
        longest learning counts.
        """
        rows = learned_of_column(self.learned_masks, column)
        rows = rows[rows.groupby(list(MASK_TRAINING))["seed"].transform("nunique") >= LEAST_SEEDS]
        ways = by_training(rows)
        return (ways[-1][0], best(ways[-1][1])) if ways else ("", {})

    def dense(self, metric: str = "test_accuracy") -> dict[int, float]:
        """Returns the test accuracy, or another metric, of the dense network for each seed."""
        rows = self.levels[(self.levels["treatment"] == DENSE) & (self.levels["status"] == FINISHED)]
        return dict(zip(rows["seed"], rows[metric], strict=True))

    def levels_between(self, least: float, greatest: float) -> list[int]:
        """Returns the levels whose kept fraction lies between two values, both included."""
        kept = self.kept_fractions().round(3)  # the level that the paper calls 99.5% pruned keeps 0.499%
        return list(kept.index[(kept >= least) & (kept <= greatest)])

    def kept_fractions(self) -> pd.Series:
        """Returns the kept fraction of each level. Runs with a chosen kept fraction, always level 1, are left out."""
        by_rounds = self.levels[self.levels["chosen_kept_fraction"].isna()]
        return by_rounds.groupby("level")["kept_fraction"].mean()

    def nearest_level(self, kept_fraction: float) -> int | None:
        """Returns the level with the nearest kept fraction; None if none differs by less than a quarter."""
        ratios = (self.kept_fractions() / kept_fraction - 1).abs()
        return int(ratios.idxmin()) if len(ratios) and ratios.min() <= NEAR else None


def best(rows: pd.DataFrame) -> dict[int, float]:
    """Returns each seed's test accuracy in the row with its best validation accuracy (the first of equals)."""
    rows = rows.dropna(subset=["validation_accuracy"])
    chosen = best_of_each(rows, ["seed"], "validation_accuracy")
    return dict(zip(chosen["seed"], chosen["test_accuracy"], strict=True))


def collect(results: Results) -> list[Evidence]:
    """Returns the results of each panel. Learned masks of a network without other results get their own `Evidence`."""
    frames = {kind: getattr(results, FRAMES[kind]) for kind in LANDSCAPE}
    keys = {*panels(results.levels), *panels(results.supermasks), *panels(results.controls)}
    keys.update(*map(panels, frames.values()))
    with_schedule = {key.network_and_dataset for key in keys}
    keys.update(
        key for key in panels_without_schedule(results.learned_masks) if key.network_and_dataset not in with_schedule
    )
    return [
        Evidence(
            key,
            _margin(rows_where(results.levels, network=key.network, dataset=key.dataset, precision=key.precision)),
            panel(results.levels, key),
            panel(results.supermasks, key),
            rows_where(results.learned_masks, network=key.network, dataset=key.dataset),
            panel(results.controls, key),
            {kind: panel(frame, key) for kind, frame in frames.items()},
        )
        for key in sorted(keys)
    ]


def _margin(levels: pd.DataFrame) -> float:
    """Returns the margin from the levels of a network, data set and precision on all schedules."""
    dense = rows_where(levels, treatment=DENSE, status=FINISHED)
    dense = dense[dense.groupby("schedule")["seed"].transform("nunique") >= LEAST_SEEDS]
    longest = dense[dense["iterations"] == dense["iterations"].max()]
    return repeatability(longest["test_accuracy"])


def without_schedule(evidence: Iterable[Evidence]) -> list[Evidence]:
    """Returns one `Evidence` for each network and data set, because learned masks have no schedule."""
    by_pair = {each.panel.network_and_dataset: each for each in evidence}
    return [dataclasses.replace(each, panel=Panel(*pair)) for pair, each in by_pair.items()]


def over_levels(
    lines: Mapping[str, pd.DataFrame], levels: Iterable[int] = ALL_LEVELS, least_levels: int = LEAST_LEVELS_OF_LINE
) -> dict[str, dict[int, float]]:
    """Returns the mean of each line over levels, for each seed. Only levels that the seed has for all lines count.

    Args:
      lines: from name to what `Evidence.line` returns.
      levels: the levels that count.
      least_levels: seeds with fewer of these levels are left out.
    """
    levels = [level for level in levels if all(level in line for line in lines.values())]
    seeds = sorted(set.intersection(*(set(line.index) for line in lines.values())))
    values = {name: line.loc[seeds, levels].to_numpy() for name, line in lines.items()}
    common = np.logical_and.reduce([np.isfinite(line) for line in values.values()])
    counts = common.sum(axis=1)
    means = {name: np.where(common, line, 0).sum(axis=1) / np.maximum(counts, 1) for name, line in values.items()}
    enough = [index for index, count in enumerate(counts) if count >= least_levels]
    return {name: {seeds[index]: float(line[index]) for index in enough} for name, line in means.items()}
