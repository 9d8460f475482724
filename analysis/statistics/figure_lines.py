"""Computes the lines of the paper's figures: the runs of each line, and their mean, range and star at each level.

`paper.FIGURE_LINES` lists the treatments that are the lines of a figure, `figure_runs` finds their runs, and `lines`
summarizes them. `supermask_runs` finds the runs of Figure 7. The lines of Frankle & Carbin, which have controls, are
in `analysis.results.lottery_lines`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from analysis.results.select import LINE_COLUMNS, in_line_order, join_lines
from analysis.statistics.stars import PAPER_RULE, StarRule, stars
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.registry import choose
from lottery_tf.results.paths import DENSE
from lottery_tf.studies import paper
from lottery_tf.supermasks.mask_sources import UNTRAINED


class Metric(NamedTuple):
    """A number that is measured at each level, and how it is printed.

    Attributes:
      title: its printed name and unit.
      better: whether "greater" or "less" is better, for stars.
      factor: the factor by which it is multiplied for printing.
      digits: the number of printed decimals.
    """

    title: str
    better: str
    factor: float
    digits: int


METRICS = {
    "test_accuracy": Metric("test accuracy at early stop, %", "greater", 100, 2),
    "early_stop_iteration": Metric("early-stopping iteration", "less", 1, 0),
    "final_test_accuracy": Metric("test accuracy at the end of training, %", "greater", 100, 2),
}
DRAWN_METRICS = ("early_stop_iteration", "test_accuracy")  # metrics that the paper's figures show left and right


def lines(
    levels_of_panel: pd.DataFrame, figure: paper.Figure, metric: str, rule: StarRule = PAPER_RULE
) -> pd.DataFrame:
    """Returns the lines of a figure: a metric of each treatment at each level, summarized over seeds.

    Args:
      levels_of_panel: the rows of `Results.levels` that belong to one panel.
      figure: the figure, which lists the treatments.
      metric: a name in `METRICS`.
      rule: when a star is drawn.

    Returns:
      Columns line, level, kept_fraction, mean, min, max, n and star, with lines in the order of the figure and
      accuracies in [0, 1]. Level 0 of every line is the dense network, without stars. Lines without any level are left
      out. n counts the runs that finished; if none did, mean, min and max are NaN.
    """
    return starred_lines(figure_runs(levels_of_panel, figure, metric), METRICS[metric].better, rule)


def figure_runs(levels_of_panel: pd.DataFrame, figure: paper.Figure, metric: str) -> pd.DataFrame:
    """Returns all runs behind a figure's lines: columns line, level, seed, kept_fraction and value."""
    choose(METRICS, metric, "metric")
    rows = levels_of_panel.rename(columns={metric: "value"})[["treatment", *LINE_COLUMNS[1:]]]
    by_treatment = dict(list(rows.groupby("treatment", sort=False)))
    runs = {line: by_treatment.get(treatment.name, rows[:0]) for line, treatment in figure.lines.items()}
    return join_lines(by_treatment.get(DENSE, rows[:0]), runs)[LINE_COLUMNS]


def supermask_runs(supermasks_of_panel: pd.DataFrame, weights: str) -> pd.DataFrame:
    """Returns the heuristic Supermasks behind a panel of Figure 7, with the columns of `figure_runs`.

    Each line is a criterion. Level 0 of every line is the untrained network without a mask.
    """
    choose(SUPERMASK_WEIGHTS, weights, "kind of weights")
    rows = supermasks_of_panel[supermasks_of_panel["weights"] == weights].rename(columns={"test_accuracy": "value"})
    by_source = dict(list(rows.groupby(["source", "criterion"], sort=False)))
    runs = {
        source.criterion: by_source.get((source.source, source.criterion), rows[:0])
        for source in paper.HEURISTIC_MASK_SOURCES
    }
    return join_lines(by_source.get((UNTRAINED.source, UNTRAINED.criterion), rows[:0]), runs)[LINE_COLUMNS]


def starred_lines(runs: pd.DataFrame, better: str, rule: StarRule = PAPER_RULE) -> pd.DataFrame:
    """Summarizes `figure_runs`: mean, min, max, number of runs and star for each line and level."""
    summary = in_line_order(over_seeds(runs).drop(columns="runs"), runs["line"].unique())
    starred = {
        (line, level)
        for level, points in points_by_level(runs)
        for line, star in stars(points, better, rule).items()
        if star
    }
    return summary.assign(star=[key in starred for key in zip(summary["line"], summary["level"], strict=True)])


def over_seeds(runs: pd.DataFrame, value: str = "value", line: str = "line") -> pd.DataFrame:
    """Returns mean, min and max over seeds for each line and level, with lines in the order of `runs`.

    Args:
      runs: one row for each run.
      value: the column with the values.
      line: the column with the name of the line.

    Returns:
      The column of the line, level, kept_fraction, mean, min, max, n (runs that have a value) and runs (all runs).
    """
    groups = runs.groupby([line, "level"], sort=False)
    return groups.agg(
        kept_fraction=("kept_fraction", "mean"),
        mean=(value, "mean"),
        min=(value, "min"),
        max=(value, "max"),
        n=(value, "count"),
        runs=(value, "size"),
    ).reset_index()


def points_by_level(runs: pd.DataFrame) -> list[tuple[int, dict[str, dict[int, float]]]]:
    """Returns, for each level above 0, its number and the runs of each line as a dict from seed to value."""
    points: dict[int, dict[str, dict[int, float]]] = {}
    for level, line, seed, value in zip(*(runs[name] for name in ("level", "line", "seed", "value")), strict=True):
        points.setdefault(level, {}).setdefault(line, {})[seed] = value
    return [(level, points[level]) for level in sorted(points) if level > 0]


def new_treatments(figure: paper.Figure) -> list[str]:
    """Returns the treatments that no earlier figure of the paper shows. Without results of them a figure is left out.

    >>> new_treatments(paper.FIGURE_LINES["figure5"])
    ['large_final-rewind-init', 'large_final-rewind-hybrid']
    """
    names = [treatment.name for treatment in figure.lines.values()]
    if figure not in paper.FIGURE_LINES.values():
        return names
    earlier: Iterable[paper.Figure] = itertools.takewhile(lambda other: other != figure, paper.FIGURE_LINES.values())
    shown = {treatment.name for other in earlier for treatment in other.lines.values()}
    return [name for name in names if name not in shown]
