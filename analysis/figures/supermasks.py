"""Draws Figures 6 and 7: networks that were masked but never trained."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.figures import drawing, styles
from analysis.figures.curves import ROW, WIDTH, in_units, line_handle
from analysis.figures.planes import draw_pair
from analysis.results import columns, load, select
from analysis.statistics import figure_lines
from analysis.tables.table1 import by_training
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.results.paths import DENSE
from lottery_tf.results.stored_result import FINISHED
from lottery_tf.studies import paper
from lottery_tf.supermasks.mask_settings import GATES
from lottery_tf.supermasks.mask_sources import UNTRAINED

UNTRAINED_NETWORKS = {  # Figure 6: criterion of the best stored supermask -> label of its bars
    "untrained_baseline": "no mask",
    "random": "random mask",
    "large_final": "large_final mask",
    "large_final_same_sign": "large_final_same_sign mask",
}
POINT = [name for name in columns.MASK_IDENTITY if name != "weights"]  # learned masks equal in these are one point
WEIGHTS_IN_WORDS = {"initial": "initial weights", "signed_constant": "signed constant"}
BAR = 0.8  # width of a group of bars; groups are 1 apart


def figure6(results: load.Results | None = None) -> Figure:
    """Draws Figure 6: the accuracy of masked untrained networks, and the planes of the two criteria that use signs.

    Args:
      results: all results. If they hold heuristic supermasks on initial weights, the accuracy of the best mask of each
        criterion is drawn; its kept percentage is chosen on validation images. Otherwise only the planes are drawn.
    """
    bars = _untrained(results.best_supermasks) if results else pd.DataFrame()
    if not len(bars):
        page = drawing.blank(6.4, 3.4)
        draw_pair(page, paper.SIGN_CRITERIA)
        return drawing.fix_layout(page)
    page = drawing.blank(12, 3.7)
    left, right = page.subfigures(1, 2, width_ratios=(1, 1.05))
    _draw_bars(left.subplots(), bars)
    draw_pair(right, paper.SIGN_CRITERIA)
    return drawing.fix_layout(page)


def _untrained(best: pd.DataFrame) -> pd.DataFrame:
    masks = best[(best["weights"] == "initial") & best["criterion"].isin(UNTRAINED_NETWORKS)]
    return masks[masks["source"].isin((columns.ONE_SHOT_SOURCE, UNTRAINED.source))]


def _draw_bars(axes: Axes, bars: pd.DataFrame) -> None:
    """Draws one group of bars for each panel. Bars are means over seeds, dots are seeds."""
    drawn = {criterion: label for criterion, label in UNTRAINED_NETWORKS.items() if criterion in set(bars["criterion"])}
    keys, width = select.ordered_panels(bars), BAR / len(drawn)
    for number, (criterion, label) in enumerate(drawn.items()):
        accuracies = [select.panel(bars[bars["criterion"] == criterion], key)["test_accuracy"] * 100 for key in keys]
        centers = np.arange(len(keys)) + (number - (len(drawn) - 1) / 2) * width
        colour = styles.INK if criterion == UNTRAINED.criterion else styles.criterion_style(criterion).colour
        means = [values.mean() if len(values) else 0 for values in accuracies]
        axes.bar(centers, means, 0.9 * width, color=colour, alpha=0.75, label=label)
        for center, values in zip(centers, accuracies, strict=True):
            axes.plot(np.full(len(values), center), values, ".", color=styles.INK, markersize=3)
    axes.set_xticks(np.arange(len(keys)), [drawing.panel_title(key).replace(", ", "\n") for key in keys])
    axes.set_xlim(-0.5, len(keys) - 0.5)
    axes.set_ylim(0, 100)
    axes.set_ylabel("test accuracy without any training, %")
    axes.set_title("untrained networks, initial weights")
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
    axes.figure.legend(loc="outside lower center", ncols=2, frameon=False)


def figure7(results: load.Results) -> Figure:
    """Draws Figure 7: test accuracy of supermasks against the kept percentage, for both kinds of weights.

    Returns:
      The figure, with one row for each panel. Lines are heuristic masks: means over seeds, with bands from the lowest
      to the highest seed. Points are learned masks, with bars from the lowest to the highest seed. For each kind of
      mask and initial logit the longest learning is shown; of equally long ones, the best on validation images.
      Horizontal lines are the trained network and the untrained network without a mask.

    Raises:
      NothingToDraw: there is neither a heuristic nor a learned supermask.
    """
    rows = panels_of_supermasks(results)
    if not rows:
        raise drawing.NothingToDraw("there is no heuristic supermask of the paper's criteria and no learned mask.")
    page = drawing.blank(WIDTH, ROW * len(rows) + 1.0)
    handles: dict[str, Line2D] = {}
    for pair, key in zip(page.subplots(len(rows), len(SUPERMASK_WEIGHTS), squeeze=False), rows, strict=True):
        supermasks = select.panel(results.supermasks, key)
        for axes, weights in zip(pair, SUPERMASK_WEIGHTS, strict=True):
            lines = figure_lines.starred_lines(figure_lines.supermask_runs(supermasks, weights), "greater").query(
                "level > 0"
            )
            points = _points(_learned_of(results.learned_masks, key, weights))
            handles |= _draw_heuristics(axes, lines) | _draw_learned(axes, points)
            handles |= _draw_baselines(axes, results, key, weights)
            kept = [*supermasks["kept_fraction"], *(1 - rows["pruned_fraction"].mean() for rows in points)]
            drawing.kept_axis(axes, 100 * min((share for share in kept if share > 0), default=0.1))
            axes.set_ylim(0, 100)
            axes.set_ylabel("test accuracy without training, %")
            axes.set_title(f"{drawing.panel_title(key)}: mask x {WEIGHTS_IN_WORDS[weights]}")
            if counts := [*lines["n"], *map(len, points)]:
                axes.set_title(f"{axes.get_title()}, {drawing.from_to_seeds(counts)}")
            else:
                axes.text(0.5, 0.5, "no results yet", transform=axes.transAxes, ha="center", va="center")
    learned = [_learned_name(g, rescale) for g, rescale in itertools.product(GATES, (False, True))]
    order = [*(source.criterion for source in paper.HEURISTIC_MASK_SOURCES), *learned, *BASELINE_LABELS.values()]
    drawing.legend_below(page, [handles[name] for name in order if name in handles], 5)
    return drawing.fix_layout(page)


BASELINE_LABELS = {"trained_baseline": "trained network", "untrained_baseline": "untrained, no mask"}


def panels_of_supermasks(results: load.Results) -> list[select.Panel]:
    """Returns the panels of Figure 7. Learned masks, which have no schedule, get their own row only if needed."""
    heuristic = results.supermasks[
        results.supermasks["criterion"].isin([source.criterion for source in paper.HEURISTIC_MASK_SOURCES])
    ]
    rows = select.panels(heuristic[heuristic["source"] == columns.ONE_SHOT_SOURCE])
    with_schedule = {key.network_and_dataset for key in rows}
    learned = select.panels_without_schedule(results.learned_masks)
    return select.table_s1_order([*rows, *(key for key in learned if key.network_and_dataset not in with_schedule)])


def _draw_heuristics(axes: Axes, lines: pd.DataFrame) -> dict[str, Line2D]:
    handles = {}
    for name, line in in_units(lines, 100).groupby("line", sort=False):
        style = styles.criterion_style(name)
        axes.plot(line["kept"], line["mean"], **style.plot)
        drawing.band(axes, line["kept"], line, style.colour)
        handles[name] = line_handle(name, style)
    return handles


def _learned_of(learned: pd.DataFrame, key: select.Panel, weights: str) -> pd.DataFrame:
    masks = select.rows_where(learned, network=key.network, dataset=key.dataset, weights=weights, status=FINISHED)
    return masks.dropna(subset=["test_accuracy", "pruned_fraction"])


def _points(learned: pd.DataFrame) -> list[pd.DataFrame]:
    """Returns the learned masks of each point: one row for each seed."""
    return [by_training(rows)[-1][1] for _, rows in learned.groupby(POINT, sort=False, dropna=False)]


def _learned_name(g: str, rescale: bool) -> str:
    kind = "" if g == "bernoulli" else f", {g.replace('_', '-')}"
    return f"learned mask{kind}{', rescaled' if rescale else ''}"


def _draw_learned(axes: Axes, points: Iterable[pd.DataFrame]) -> dict[str, Line2D]:
    """Draws learned masks with their range over seeds; returns the handles of the legend by name."""
    handles = {}
    for seeds in points:
        g, rescale = seeds["g"].iloc[0], bool(seeds["rescale"].iloc[0])
        style, accuracy = styles.learned_mask_style(g, rescale), 100 * seeds["test_accuracy"]
        mean = accuracy.mean()
        error = [[mean - accuracy.min()], [accuracy.max() - mean]]
        kept = 100 * (1 - seeds["pruned_fraction"].mean())
        shape = style.plot | {"linestyle": "", "zorder": 4, "markersize": 6}
        axes.errorbar([kept], [mean], yerr=error, ecolor=style.colour, elinewidth=0.8, **shape)
        name = _learned_name(g, rescale)
        handles[name] = Line2D([], [], label=name, **shape)
    return handles


def _draw_baselines(axes: Axes, results: load.Results, key: select.Panel, weights: str) -> dict[str, Line2D]:
    """Draws the accuracy of trained and of untrained networks; returns the handles of the legend by name."""
    dense = results.levels[results.levels["criterion"] == DENSE]
    supermasks = select.panel(results.supermasks, key)
    untrained = supermasks[(supermasks["criterion"] == UNTRAINED.criterion) & (supermasks["weights"] == weights)]
    accuracies = {"trained_baseline": select.panel(dense, key), "untrained_baseline": untrained}
    handles = {}
    for name, rows in accuracies.items():
        height = 100 * rows["test_accuracy"].mean()
        if np.isfinite(height):
            style = styles.baseline_style(name)
            axes.axhline(height, color=style.colour, linestyle=style.dash, linewidth=0.9)
            handles[BASELINE_LABELS[name]] = line_handle(BASELINE_LABELS[name], style)
    return handles
