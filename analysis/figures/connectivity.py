"""Draws whether levels are linearly connected (Paul et al.): barriers, error lines, perturbed rewind points."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from analysis.figures import drawing, styles
from analysis.figures import landscape_panels as panels
from analysis.figures.curves import line_handle
from analysis.figures.styles import Style
from analysis.results import load
from analysis.results.columns import SUMMARY
from analysis.results.select import SUCCESSIVE, single, successive
from lottery_tf.landscape.interpolation import MATCHING, STABLE

PAIRS = 4  # pairs of levels in a row of panels
BARRIER_TICKS = (0, 0.5, 1, 2, 5, 10, 20, 50, 100)  # ticks of barriers
PERCENT = (0.5, 0.7, 1, 1.5, 2, 2.5, 3, 4, 5, 7, 10, 15, 20, 30, 50, 70, 100)  # ticks of errors
FILLINGS = {"full": "in all seeds", "left": "in some", "none": "in none"}  # how markers are filled -> its meaning
THIN = 0.6


def barriers(results: load.Results) -> Figure:
    """Draws error barriers between successive levels against the kept percentage, one column for each criterion.

    Returns:
      The figure. Each rewind point (or other treatment) has a line, the mean over seeds, and a band from the lowest to
      the highest seed. A marker is filled if both levels match the dense network. A thin line is half the difference
      between the errors of the ends, the smallest value that a barrier can have. All criteria share one scale.

    Raises:
      NothingToDraw: no line between successive levels was measured.
    """
    lines = successive(results.lines)
    columns = list(lines.sort_values("criterion")["criterion"].unique())

    def draw(axes_of_row: Sequence[Axes], rows: pd.DataFrame) -> Iterable[Line2D]:
        handles, high = {}, 100 * rows["error_barrier"].max()
        for axes, criterion in zip(axes_of_row, columns, strict=True):
            for label, handle in _draw_barriers(axes, rows[rows["criterion"] == criterion]).items():
                handles.setdefault(label, handle)
            _barrier_axis(axes, f"error barrier, points ({drawing.as_text(criterion)})", high)
            drawing.kept_axis(axes, 100 * rows["second_kept_fraction"].min())
            axes.set_xlabel("weights kept by the sparser level, %")
        of_ends = Line2D([], [], color=styles.INK, linewidth=THIN, label="thin line: half the difference of the ends")
        return [*handles.values(), _connected(), of_ends, *_fillings(axes_of_row, "both levels match")]

    return panels.page(lines, "no line between successive levels", draw, max(1, len(columns)))


def _draw_barriers(axes: Axes, rows: pd.DataFrame) -> dict[str, Line2D]:
    handles, line_styles = {}, panels.styles_of(rows)
    for treatment in panels.ordered_treatments(rows):
        line = rows[rows["treatment"] == treatment]
        label = panels.rewound(line, criterion=False)
        handles[label] = line_handle(label, line_styles[treatment])
        _matched(axes, line, "second_kept_fraction", "error_barrier", line_styles[treatment])
        least = 100 * line.groupby("level")[["second_kept_fraction", "of_ends"]].mean()
        axes.plot(*least.to_numpy().T, color=line_styles[treatment].colour, linewidth=THIN)
    return handles


def error_lines(results: load.Results) -> Figure:
    """Draws the error along the lines between some successive levels, from the sparser level to the one before it.

    Raises:
      NothingToDraw: no line between successive levels was measured.
    """
    lines = results.lines[results.lines["relation"] == SUCCESSIVE]
    return panels.page(lines, "no line between successive levels", _draw_error_lines, PAIRS)


def _draw_error_lines(axes_of_row: Sequence[Axes], rows: pd.DataFrame) -> Iterable[Line2D]:
    """Draws the error along the lines between some successive levels; returns the handles of the legend."""
    line_styles = panels.styles_of(rows)
    for axes, level in zip(axes_of_row, panels.spread(rows["level"], PAIRS), strict=False):
        of_level = rows[rows["level"] == level]
        for treatment in panels.ordered_treatments(of_level):
            style = line_styles[treatment].plot | {"marker": ""}
            points = of_level[of_level["treatment"] == treatment].groupby("position")["error"].mean()
            axes.plot(points.index, 100 * points, **style)
        sparser = f"from level {level + 1} ({panels.kept(of_level, 'second_kept_fraction')} kept)"
        axes.set_xlabel(f"{sparser}\nto level {level} ({panels.kept(of_level)})")
        _error_axis(axes)
    return [
        line_handle(panels.rewound(rows[rows["treatment"] == treatment]), _unmarked(line_styles[treatment]))
        for treatment in panels.ordered_treatments(rows)
    ]


def robustness(results: load.Results) -> Figure:
    """Draws the error barriers of networks trained from perturbed rewind points, against the perturbation's length.

    Returns:
      The figure. Left, the barrier to the same level without perturbation; right, to the level before. Each level has
      a line, the mean over seeds and directions. A marker is filled if the network matches the dense one.

    Raises:
      NothingToDraw: no training from a perturbed rewind point was measured.
    """
    return panels.page(single(results.perturbations), "no perturbed rewind point", _draw_robustness, 2)


def _draw_robustness(pair: Sequence[Axes], rows: pd.DataFrame) -> Iterable[Line2D]:
    """Draws the barriers to both ends against the length of the perturbation; returns the handles of the legend."""
    rows = rows[rows["treatment"] == panels.main_treatment(rows)]
    rows = rows.assign(matches=rows["end_error"] <= rows["dense_error"] + MATCHING)
    handles = []
    for axes, (column, title) in zip(pair, TO_ENDS.items(), strict=True):
        handles = []
        for level, style in zip(panels.spread(rows["level"], panels.LEVELS_SHOWN), styles.SEQUENCE, strict=False):
            of_level = rows[rows["level"] == level]
            _matched(axes, of_level, "multiple", column, style)
            handles.append(line_handle(f"level {level}, {panels.kept(of_level)} kept", style))
        _barrier_axis(axes, title, 100 * rows[list(TO_ENDS)].max(axis=None))
        multiples = sorted(rows["multiple"].unique())
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(multiples))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(panels.plain))
        axes.set_xlabel(f"perturbation / length of the mask's projection\n({panels.rewound(rows)})")
        axes.grid(True)
    return [*handles, _connected(), *_fillings(pair, "perturbed network matches")]


TO_ENDS = {
    "error_barrier": "error barrier to the\nunperturbed network, points",
    "error_barrier_to_before": "error barrier to the\nlevel before, points",
}


def _matched(axes: Axes, rows: pd.DataFrame, x: str, y: str, style: Style) -> None:
    """Draws mean barriers in points, with a band, against a percentage or the perturbation's multiple.

    A marker is full if "matches" is true in all seeds, half full if in some, and empty if in none.
    """
    groups = rows.groupby(["level", x])
    barriers = 100 * groups[y].agg(SUMMARY)
    barriers = barriers.assign(share=groups["matches"].mean()).reset_index().sort_values(x)
    positions = barriers[x] if x == "multiple" else 100 * barriers[x]
    axes.plot(positions, barriers["mean"], **style.plot | {"marker": ""})
    drawing.band(axes, positions, barriers, style.colour)
    fills = np.select([barriers["share"] == 1, barriers["share"] == 0], ["full", "none"], "left")
    for fill in [fill for fill in FILLINGS if (fills == fill).any()]:
        axes.plot(
            positions[fills == fill],
            barriers["mean"][fills == fill],
            **style.plot | {"linestyle": "", **_filling(fill)},
        )


def _filling(fill: str) -> dict:
    return {"fillstyle": fill, "markerfacecoloralt": styles.GROUND[0]}


def _connected() -> Line2D:
    return line_handle(f"{100 * STABLE:g} points: connected below", Style(styles.INK, "", styles.DOTTED))


def _fillings(axes_of_row: Sequence[Axes], what: str) -> list[Line2D]:
    """Returns legend entries that explain the filling of markers, as far as they are drawn."""
    drawn = {
        line.get_fillstyle() for axes in axes_of_row for line in axes.lines if line.get_marker() not in ("", "None")
    }
    shape = {"color": styles.INK, "linestyle": "", "marker": "o"}
    meanings = {fill: where for fill, where in FILLINGS.items() if fill in drawn}
    return [Line2D([], [], label=f"{what} {where}", **shape, **_filling(fill)) for fill, where in meanings.items()]


def _unmarked(style: Style) -> Style:
    return dataclasses.replace(style, marker="")


def _barrier_axis(axes: Axes, title: str, high: float) -> None:
    """Makes the y axis one of barriers up to `high` points, logarithmic above one, and draws the stability limit."""
    axes.axhline(100 * STABLE, color=styles.INK, linestyle=styles.DOTTED, linewidth=0.9)
    axes.set_yscale("symlog", linthresh=1, linscale=0.7)
    axes.set_ylim(min(-0.25, 1.2 * axes.dataLim.intervaly[0]), 1.4 * max(high, 100 * STABLE))
    _ticks(axes, BARRIER_TICKS)
    axes.set_ylabel(title)


def _error_axis(axes: Axes) -> None:
    """Makes the y axis one of errors in percent. It is logarithmic, and linear near zero if an error is zero."""
    low, high = axes.dataLim.intervaly
    if low > 0:
        axes.set_yscale("log")
        axes.set_ylim(low / 1.15, max(1.15 * high, 1.5 * low))
    else:
        axes.set_yscale("symlog", linthresh=LEAST_ERROR)
        axes.set_ylim(-LEAST_ERROR / 10, max(1.15 * high, 10 * LEAST_ERROR))
    _ticks(axes, PERCENT)
    axes.set_ylabel("error, %")
    axes.grid(True)


LEAST_ERROR = 0.1  # percent; an axis that includes zero is linear below it


def _ticks(axes: Axes, positions: Sequence[float]) -> None:
    axes.yaxis.set_major_locator(FixedLocator(positions))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(panels.plain))
