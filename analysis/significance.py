"""Prints the statistics behind each star of a figure: p-values, effect sizes, intervals, and what so few runs can show.

Examples:
  python -m analysis.significance --results_dir=results --figure=figure3
  python -m analysis.significance --results_dir=results --figure=figure4 --metric=early_stop_iteration --test=paired
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import pandas as pd
from absl import flags

from analysis.common_flags import define_results_to_read
from analysis.results.load import load
from analysis.results.select import panel, panel_caption, panels
from analysis.statistics import power, significance_tests, stars
from analysis.statistics.figure_lines import METRICS, Metric, figure_runs, points_by_level
from analysis.statistics.star_flags import define_star_flags, rule_from_flags
from analysis.tables.formats import NOTHING
from lottery_tf.command_line import console
from lottery_tf.command_line.command_flags import define_old_name
from lottery_tf.command_line.text_tables import text_table
from lottery_tf.errors import InputError
from lottery_tf.registry import choose
from lottery_tf.studies import paper

COMPARISON_COLUMNS = (
    "level", "kept_fraction", "line", "star", "against", "n", "n_against", "difference", "low", "high", "effect_size",
    "p_value", "corrected_p_value", "note",
)  # fmt: skip


def behind_stars(
    levels_of_panel: pd.DataFrame, figure: paper.Figure, metric: str, rule: stars.StarRule = stars.PAPER_RULE
) -> pd.DataFrame:
    """Compares, at each level, the line with the best mean with each other line. Only the best line can have a star.

    The arguments are those of `analysis.statistics.figure_lines.lines`.

    Returns:
      One row for each comparison, with `COMPARISON_COLUMNS`: the fields of `significance_tests.Comparison`, the
      corrected p-value, and whether the line has a star. Differences are in the units of the metric.
    """
    runs = figure_runs(levels_of_panel, figure, metric)
    kept, better, rows = runs.groupby("level")["kept_fraction"].mean(), METRICS[metric].better, []
    for level, points in points_by_level(runs):
        starred = stars.stars(points, better, rule)
        for comparison, corrected in stars.leader_comparisons(points, better, rule):
            fields = dataclasses.asdict(comparison)
            fields |= {"level": level, "kept_fraction": kept[level], "corrected_p_value": corrected}
            fields |= {"line": comparison.a, "star": starred[comparison.a], "against": comparison.b}
            rows.append(fields | {"n": comparison.n_a, "n_against": comparison.n_b})
    return pd.DataFrame(rows, columns=list(COMPARISON_COLUMNS))


def text(comparisons: pd.DataFrame, metric: str) -> str:
    """Returns what `behind_stars` returns as text, one block for each level, with accuracies in percent."""
    blocks = []
    for (level, line), rows in comparisons.groupby(["level", "line"], sort=False):
        star = " *" if rows["star"].iloc[0] else ""
        head = f"level {level}, {100 * rows['kept_fraction'].iloc[0]:.2f}% kept: {line}{star}"
        cells = [[title(row) for title in CELLS.values()] for row in _printed(rows, METRICS[metric]).itertuples()]
        blocks.append(f"{head}\n{text_table([list(CELLS), *cells], indent='  ')}")
    return "\n\n".join(blocks)


def _printed(rows: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Formats the differences in the unit and with the decimals in which the metric is printed."""
    names = ("difference", "low", "high")
    return rows.assign(
        **{name: [_rounded(metric.factor * v, f"+.{metric.digits}f") for v in rows[name]] for name in names}
    )


CELLS: dict[str, Callable] = {  # heading -> function from a comparison to its cell
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
    """Returns as text what some lines with equally many runs each can and cannot show."""
    rows = [["test", "smallest p of one comparison", "a star is", "with correction holm"]]
    comparisons = lines * (lines - 1)
    for name, test in significance_tests.TESTS.items():
        least = power.least_p_value(name, runs, runs)
        # Of a pair, only one direction can have a small p-value. So Holm multiplies by at least half the comparisons.
        rows.append(
            [test.title, _least(least), _reach(least, significance), _reach(least * comparisons / 2, significance)]
        )
    head = f"What {runs} runs of each line can show at p <= {significance:g}, one-sided:"
    return "\n".join([head, text_table(rows, indent="  "), *_effects(runs, significance)])


def _least(p_value: float) -> str:
    if math.isnan(p_value):
        return "not defined"
    return "any above 0" if p_value == 0 else f"{p_value:.4f}"


def _reach(p_value: float, significance: float) -> str:
    return "within reach" if p_value <= significance else "out of reach"


def _effects(runs: int, significance: float) -> list[str]:
    """Returns as text the differences that are significant and that are likely to be found, by Student's t-test."""
    if runs < 2:
        return ["A single run has no variance: a t-test is not possible."]
    least = power.least_significant_effect(runs, significance)
    likely = power.detectable_effect(runs, significance)
    return [
        f"By Student's t-test, a difference of at least {least:.2f} standard deviations is significant.",
        f"A true difference of {likely:.2f} standard deviations is found in {power.POWER:.0%} of studies,",
        "a smaller one in fewer, so a missing star does not mean that lines are equal. Each level is",
        "tested separately, so some of many levels have a star by chance.",
    ]


def define_flags() -> None:
    """Defines the command's flags. This is not done on import, because commands with other flags import this module."""
    define_results_to_read()
    define_star_flags()
    flags.DEFINE_string("figure", "figure3", f"The figure: {', '.join(paper.FIGURE_LINES)}.")
    flags.DEFINE_string("metric", "test_accuracy", f"The metric: {', '.join(METRICS)}.")
    define_old_name("measure", "metric")


def main() -> None:
    """Prints the comparisons behind a figure's stars, with p-values, effect sizes and numbers of runs."""
    given = flags.FLAGS
    figure, metric = choose(paper.FIGURE_LINES, given.figure, "figure"), choose(METRICS, given.metric, "metric")
    rule = rule_from_flags()
    levels = load(given.results_dir).levels
    comparisons = {key: behind_stars(panel(levels, key), figure, given.metric, rule) for key in panels(levels)}
    comparisons = {key: rows for key, rows in comparisons.items() if len(rows)}
    if not comparisons:
        raise InputError(f"{given.results_dir} holds no two lines of {given.figure} at the same level to compare.")
    for key, rows in comparisons.items():
        print(f"{figure.title}: {metric.title}; {panel_caption(key, 'schedule ')}\n")
        print(f"{text(rows, given.metric)}\n")
        print(f"{limits(int(rows['n'].max()), 1 + rows.groupby('level').size().max(), rule.significance)}\n")
    title, direction = significance_tests.TESTS[rule.test].title, DIRECTION[metric.better]
    print(NOTE.format(title=title, direction=direction, **dataclasses.asdict(rule)))


DIRECTION = {"greater": "above", "less": "below"}
NOTE = """
At each level, the line with the best mean is compared with each other line that has runs at this level.
p: one-sided p-value of "the line's mean is {direction} the other's" by {title}.
Correction: {correction}. A star (*) means p <= {significance:g} against every other line.
Hedges' g: difference in pooled standard deviations, corrected for few runs. Intervals are two-sided.
Missing and diverged runs are left out, which makes n smaller.""".strip()


if __name__ == "__main__":
    define_flags()
    console.run(main)
