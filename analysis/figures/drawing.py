"""Functions that all figures share: their look, axes of kept percentages, reproducible files."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from analysis.figures import styles
from analysis.results.select import panel_parts
from lottery_tf.errors import InputError
from lottery_tf.registry import choose
from lottery_tf.results import files

FORMATS = {  # ending -> metadata of such a file; without dates, so that equal figures give equal files
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
DPI = 150
LOOK = {
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "legend.fontsize": 8,
    "lines.markersize": 4,
    "lines.linewidth": 1.2,
    "lines.markeredgewidth": 0.9,
    "axes.linewidth": 0.6,
    "axes.edgecolor": styles.INK,
    "axes.labelcolor": styles.INK,
    "text.color": styles.INK,
    "xtick.color": styles.INK,
    "ytick.color": styles.INK,
    "grid.color": styles.FAINT,
    "grid.linewidth": 0.5,
    "hatch.linewidth": 0.6,
    "mathtext.fontset": "dejavusans",
    "svg.fonttype": "none",  # keeps texts as texts, so that they can be searched, copied and read aloud
    "svg.hashsalt": "lottery_tf",
    "pdf.fonttype": 42,
}
KEPT_TICKS = (100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)
FEW_PRUNED_TICKS = (100, 80, 60, 50, 40, 30, 20)  # where at least 20% are kept


class NothingToDraw(InputError):
    """The results do not hold what a figure shows. The message says what is missing, without a capital letter."""


@contextlib.contextmanager
def look() -> Iterator[None]:
    """Opens a context in which figures are drawn and stored in the project's look.

    A user's `matplotlibrc` has no effect inside it, so that the same results give the same picture everywhere.
    matplotlib's settings are restored at the end.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(LOOK)
        yield


def blank(width: float, height: float) -> Figure:
    """Returns an empty figure of this size in inches, whose layout keeps its parts from overlapping."""
    return Figure(figsize=(width, height), layout="constrained")


def kept_axis(axes: Axes, least: float) -> None:
    """Makes the x axis one of kept percentages: logarithmic, from 100% at the left, with round ticks.

    Args:
      axes: the axes to change.
      least: the smallest percentage that is drawn.
    """
    axes.set_xscale("log")
    axes.set_xlim(100 * 1.12, min(least, 50) / 1.12)
    axes.xaxis.set_major_locator(FixedLocator(FEW_PRUNED_TICKS if least >= min(FEW_PRUNED_TICKS) else KEPT_TICKS))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(True)
    axes.set_axisbelow(True)
    axes.set_xlabel("weights kept, %")


def band(axes: Axes, x: Sequence[float], lines: pd.DataFrame, colour: str) -> None:
    """Shades the area between the columns "min" and "max"."""
    axes.fill_between(x, lines["min"], lines["max"], color=colour, alpha=0.15, linewidth=0)


def as_text(name: str) -> str:
    r"""Escapes the dollar signs of a name, because matplotlib would read the text between two of them as a formula.

    >>> as_text("my:$criterion"), as_text(as_text("my:$criterion"))
    ('my:\\$criterion', 'my:\\$criterion')
    """
    return re.sub(r"(?<!\\)\$", r"\$", name)


def panel_title(key: Sequence[str]) -> str:
    """Returns `panel_name` with dollar signs escaped, for texts that matplotlib draws."""
    return as_text(panel_name(key))


def panel_name(key: Sequence[str]) -> str:
    """Returns a network, data set, schedule and precision in words.

    >>> panel_name(("fc", "mnist", "paper", "float32")), panel_name(("fc", "digits", "600", "mixed_bfloat16"))
    ('fc on mnist, paper schedule', 'fc on digits, 600 iterations, mixed_bfloat16')
    >>> panel_name(("fc", "mnist"))
    'fc on mnist'
    """
    network, dataset, *rest = panel_parts(key)
    lengths = [f"{part} iterations" if part.isdecimal() else f"{part} schedule" for part in rest[:1]]
    return ", ".join([f"{network} on {dataset}", *lengths, *rest[1:]])


def from_to_seeds(counts: Iterable[int]) -> str:
    """Returns the number of seeds for a title, as a range if some points have fewer seeds than others.

    >>> from_to_seeds([1, 1]), from_to_seeds([5, 3, 5])
    ('1 seed', '3 to 5 seeds')
    """
    least, most = min(counts), max(counts)
    return f"{'' if least == most else f'{least} to '}{most} seed{'s' if most > 1 else ''}"


def legend_below(figure: Figure, handles: Sequence, columns: int) -> None:
    """Adds one legend for all panels below them.

    It has at most `columns` columns, fewer if the page is too narrow. The page grows if the legend needs more height.
    """
    for count in range(columns, 0, -1):
        legend = figure.legend(
            handles=handles, loc="outside lower center", ncols=count, frameon=False, handlelength=3.2
        )
        size = legend.get_window_extent()
        if size.width <= figure.bbox.width or count == 1:
            break
        legend.remove()
    figure.set_figheight(figure.get_figheight() + max(0, size.height / figure.dpi - LEGEND))


LEGEND = 0.7  # inches of a page that are reserved for its legend


def fix_layout(figure: Figure) -> Figure:
    """Computes a figure's layout once, so that it is the same in every format."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def content(figure: Figure, kind: str) -> bytes:
    """Returns the content of a figure's file. The same figure gives the same bytes.

    Args:
      figure: a figure, such as `catalogue.draw` returns.
      kind: the format, a key of `FORMATS`.
    """
    metadata, file = choose(FORMATS, kind, "format of figures"), io.BytesIO()
    with look():
        figure.savefig(file, format=kind, dpi=DPI, metadata=metadata)
    return _with_numbered_clips(file.getvalue()) if kind == "svg" else file.getvalue()


def _with_numbered_clips(svg: bytes) -> bytes:
    """Renames the clip paths of an SVG file to numbers.

    matplotlib names them by a hash of their corners, whose last bits differ from run to run.
    """
    names = dict.fromkeys(re.findall(rb"url\(#(p[0-9a-f]{10})\)", svg))
    numbers = {name: b"clip%d" % number for number, name in enumerate(names)}
    return re.sub(rb"(?<=[#\"])p[0-9a-f]{10}\b", lambda found: numbers.get(found[0], found[0]), svg)


def save(figure: Figure, path: Path) -> Path:
    """Writes a figure, completely or not at all. The path's ending gives the format."""
    files.replace(path, content(figure, path.suffix.removeprefix(".")))
    return path
