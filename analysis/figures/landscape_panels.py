"""What the figures of the error landscape share: their pages, the order, names and styles of treatments, labels.

Each figure has a row for each panel. Where several treatments are measured, `main_treatment`
says which one a panel is of that shows a single one.
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
from analysis.results.lottery_lines import scope_of
from lottery_tf.pruning.treatments import Treatment

LEVELS = 4  # how many levels of a treatment are shown where not all can be
Draw = Callable[[Sequence[Axes], pd.DataFrame], Iterable[Line2D]]
LEGEND_COLUMNS = 4  # of a legend


def page(rows: pd.DataFrame, lacking: str, draw: Draw, columns: int) -> Figure:
    """A row of axes a panel, and one legend below all of them."""
    keys = select.ordered_panels(rows)
    if not keys:
        raise drawing.NothingToDraw(f"there is {lacking}.")
    whole = drawing.blank(WIDTH, ROW * len(keys) + 1.0)
    handles: list[tuple[Line2D, str]] = []
    parts = whole.subfigures(len(keys), 1, squeeze=False)[:, 0]
    for part, key in zip(parts, keys, strict=True):
        own, axes = select.panel(rows, key), part.subplots(1, columns, squeeze=False)[0]
        handles += [(handle, drawing.panel_title(key)) for handle in draw(axes, own)]
        part.suptitle(f"{drawing.panel_title(key)}, {seeds(own)}", fontsize=drawing.LOOK["axes.titlesize"])
        for each in axes:
            each.set_visible(each.has_data())
    drawing.legend_below(whole, _distinct(handles), LEGEND_COLUMNS)
    return drawing.fix_layout(whole)


def _distinct(handles: Iterable[tuple[Line2D, str]]) -> list[Line2D]:
    """The handles of all panels, each once; what line_styles otherwise in another panel says which panel it is of."""
    by_label: dict[str, dict[bytes, tuple[Line2D, list[str]]]] = {}
    for handle, panel in handles:
        _, places = by_label.setdefault(handle.get_label(), {}).setdefault(_picture(handle), (handle, []))
        places.append(panel)
    for label, line_styles in by_label.items():
        for handle, places in line_styles.values() if len(line_styles) > 1 else ():
            handle.set_label(f"{label} ({'; '.join(places)})")
    return [handle for line_styles in by_label.values() for handle, _ in line_styles.values()]


def _picture(handle: Line2D) -> bytes:
    """What a handle line_styles like: matplotlib tells dashes of one's own apart nowhere but in what it draws."""
    page = Figure(figsize=(0.6, 0.3))
    shown = copy.copy(handle)
    shown.set_data([0.1, 0.5, 0.9], [0.5, 0.5, 0.5])
    page.add_artist(shown)
    drawn = io.BytesIO()
    page.savefig(drawn, format="raw", dpi=60)
    return drawn.getvalue()


def seeds(rows: pd.DataFrame) -> str:
    """How many seeds some rows are of, for a title; where some levels have fewer than others it says so.

    >>> whole = pd.DataFrame({"treatment": "a", "level": [1, 1, 2, 2], "seed": [0, 1, 0, 1]})
    >>> seeds(whole), seeds(whole[:3])
    ('2 seeds', '1 to 2 seeds')
    """
    counts = rows.groupby(["treatment", "level"])["seed"].nunique()
    return drawing.from_to_seeds([counts.min(), rows["seed"].nunique()])


def ordered_treatments(rows: pd.DataFrame) -> list[str]:
    """The treatments of some rows: the usual criterion first, then by criterion, rewind point and name."""
    about = rows[["criterion", "rewind_to", "treatment"]].drop_duplicates().itertuples(index=False, name=None)
    return [each[-1] for each in sorted(about, key=lambda each: (each[0] != Treatment().criterion, *each))]


def main_treatment(rows: pd.DataFrame) -> str:
    """The treatment that a panel of a single one shows: the first `ordered_treatments`."""
    return ordered_treatments(rows)[0]


def styles_of(rows: pd.DataFrame) -> dict[str, Style]:
    """The style of each treatment: the colour says the rewind point, dashes that the criterion is not the usual one."""
    found = {}
    for each in rows.drop_duplicates("treatment").itertuples():
        style = styles.REWIND_POINTS.get(each.rewind_to) if _only_rewound(each) else None
        if style and each.criterion != Treatment().criterion:
            style = dataclasses.replace(style, dash=styles.DASHED)
        found[each.treatment] = style or styles.treatment_style(each.treatment)
    return found


def rewound(rows: pd.DataFrame, criterion: bool = True) -> str:
    """What the treatment of some rows is called: its criterion and rewind point, or its name if it has more."""
    row = next(rows.itertuples())
    if not _only_rewound(row):
        return drawing.as_text(row.treatment)
    place = f"rewound to {row.rewind_to:,}"
    return f"{drawing.as_text(row.criterion)}, {place}" if criterion else place


def _only_rewound(row) -> bool:
    """Whether a treatment is iterative rewinding by a criterion of this package or a user's, and nothing else."""
    usual = dataclasses.replace(Treatment(), scope=scope_of(row.network))
    names = ("mask1", "mask0", "rounds", "scope")
    return all(getattr(row, name) == getattr(usual, name) for name in names) and pd.isna(row.chosen_kept_fraction)


def spread(values: pd.Series, count: int) -> list[int]:
    """So many of the different values, spread evenly over them, the least and the greatest among them.

    >>> spread(pd.Series([0, 1, 2, 3, 4, 4]), 3), spread(pd.Series([7]), 3)
    ([0, 2, 4], [7])
    """
    there = sorted(set(values.tolist()))
    places = np.linspace(0, len(there) - 1, min(count, len(there))).round().astype(int)
    return [there[place] for place in places]


def draw_band(axes: Axes, rows: pd.DataFrame, x: str, y: str, style: Style, factor: float = 1) -> None:
    """Means over seeds against a share in percent, with the band from the least to the greatest."""
    own = factor * rows.groupby("level")[y].agg(["mean", "min", "max"])
    own = own.join(100 * rows.groupby("level")[x].mean()).dropna()
    axes.plot(own[x], own["mean"], **style.plot)
    drawing.band(axes, own[x], own, style.colour)


def plain(value: float, _: object = None) -> str:
    """A tick's label; the page cuts what has more than two decimals.

    >>> plain(0.00015), plain(0.002), plain(1.5), plain(20.0)
    ('1.5e-04', '2e-03', '1.5', '20')
    """
    return f"{value:.1e}".replace(".0e", "e") if 0 < abs(value) < 0.01 else f"{value:g}"


def kept(rows: pd.DataFrame, column: str = "kept_fraction") -> str:
    """How much some rows' level keeps, for a label.

    >>> kept(pd.DataFrame({"kept_fraction": [0.4104]})), kept(pd.DataFrame({"kept_fraction": [0.00499]}))
    ('41.0%', '0.50%')
    """
    percent = 100 * rows[column].mean()
    return f"{percent:.2f}%" if percent < 10 else f"{percent:.1f}%"
