"""Draws the validation accuracy of learned Supermasks by iteration, which shows whether learning had converged."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures import drawing, styles
from analysis.figures.curves import line_handle
from analysis.results import load, select
from analysis.results.columns import MASK_SETTINGS, SUMMARY
from lottery_tf.supermasks.mask_settings import weights_in_words

MASK_KIND = ["weights", "rescale"]  # for each kind, the settings with the highest accuracy are drawn
SETTING_COLUMNS = [name for name in MASK_SETTINGS if name != "seed"]
PANELS_A_ROW = 2


def mask_learning(results: load.Results) -> Figure:
    """Draws validation accuracy against iterations for each kind of learned mask, with the best settings of each.

    Returns:
      The figure, with one panel for each network and data set. Lines are means over seeds, bands span the lowest to
      the highest seed.

    Raises:
      NothingToDraw: no mask was learned, or the histories of learning are missing.
    """
    keys = select.table_s1_order(select.panels_without_schedule(results.mask_histories))
    if not keys:
        raise drawing.NothingToDraw("there is no history of a learned mask.")
    rows = -(-len(keys) // PANELS_A_ROW)
    page = drawing.blank(10, 3.2 * rows + 0.6)
    handles: dict[str, Line2D] = {}
    axes_list = page.subplots(rows, PANELS_A_ROW, squeeze=False).ravel()
    for axes, key in zip(axes_list, keys, strict=False):
        drawn = best_settings(select.rows_where(results.mask_histories, network=key.network, dataset=key.dataset))
        handles |= _draw(axes, drawn)
        seeds = drawing.from_to_seeds(drawn.groupby(MASK_KIND)["seed"].nunique())
        axes.set_title(f"{drawing.panel_title(key)}: {seeds}")
    for axes in axes_list[len(keys) :]:
        axes.remove()
    drawing.legend_below(page, [handles[name] for name in sorted(handles)], 2)
    return drawing.fix_layout(page)


def best_settings(histories: pd.DataFrame) -> pd.DataFrame:
    """Returns the history of the best settings of each kind of mask.

    The best settings have the highest validation accuracy: the maximum over iterations, averaged over seeds.

    Args:
      histories: rows of `Results.mask_histories` of one network and data set.
    """
    best = histories.groupby([*SETTING_COLUMNS, "seed"], sort=False, dropna=False)["validation_accuracy"].max()
    means = best.groupby(SETTING_COLUMNS, sort=False, dropna=False).mean().reset_index()
    chosen = means.sort_values("validation_accuracy", kind="stable").drop_duplicates(MASK_KIND, keep="last")
    return histories.merge(chosen[SETTING_COLUMNS], on=SETTING_COLUMNS)


def _draw(axes: Axes, histories: pd.DataFrame) -> dict[str, Line2D]:
    """Draws the validation accuracy of each kind of mask; returns the handles of the legend by name."""
    handles = {}
    for (weights, rescale), of_kind in histories.groupby(MASK_KIND, sort=True):
        name = weights_in_words(weights, rescale)
        style = styles.LEARNING[weights, bool(rescale)]
        lines = 100 * of_kind.groupby("iteration")["validation_accuracy"].agg(SUMMARY)
        axes.plot(lines.index, lines["mean"], color=style.colour, linestyle=style.dash)
        drawing.band(axes, lines.index, lines, style.colour)
        handles[name] = line_handle(name, style)
    axes.set_xscale("symlog", linthresh=100)
    axes.set_xlim(left=0)
    axes.set_xlabel("iteration")
    axes.set_ylabel("validation accuracy of one sampled mask, %")
    axes.grid(True)
    axes.set_axisbelow(True)
    return handles
