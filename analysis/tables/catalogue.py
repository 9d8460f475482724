"""Lists all tables by name: Table 1, Table S1, the numbers behind each figure, learned masks, and precisions.

To add a table, write a function from the results and the rule for stars to `Table`s, and name it in `TABLES`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator

import pandas as pd

from analysis.results import lottery_lines
from analysis.results.columns import SUMMARY
from analysis.results.load import Results
from analysis.results.select import Panel, panel, panel_caption, panels
from analysis.statistics.figure_lines import (
    DRAWN_METRICS,
    METRICS,
    Metric,
    lines,
    new_treatments,
    starred_lines,
    supermask_runs,
)
from analysis.statistics.significance_tests import TESTS
from analysis.statistics.stars import PAPER_RULE, StarRule
from analysis.tables.formats import NOTHING, Table, summary_text
from analysis.tables.learned_masks import learned_table
from analysis.tables.precisions import precision_tables
from analysis.tables.table1 import table1_table
from analysis.tables.table_s1 import table_s1_table
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.studies import paper
from lottery_tf.supermasks.mask_settings import weights_in_words


def figure_table(
    levels_of_panel: pd.DataFrame, figure: paper.Figure, metric: str = "test_accuracy", rule: StarRule = PAPER_RULE
) -> Table:
    """Returns the numbers behind one panel of a figure: one row for each level, one column for each treatment."""
    points = lines(levels_of_panel, figure, metric, rule)
    caption = f"{figure.title}: {METRICS[metric].title}{_star_note(points, rule)}"
    return _line_table(caption, points, METRICS[metric])


def supermask_table(supermasks_of_panel: pd.DataFrame, weights: str, rule: StarRule = PAPER_RULE) -> Table:
    """Returns the numbers behind one panel of Figure 7: one row for each level, one column for each criterion.

    Level 0 is the untrained network without a mask.
    """
    points = starred_lines(supermask_runs(supermasks_of_panel, weights), "greater", rule)
    title = f"Heuristic Supermasks x {weights_in_words(weights)}"
    caption = f"{title}: test accuracy, %{_star_note(points, rule)}"
    return _line_table(caption, points, METRICS["test_accuracy"])


def _star_note(points: pd.DataFrame, rule: StarRule) -> str:
    """Returns the explanation of stars for a caption; "" if the table has none."""
    if not points["star"].any():
        return ""
    corrected = "" if rule.correction == "none" else f" corrected by {rule.correction}"
    test = f"{TESTS[rule.test].title}, one-sided p <= {rule.significance:g}{corrected}"
    return f" (* better than every other line: {test})"


def _line_table(caption: str, points: pd.DataFrame, metric: Metric) -> Table:
    """Returns the table of a figure's lines: a row for each level, a column for each line."""
    numbers = points.assign(
        kept_percent=100 * points["kept_fraction"], **{name: metric.factor * points[name] for name in SUMMARY}
    )
    numbers = numbers[["line", "level", "kept_percent", *SUMMARY, "n", "star"]]
    cells = [
        summary_text(row.mean, row.min, row.max, metric.digits, row.n) + (" *" if row.star else "")
        for row in numbers.itertuples()
    ]
    wide = numbers.assign(cell=cells).pivot(index="level", columns="line", values="cell")
    wide = wide[list(numbers["line"].unique())].fillna(NOTHING).reset_index()
    kept = numbers.groupby("level")["kept_percent"].mean()
    wide.insert(1, "kept, %", [f"{kept[level]:.2f}" for level in wide["level"]])
    return Table(caption, numbers, wide.rename_axis(columns=None).astype(str))


def figure_tables(name: str, results: Results, rule: StarRule = PAPER_RULE) -> Iterator[Table]:
    """Yields the tables behind a figure of lines, for each panel with `new_treatments` and each metric."""
    levels = results.levels
    for key in panels(levels[levels["treatment"].isin(new_treatments(paper.FIGURE_LINES[name]))]):
        of_panel = panel(levels, key)
        for metric in DRAWN_METRICS:
            yield with_panel(figure_table(of_panel, paper.FIGURE_LINES[name], metric, rule), key, {"measure": metric})


def lottery_tables(results: Results, rule: StarRule = PAPER_RULE) -> Iterator[Table]:
    """Yields the tables of winning tickets and their controls, one for each panel and measure.

    The tables behind the figure, by level, come first. Then follow tables of one-shot tickets with a chosen kept
    percentage.
    """
    for key in lottery_lines.trained_panels(results):
        for metric in DRAWN_METRICS:
            points = lottery_lines.over_runs(lottery_lines.runs(results, key, metric))
            table = _line_table(f"Winning tickets: {METRICS[metric].title}", points, METRICS[metric])
            yield with_panel(table, key, {"measure": metric})
    for key, metric in itertools.product(panels(results.levels), DRAWN_METRICS):
        for treatment, runs in lottery_lines.runs_of_shares(results, key, metric).items():
            caption = f"One-shot tickets with chosen kept percentages, {treatment}: {METRICS[metric].title}"
            table = _line_table(caption, lottery_lines.over_runs(runs), METRICS[metric])
            numbers, shown = (part.drop(columns="level") for part in (table.numbers, table.shown))
            yield with_panel(Table(caption, numbers, shown), key, {"measure": metric, "treatment": treatment})


def supermask_tables(results: Results, rule: StarRule = PAPER_RULE) -> Iterator[Table]:
    """Yields the tables behind Figure 7: heuristic Supermasks, one table for each panel and kind of weights."""
    for key in panels(results.supermasks):
        for weights in SUPERMASK_WEIGHTS:
            table = supermask_table(panel(results.supermasks, key), weights, rule)
            yield with_panel(table, key, {"weights": weights})


def with_panel(table: Table, key: Panel, identity: dict[str, str]) -> Table:
    """Adds the panel to a table: to its caption, and as the first columns of its numbers."""
    identity = key._asdict() | identity
    numbers = pd.DataFrame({name: [value] * len(table.numbers) for name, value in identity.items()})
    return Table(f"{table.caption}; {panel_caption(key, 'schedule ')}", numbers.join(table.numbers), table.shown)


TABLES: dict[str, Callable[..., Iterable[Table]]] = {  # name -> from results and the rule for stars to its tables
    "table1": lambda results, rule: [table1_table(results)],
    "tableS1": lambda results, rule: [table_s1_table()],
    **{name: functools.partial(figure_tables, name) for name in paper.FIGURE_LINES},
    "figure7": supermask_tables,
    "lottery": lottery_tables,
    "learned_masks": lambda results, rule: [learned_table(results)],
    "precision": lambda results, rule: precision_tables(results),
}
