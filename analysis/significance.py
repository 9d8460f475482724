"""Prints what is behind each star of a figure: p-values, effect sizes, intervals, and what so few runs can show.

Examples:
  python -m analysis.significance --results_dir=results --figure=figure3
  python -m analysis.significance --results_dir=results --figure=figure4 --measure=early_stop_iteration --test=paired
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pandas as pd
from absl import flags

from analysis.common_flags import define_results_dir
from analysis.results.load import load
from analysis.results.select import panel, panel_caption, panels
from analysis.statistics import power, significance_tests, stars
from analysis.statistics.figure_lines import METRICS, Metric, figure_runs, points_by_level
from analysis.statistics.star_flags import define_star_flags, rule_from_flags
from analysis.tables.formats import NOTHING
from lottery_tf import console
from lottery_tf.errors import InputError
from lottery_tf.registry import choose
from lottery_tf.studies import paper
from lottery_tf.text_tables import text_table

COMPARISON_COLUMNS = (
    "level", "kept_fraction", "line", "star", "against", "n", "n_against", "difference", "low", "high", "effect_size",
    "p_value", "corrected_p_value", "note",
)  # fmt: skip


def behind_stars(
    levels_of_panel: pd.DataFrame, figure: paper.Figure, metric: str, rule: stars.StarRule = stars.PAPER_RULE
) -> pd.DataFrame:
    """At each level the line of the best mean, which alone could be starred, against each other line.

    The arguments are those of `analysis.statistics.figure_lines.lines`.

    Returns:
      A row for each comparison, with the columns `COMPARISON_COLUMNS`: the fields of `significance_tests.Comparison`,
      the p-value that counts for the star, and whether the line is starred. Differences are in the metric's own units.
    """
    runs = figure_runs(levels_of_panel, figure, metric)
    kept, better, rows = runs.groupby("level")["kept_fraction"].mean(), METRICS[metric].better, []
    for level, points in points_by_level(runs):
        starred = stars.stars(points, better, rule)
        for found, corrected in stars.leader_comparisons(points, better, rule):
            row = (level, kept[level], found.a, starred[found.a], found.b, found.n_a, found.n_b, found.difference)
            rows.append((*row, found.low, found.high, found.effect_size, found.p_value, corrected, found.note))
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def text(found: pd.DataFrame, metric: str) -> str:
    """`behind_stars` as text, a block a level; accuracies in percentage points."""
    blocks = []
    for (level, line), rows in found.groupby(["level", "line"], sort=False):
        star = " *" if rows["star"].iloc[0] else ""
        head = f"level {level}, {100 * rows['kept_fraction'].iloc[0]:.2f}% kept: {line}{star}"
        cells = [[title(row) for title in CELLS.values()] for row in _printed(rows, METRICS[metric]).itertuples()]
        blocks.append(f"{head}\n{text_table([list(CELLS), *cells], indent='  ')}")
    return "\n\n".join(blocks)


def _printed(rows: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """The rows with differences as they are printed: in the metric's unit and with its decimals."""
    names = ("difference", "low", "high")
    return rows.assign(
        **{name: [_rounded(metric.factor * v, f"+.{metric.digits}f") for v in rows[name]] for name in names}
    )


CELLS: dict[str, Callable] = {  # heading -> from a comparison to its cell
    "against": lambda row: row.against,
    "n": lambda row: f"{row.n}, {row.n_against}",
    "difference": lambda row: row.difference,
    "95% interval": lambda row: NOTHING if row.low == NOTHING else f"[{row.low}, {row.high}]",
    "Hedges' g": lambda row: _rounded(row.effect_size, "+.2f"),
    "p": lambda row: _p(row.p_value),
    "p, corrected": lambda row: _p(row.corrected_p_value),
    "": lambda row: row.note,
}


def _p(value: float) -> str:
    return "<0.0001" if value < 0.0001 else _rounded(value, ".4f")


def _rounded(value: float, digits: str) -> str:
    return NOTHING if math.isnan(value) else f"{value:{digits}}"


def limits(runs: int, lines: int, significance: float = paper.SIGNIFICANCE) -> str:
    """What so many runs of each of so many lines can and cannot show, as text."""
    rows = [["test", "least p of one comparison", "a star takes", "with correction holm"]]
    comparisons = lines * (lines - 1)
    for name, test in significance_tests.TESTS.items():
        least = power.least_p_value(name, runs, runs)
        # Of two directions of one pair only one can have a small p-value: Holm's least factor is half the number.
        rows.append(
            [test.title, _least(least), _reach(least, significance), _reach(least * comparisons / 2, significance)]
        )
    head = f"What {runs} runs a line can show at p <= {significance:g}, one-sided:"
    return "\n".join([head, text_table(rows, indent="  "), *_effects(runs, significance)])


def _least(p_value: float) -> str:
    if math.isnan(p_value):
        return "not defined"
    return "any above 0" if p_value == 0 else f"{p_value:.4f}"


def _reach(p_value: float, significance: float) -> str:
    return "within reach" if p_value <= significance else "out of reach"


def _effects(runs: int, significance: float) -> list[str]:
    """The differences that show and that are likely to show, where there are runs enough for a t-test."""
    if runs < 2:
        return ["A single run has no spread: nothing can be said of it by a t-test."]
    least = power.least_significant_effect(runs, significance)
    likely = power.detectable_effect(runs, significance)
    return [
        f"By Student's t, a difference shows where it is at least {least:.2f} standard deviations of a line's runs.",
        f"A true difference of {likely:.2f} standard deviations shows in {power.POWER:.0%} of studies, smaller ones in",
        "fewer: a missing star does not say that lines are equal. Each level is tested anew: of many levels some are",
        "starred by chance.",
    ]


def define_flags() -> None:
    """The flags of this command; not defined where the module is only imported, by commands with flags of their own."""
    define_results_dir()
    define_star_flags()
    flags.DEFINE_string("figure", "figure3", f"Which figure: {', '.join(paper.FIGURES)}.")
    flags.DEFINE_string("measure", "test_accuracy", f"Of which metric: {', '.join(METRICS)}.")


def main() -> None:
    """Prints what stands behind a figure's stars: each comparison with its p-value, effect and number of runs."""
    given = flags.FLAGS
    figure, metric = choose(paper.FIGURES, given.figure, "figure"), choose(METRICS, given.measure, "measure")
    rule = rule_from_flags()
    levels = load(given.results_dir).levels
    found = {key: behind_stars(panel(levels, key), figure, given.measure, rule) for key in panels(levels)}
    found = {key: rows for key, rows in found.items() if len(rows)}
    if not found:
        raise InputError(f"{given.results_dir} holds no two lines of {given.figure} at one level: nothing to compare.")
    for key, rows in found.items():
        print(f"{figure.title}: {metric.title}; {panel_caption(key, 'schedule ')}\n")
        print(f"{text(rows, given.measure)}\n")
        print(f"{limits(int(rows['n'].max()), 1 + rows.groupby('level').size().max(), rule.significance)}\n")
    title, direction = significance_tests.TESTS[rule.test].title, DIRECTION[metric.better]
    print(NOTE.format(title=title, direction=direction, **dataclasses.asdict(rule)))


DIRECTION = {"greater": "above", "less": "below"}
NOTE = """
The line of the best mean at each level against each other line that has runs there.
p: {title}, one-sided, of "the line's mean is {direction} the other's".
Correction: {correction}. A star (*) takes p <= {significance:g} against every other line.
g: difference over the pooled standard deviation, corrected for few runs. Intervals are two-sided.
Runs that are missing or diverged are left out, and n is smaller.""".strip()


if __name__ == "__main__":
    define_flags()
    console.run(main)
