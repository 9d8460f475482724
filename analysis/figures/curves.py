"""Early-stopping iteration and test accuracy against the kept percentage: Figures 3, 4, 5 and that of Section S2."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures import drawing, styles
from analysis.figures.styles import Style
from analysis.results import load, lottery_lines, select
from analysis.statistics import figure_lines
from analysis.statistics.figure_lines import DRAWN_METRICS, METRICS
from analysis.statistics.stars import PAPER_RULE, StarRule
from analysis.tables import formats
from lottery_tf.results.paths import DENSE
from lottery_tf.studies import paper

WIDTH, ROW = 10.0, 2.9  # inches
ROOM = 1.6  # how much farther down than the best line a frame of accuracies reaches where others collapse
LEAST_DROP = 1.0  # percentage points that the best line is taken to fall at least
FRAMED = ("test_accuracy",)  # measures whose axis is cut where lines collapse


def figure_of_lines(results: load.Results, figure: paper.Figure, rule: StarRule = PAPER_RULE) -> Figure:
    """Draws a figure of the paper, a row for each panel.

    Args:
      results: all results.
      figure: which lines, and which of them with bands.
      rule: what a star takes.

    Returns:
      The figure: lines are means over seeds, bands reach from the least to the greatest run, stars are points that are
      significantly better than all other lines, the horizontal line is the dense network. Lines without any level are
      left out.

    Raises:
      NothingToDraw: no level of any of its treatments is there.
    """
    rows = panels_of_lines(results, figure)
    if not rows:
        raise drawing.NothingToDraw(
            f"there is no trained level of {', '.join(figure_lines.new_treatments(figure)) or 'any other treatment'}."
        )
    own = styles.treatment_styles(treatment.name for treatment in figure.lines.values())
    line_styles = {name: own[treatment.name] for name, treatment in figure.lines.items()}
    page = drawing.blank(WIDTH, ROW * len(rows) + 0.8)
    drawn: set[str] = set()
    for pair, key in zip(page.subplots(len(rows), len(DRAWN_METRICS), squeeze=False), rows, strict=True):
        levels = select.panel(results.levels, key)
        for axes, metric in zip(pair, DRAWN_METRICS, strict=True):
            lines = in_units(figure_lines.lines(levels, figure, metric, rule), METRICS[metric].factor)
            drawn |= draw_lines(axes, lines, line_styles, figure.banded, metric)
            axes.set_title(f"{drawing.panel_title(key)}, {drawing.from_to_seeds(lines['n'])}")
    handles = [line_handle(name, line_styles[name]) for name in line_styles if name in drawn]
    drawing.legend_below(page, [*handles, *_explained(rule.significance)], 5)
    return drawing.fix_layout(page)


def panels_of_lines(results: load.Results, figure: paper.Figure) -> list[select.Panel]:
    """The panels with a level of any of a figure's `figure_lines.new_treatments`."""
    return select.table_s1_order(
        select.panels(results.levels[results.levels["treatment"].isin(figure_lines.new_treatments(figure))])
    )


@dataclasses.dataclass(frozen=True)
class NamedTreatment:
    """A treatment of which only the name is known: its functions may be a user's own, in a module that is not here."""

    name: str


def other_treatments(results: load.Results) -> paper.Figure:
    """The treatments among the results that are in no figure of the paper, nor of Frankle & Carbin, as a figure."""
    drawn = (*paper.FIGURES.values(), lottery_lines.figure())
    known = {treatment.name for figure in drawn for treatment in figure.lines.values()}
    names = sorted(set(results.levels["treatment"]) - known - {DENSE})
    return paper.Figure(
        "Treatments that are in no figure of the paper", {name: NamedTreatment(name) for name in names}, tuple(names)
    )


def accuracy_against_kept(rows: pd.DataFrame, path: Path, supermasks: Mapping[str, Style] | None = None) -> Path:
    """Draws early-stopping iteration and test accuracy against the kept percentage for any treatments of one panel.

    Args:
      rows: `summary.chosen`, and `summary.supermasks`.
      path: the picture to write; its ending says the format.
      supermasks: the styles of the Supermasks among them. Where there are any, no axis is cut.

    Returns:
      The path. Lines are means over seeds, bands the least and greatest values.
    """
    own = supermasks or {}
    line_styles = styles.treatment_styles(name for name in rows["treatment"].unique() if name not in own) | own
    with drawing.look():
        page = drawing.blank(WIDTH, ROW + 0.3 + 0.2 * len(line_styles) / 3)
        for axes, metric in zip(page.subplots(1, len(DRAWN_METRICS)), DRAWN_METRICS, strict=True):
            lines = figure_lines.over_seeds(rows.rename(columns={"treatment": "line"}), metric)
            lines = lines.assign(kept=100 * lines["kept_fraction"], star=False)
            draw_lines(axes, lines, line_styles, line_styles, metric, framed=not own)
        handles = [line_handle(name, style) for name, style in line_styles.items()]
        drawing.legend_below(page, [*handles, DENSE_LINE], 3)
        drawing.fix_layout(page)
    return drawing.save(page, path)


def draw_lines(
    axes: Axes,
    lines: pd.DataFrame,
    line_styles: Mapping[str, Style],
    banded: Collection[str],
    metric: str,
    framed: bool = True,
) -> set[str]:
    """Draws one panel: a line a treatment, and the dense network as a horizontal line.

    Args:
      axes: where.
      lines: line, level, kept, mean, min, max and star, in the units of the axes; level 0 is the dense network.
      line_styles: the lines' styles; those that come first lie on top.
      banded: the lines whose band is drawn.
      metric: what is drawn, a key of `METRICS`.
      framed: whether the axis is cut where lines collapse.

    Returns:
      The names of the lines that were drawn: those with a level that did not diverge.
    """
    lines = lines[lines["mean"].notna()]
    drawn = [name for name in line_styles if ((lines["line"] == name) & (lines["level"] > 0)).any()]
    for name in reversed(drawn):
        line, style = lines[lines["line"] == name], line_styles[name]
        axes.plot(line["kept"], line["mean"], **style.plot)
        if name in banded:
            drawing.band(axes, line["kept"], line, style.colour)
        starred = line[line["star"]]
        axes.plot(starred["kept"], starred["mean"], **_star(style.colour))
    dense = lines.loc[lines["level"] == 0, "mean"]
    if len(dense):
        axes.axhline(dense.iloc[0], color=styles.INK, linestyle=styles.baseline_style(DENSE).dash, linewidth=0.9)
    drawing.kept_axis(axes, lines["kept"].min() if drawn else 100)
    axes.set_ylabel(METRICS[metric].title)
    if framed and metric in FRAMED and drawn:
        _frame(axes, lines[lines["line"].isin(drawn)])
    return set(drawn)


def _frame(axes: Axes, lines: pd.DataFrame) -> None:
    """Cuts the axis where lines that collapse would flatten the others, and says which lines leave it."""
    low, high = frame_of_accuracy(lines)
    axes.set_ylim(low, high)
    below = lines[lines["mean"] < low]
    if len(below):
        count = below["line"].nunique()
        leave = f"{count} lines leave" if count > 1 else "1 line leaves"
        axes.set_xlabel(f"{axes.get_xlabel()}   ({leave} the frame, down to {below['mean'].min():.1f}%)")


def frame_of_accuracy(lines: pd.DataFrame) -> tuple[float, float]:
    """The least and greatest accuracy of a panel's frame: lines that collapse do not flatten those that hold up.

    Where the lowest line falls much farther than the best one, the frame ends at `ROOM` times the best one's fall, and
    the lines that fall farther leave it; else it holds everything.

    The best line is one that goes as far as any: one of few levels has not fallen yet.

    Args:
      lines: line, level, mean, min, max, in percent; no value is missing.

    >>> table = {"line": ["good"] * 2 + ["bad"] * 2, "level": [1, 2, 1, 2], "mean": [98.0, 96, 98, 11]}
    >>> table |= {"min": [98.0, 96, 98, 10], "max": [98.0, 96, 98, 12]}
    >>> [round(float(limit), 2) for limit in frame_of_accuracy(pd.DataFrame(table))]
    [94.64, 98.16]
    """
    farthest = lines[lines.groupby("line")["level"].transform("max") == lines["level"].max()]
    best = farthest.groupby("line")["mean"].agg(["max", "min", "mean"]).sort_values("mean").iloc[-1]
    top = lines["max"].max()
    drop = max(top - best["min"], LEAST_DROP)
    lowest = lines["min"].min()
    low = lowest if top - lowest <= 2 * ROOM * drop else top - ROOM * drop
    margin = 0.05 * (top - low) or 0.5
    return low - margin, top + margin


def in_units(lines: pd.DataFrame, factor: float) -> pd.DataFrame:
    """The lines of `figure_lines.lines` in the units that they are drawn in, and the kept percentage as "kept"."""
    values = {name: factor * lines[name].astype(float) for name in formats.SUMMARY}
    return lines.assign(kept=100 * lines["kept_fraction"], **values)


def _star(colour: str) -> dict:
    return {
        "marker": "*",
        "linestyle": "",
        "markersize": 10,
        "color": colour,
        "markeredgecolor": styles.INK,
        "markeredgewidth": 0.6,
        "zorder": 5,
    }


def line_handle(label: str, style: Style) -> Line2D:
    """A line of a legend."""
    return Line2D([], [], label=drawing.as_text(label), **style.plot)


def _explained(significance: float) -> list[Line2D]:
    """What the legend says besides the lines' names."""
    star = Line2D([], [], label=f"better than all other lines, p = {significance:g}", **_star("none"))
    return [DENSE_LINE, star]


DENSE_LINE = line_handle("dense network", styles.baseline_style(DENSE))
