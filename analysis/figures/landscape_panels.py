"""Functions that the figures of the error landscape share: pages, labels, and the order and styles of treatments.

Each figure has one row for each panel. Some panels show a single treatment; `main_treatment` chooses it.
"""

from __future__ import annotations

import copy
import dataclasses
import io
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures import drawing, styles
from analysis.figures.curves import ROW, WIDTH
from analysis.figures.styles import Style
from analysis.results import select
from analysis.results.columns import SUMMARY
from analysis.results.treatment_names import scope_of
from lottery_tf.pruning.treatments import Treatment

LEVELS_SHOWN = 4  # levels of a treatment in a panel that has no room for all
Draw = Callable[[Sequence[Axes], pd.DataFrame], Iterable[Line2D]]
LEGEND_COLUMNS = 4


def page(rows: pd.DataFrame, lacking: str, draw: Draw, columns: int) -> Figure:
    """Draws one row of axes for each panel, and one legend below all of them.

    Args:
      rows: the measurements.
      lacking: what is missing if there are no rows, for the error.
      draw: draws the rows of one panel onto its axes, and returns the entries of the legend.
      columns: the number of axes in a row.

    Raises:
      NothingToDraw: there are no rows.
    """
    keys = select.ordered_panels(rows)
    if not keys:
        raise drawing.NothingToDraw(f"there is {lacking}.")
    whole = drawing.blank(WIDTH, ROW * len(keys) + 1.0)
    handles: list[tuple[Line2D, str]] = []
    parts = whole.subfigures(len(keys), 1, squeeze=False)[:, 0]
    for part, key in zip(parts, keys, strict=True):
        of_panel, axes = select.panel(rows, key), part.subplots(1, columns, squeeze=False)[0]
        handles += [(handle, drawing.panel_title(key)) for handle in draw(axes, of_panel)]
        part.suptitle(f"{drawing.panel_title(key)}, {seeds(of_panel)}", fontsize=drawing.LOOK["axes.titlesize"])
        for each in axes:
            each.set_visible(each.has_data())
    drawing.legend_below(whole, _distinct(handles), LEGEND_COLUMNS)
    return drawing.fix_layout(whole)


def _distinct(handles: Iterable[tuple[Line2D, str]]) -> list[Line2D]:
    """Returns each legend entry once. If an entry looks different in another panel, its label names the panel."""
    by_label: dict[str, dict[bytes, tuple[Line2D, list[str]]]] = {}
    for handle, panel in handles:
        _, panel_names = by_label.setdefault(handle.get_label(), {}).setdefault(_picture(handle), (handle, []))
        panel_names.append(panel)
    for label, looks in by_label.items():
        for handle, panel_names in looks.values() if len(looks) > 1 else ():
            handle.set_label(f"{label} ({'; '.join(panel_names)})")
    return [handle for looks in by_label.values() for handle, _ in looks.values()]


def _picture(handle: Line2D) -> bytes:
    """Returns what a legend entry looks like, as pixels: only the drawing shows whether two custom dashes differ."""
    page = Figure(figsize=(0.6, 0.3))
    shown = copy.copy(handle)
    shown.set_data([0.1, 0.5, 0.9], [0.5, 0.5, 0.5])
    page.add_artist(shown)
    drawn = io.BytesIO()
    page.savefig(drawn, format="raw", dpi=60)
    return drawn.getvalue()


def seeds(rows: pd.DataFrame) -> str:
    """Returns the number of seeds for a title, as a range if some levels have fewer seeds than others.

    >>> whole = pd.DataFrame({"treatment": "a", "level": [1, 1, 2, 2], "seed": [0, 1, 0, 1]})
    >>> seeds(whole), seeds(whole[:3])
    ('2 seeds', '1 to 2 seeds')
    """
    counts = rows.groupby(["treatment", "level"])["seed"].nunique()
    return drawing.from_to_seeds([counts.min(), rows["seed"].nunique()])


def ordered_treatments(rows: pd.DataFrame) -> list[str]:
    """Returns the treatments, sorted by criterion (the default criterion first), rewind point and name."""
    about = rows[["criterion", "rewind_to", "treatment"]].drop_duplicates()
    about = about.assign(further=about["criterion"] != Treatment().criterion)
    return list(about.sort_values(["further", "criterion", "rewind_to", "treatment"])["treatment"])


def main_treatment(rows: pd.DataFrame) -> str:
    """Returns the treatment for a panel that shows only one: the first of `ordered_treatments`."""
    return ordered_treatments(rows)[0]


def styles_of(rows: pd.DataFrame) -> dict[str, Style]:
    """Returns each treatment's style: its colour shows the rewind point, dashes a criterion other than the default."""
    line_styles = {}
    for row in rows.drop_duplicates("treatment").itertuples():
        style = styles.REWIND_POINTS.get(row.rewind_to) if _only_rewound(row) else None
        if style and row.criterion != Treatment().criterion:
            style = dataclasses.replace(style, dash=styles.DASHED)
        line_styles[row.treatment] = style or styles.treatment_style(row.treatment)
    return line_styles


def rewound(rows: pd.DataFrame, criterion: bool = True) -> str:
    """Returns a label for a treatment: its criterion and rewind point, or its full name if it differs in more."""
    row = next(rows.itertuples())
    if not _only_rewound(row):
        return drawing.as_text(row.treatment)
    point = f"rewound to {row.rewind_to:,}"
    return f"{drawing.as_text(row.criterion)}, {point}" if criterion else point


def _only_rewound(row) -> bool:
    """Returns whether a treatment is plain iterative rewinding, with any criterion and rewind point."""
    usual = dataclasses.replace(Treatment(), scope=scope_of(row.network))
    names = ("mask1", "mask0", "rounds", "scope")
    return all(getattr(row, name) == getattr(usual, name) for name in names) and pd.isna(row.chosen_kept_fraction)


def spread(values: pd.Series, count: int) -> list[int]:
    """Returns at most `count` of the different values, evenly spaced, with the smallest and the largest.

    >>> spread(pd.Series([0, 1, 2, 3, 4, 4]), 3), spread(pd.Series([7]), 3)
    ([0, 2, 4], [7])
    """
    distinct = sorted(set(values.tolist()))
    indices = np.linspace(0, len(distinct) - 1, min(count, len(distinct))).round().astype(int)
    return [distinct[index] for index in indices]


def draw_band(axes: Axes, rows: pd.DataFrame, x: str, y: str, style: Style, factor: float = 1) -> None:
    """Draws means over seeds against a percentage, with a band from the lowest to the highest seed."""
    summary = factor * rows.groupby("level")[y].agg(SUMMARY)
    summary = summary.join(100 * rows.groupby("level")[x].mean()).dropna()
    axes.plot(summary[x], summary["mean"], **style.plot)
    drawing.band(axes, summary[x], summary, style.colour)


def plain(value: float, _: object = None) -> str:
    """Returns a tick's label with few decimals, because the report cuts numbers after two decimals.

    >>> plain(0.00015), plain(0.002), plain(1.5), plain(20.0)
    ('1.5e-04', '2e-03', '1.5', '20')
    """
    return f"{value:.1e}".replace(".0e", "e") if 0 < abs(value) < 0.01 else f"{value:g}"


def kept(rows: pd.DataFrame, column: str = "kept_fraction") -> str:
    """Returns the mean kept percentage of some rows, for a label.

    >>> kept(pd.DataFrame({"kept_fraction": [0.4104]})), kept(pd.DataFrame({"kept_fraction": [0.00499]}))
    ('41.0%', '0.50%')
    """
    percent = 100 * rows[column].mean()
    return f"{percent:.2f}%" if percent < 10 else f"{percent:.1f}%"
