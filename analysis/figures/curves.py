"""Draws early-stopping iteration and test accuracy against the kept percentage: Figures 3, 4, 5 and Section S2."""

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
from analysis.results.columns import SUMMARY
from analysis.statistics import figure_lines
from analysis.statistics.figure_lines import DRAWN_METRICS, METRICS
from analysis.statistics.stars import PAPER_RULE, StarRule
from lottery_tf.results.paths import DENSE
from lottery_tf.studies import paper

WIDTH, ROW = 10.0, 2.9  # inches
ROOM = 1.6  # height of a cut frame of accuracies, in multiples of the best line's drop
LEAST_DROP = 1.0  # percentage points; a smaller drop of the best line counts as this
FRAMED = ("test_accuracy",)  # metrics whose axis is cut if some lines collapse
DENSE_DRAWN, STAR_DRAWN = "_dense", "_star"  # labels of lines, which matplotlib does not show


def figure_of_lines(results: load.Results, figure: paper.Figure, rule: StarRule = PAPER_RULE) -> Figure:
    """Draws a figure of the paper, one row for each panel.

    Args:
      results: all results.
      figure: the lines to draw, and which of them have bands.
      rule: when a star is drawn.

    Returns:
      The figure. Lines are means over seeds, bands span the lowest to the highest run, and the horizontal line is the
      dense network. A star marks a point that is significantly better than all other lines. Lines without any level
      are left out.

    Raises:
      NothingToDraw: none of the treatments that the figure introduces has a level.
    """
    rows = panels_of_lines(results, figure)
    if not rows:
        raise drawing.NothingToDraw(
            f"there is no trained level of {', '.join(figure_lines.new_treatments(figure)) or 'any other treatment'}."
        )
    of_treatments = styles.treatment_styles(treatment.name for treatment in figure.lines.values())
    line_styles = {name: of_treatments[treatment.name] for name, treatment in figure.lines.items()}
    page = drawing.blank(WIDTH, ROW * len(rows) + 0.8)
    drawn: set[str] = set()
    for pair, key in zip(page.subplots(len(rows), len(DRAWN_METRICS), squeeze=False), rows, strict=True):
        levels = select.panel(results.levels, key)
        for axes, metric in zip(pair, DRAWN_METRICS, strict=True):
            lines = in_units(figure_lines.lines(levels, figure, metric, rule), METRICS[metric].factor)
            drawn |= draw_lines(axes, lines, line_styles, figure.banded, metric)
            axes.set_title(f"{drawing.panel_title(key)}, {drawing.from_to_seeds(lines['n'])}")
    handles = [line_handle(name, line_styles[name]) for name in line_styles if name in drawn]
    drawing.legend_below(page, [*handles, *general_handles(page, rule.significance)], 5)
    return drawing.fix_layout(page)


def panels_of_lines(results: load.Results, figure: paper.Figure) -> list[select.Panel]:
    """Returns the panels that have a level of at least one of a figure's `figure_lines.new_treatments`."""
    new = results.levels["treatment"].isin(figure_lines.new_treatments(figure))
    return select.ordered_panels(results.levels[new])


@dataclasses.dataclass(frozen=True)
class NamedTreatment:
    """A treatment of which only the name is known, because its functions may be in a module that cannot be imported."""

    name: str


def other_treatments(results: load.Results) -> paper.Figure:
    """Returns a figure of the trained treatments that are in no figure of the paper or of Frankle & Carbin."""
    drawn = (*paper.FIGURE_LINES.values(), lottery_lines.figure())
    known = {treatment.name for figure in drawn for treatment in figure.lines.values()}
    names = sorted(set(results.levels["treatment"]) - known - {DENSE})
    return paper.Figure(
        "Treatments that are in no figure of the paper", {name: NamedTreatment(name) for name in names}, tuple(names)
    )


def accuracy_against_kept(rows: pd.DataFrame, path: Path, supermasks: Mapping[str, Style] | None = None) -> Path:
    """Draws early-stopping iteration and test accuracy against the kept percentage for any treatments of one panel.

    Lines are means over seeds, bands span the lowest to the highest value.

    Args:
      rows: what `summary.chosen` and `summary.supermasks` return.
      path: the file to write, whose ending gives the format.
      supermasks: the styles of the Supermasks among the rows. If there are any, no axis is cut.

    Returns:
      The path.
    """
    supermasks = supermasks or {}
    trained = (name for name in rows["treatment"].unique() if name not in supermasks)
    line_styles = styles.treatment_styles(trained) | supermasks
    with drawing.look():
        page = drawing.blank(WIDTH, ROW + 0.3 + 0.2 * len(line_styles) / 3)
        for axes, metric in zip(page.subplots(1, len(DRAWN_METRICS)), DRAWN_METRICS, strict=True):
            lines = figure_lines.over_seeds(rows.rename(columns={"treatment": "line"}), metric)
            lines = lines.assign(kept=100 * lines["kept_fraction"], star=False)
            draw_lines(axes, lines, line_styles, line_styles, metric, framed=not supermasks)
        handles = [line_handle(name, style) for name, style in line_styles.items()]
        drawing.legend_below(page, [*handles, *general_handles(page)], 3)
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
    """Draws one panel: one line for each treatment, and the dense network as a horizontal line.

    Args:
      axes: the axes to draw on.
      lines: columns line, level, kept, mean, min, max and star, in the units of the axes; level 0 is the dense network.
      line_styles: the style of each line; earlier lines are drawn on top of later ones.
      banded: the lines that have a band.
      metric: the metric to draw, a key of `METRICS`.
      framed: whether the y axis may be cut if lines collapse.

    Returns:
      The names of the lines that were drawn: those with at least one level that did not diverge.
    """
    lines = lines[lines["mean"].notna()]
    drawn = [name for name in line_styles if ((lines["line"] == name) & (lines["level"] > 0)).any()]
    for name in reversed(drawn):
        line, style = lines[lines["line"] == name], line_styles[name]
        axes.plot(line["kept"], line["mean"], **style.plot)
        if name in banded:
            drawing.band(axes, line["kept"], line, style.colour)
        starred = line[line["star"]]
        if len(starred):
            axes.plot(starred["kept"], starred["mean"], label=STAR_DRAWN, **_star(style.colour))
    dense = lines.loc[lines["level"] == 0, "mean"]
    if len(dense):
        axes.axhline(
            dense.iloc[0],
            color=styles.INK,
            linestyle=styles.baseline_style(DENSE).dash,
            linewidth=0.9,
            label=DENSE_DRAWN,
        )
    drawing.kept_axis(axes, lines["kept"].min() if drawn else 100)
    axes.set_ylabel(METRICS[metric].title)
    if framed and metric in FRAMED and drawn:
        _frame(axes, lines[lines["line"].isin(drawn)])
    return set(drawn)


def _frame(axes: Axes, lines: pd.DataFrame) -> None:
    """Cuts the y axis if collapsing lines would flatten the others, and notes on the x axis how many lines are cut."""
    low, high = frame_of_accuracy(lines)
    axes.set_ylim(low, high)
    below = lines[lines["mean"] < low]
    if len(below):
        count = below["line"].nunique()
        leave = f"{count} lines leave" if count > 1 else "1 line leaves"
        axes.set_xlabel(f"{axes.get_xlabel()}   ({leave} the frame, down to {below['mean'].min():.1f}%)")


def frame_of_accuracy(lines: pd.DataFrame) -> tuple[float, float]:
    """Returns the limits of a panel's accuracy axis, so that lines that collapse do not flatten the others.

    If the lowest line falls much farther than the best one, the axis ends at `ROOM` times the drop of the best line,
    and lines that fall farther are cut. Otherwise the axis shows everything. The best line is chosen among those that
    reach the deepest level, because a line of few levels has not fallen yet.

    Args:
      lines: columns line, level, mean, min and max, in percent, without missing values.

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
    """Converts what `figure_lines.lines` returns to the units of the axes, and adds the kept percentage as "kept"."""
    values = {name: factor * lines[name].astype(float) for name in SUMMARY}
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
    """Returns a legend entry for a line."""
    return Line2D([], [], label=drawing.as_text(label), **style.plot)


def general_handles(page: Figure, significance: float = paper.SIGNIFICANCE) -> list[Line2D]:
    """Returns the legend entries of the dense network and of stars, where the page shows them."""
    labels = {line.get_label() for axes in page.axes for line in axes.lines}
    handles = [line_handle("dense network", styles.baseline_style(DENSE))] if DENSE_DRAWN in labels else []
    if STAR_DRAWN in labels:
        handles.append(Line2D([], [], label=f"better than all other lines, p = {significance:g}", **_star("none")))
    return handles
