"""The motion selectivity of large_final (Figure S1): which way its mask moves weights that were already moving.

Masking and rewinding sets a kept weight to its initial value and a pruned one to 0. large_final looks at the final
magnitude alone; and yet, of the weights whose initial magnitude is near the threshold, it sets to the larger of the
two values those that grew in training, and to 0 those that shrank. Near the threshold, masking is training.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MultipleLocator

from analysis.figures import drawing, styles
from analysis.figures.planes import Layer, cartoon, draw_weights, plane_axes
from lottery_tf.pruning import kept_counts

KEPT_FRACTION = 0.5  # of the weights of a plane: the threshold is the median final magnitude
NEAR = 0.2  # near the threshold: within this share of it
FARTHEST = 2.0  # initial magnitudes drawn, in thresholds
BINS = 25
FEWEST = 10  # weights in a bin whose mean is shown
DIRECTIONS = ("increased", "decreased")


def threshold(layer: Layer, kept_fraction: float = KEPT_FRACTION) -> float:
    """The final magnitude above which large_final keeps that share of a layer's weights.

    Raises:
      InputError: a share outside (0, 1).
    """
    kept_counts.check_fraction("kept_fraction", kept_fraction)
    return float(np.quantile(np.abs(layer.w_f), 1 - kept_fraction))


def after_masking(layer: Layer, kept_fraction: float = KEPT_FRACTION) -> pd.DataFrame:
    """Where large_final's mask and rewinding put weights, by their initial magnitude and the way they moved.

    Returns:
      A row a bin of initial magnitudes: `initial`, its middle, and for weights whose magnitude `increased` and
      `decreased` in training the mean magnitude after masking, both in thresholds; NaN where there are too few weights.
    """
    cut = threshold(layer, kept_fraction)
    before, after = np.abs(layer.w_i) / cut, np.abs(layer.w_f) / cut
    masked = np.where(after > 1, before, 0)
    edges = np.linspace(0, FARTHEST, BINS + 1)
    bins = pd.Series(np.digitize(before, edges))
    columns = {"initial": (edges[1:] + edges[:-1]) / 2}
    for direction, moved in zip(DIRECTIONS, (after > before, after <= before), strict=True):
        own = pd.Series(masked)[moved].groupby(bins[moved]).agg(["mean", "count"]).reindex(range(1, BINS + 1))
        columns[direction] = own["mean"].where(own["count"] >= FEWEST).to_numpy()
    return pd.DataFrame(columns)


def figure_s1(layer: Layer | None = None, kept_fraction: float = KEPT_FRACTION) -> Figure:
    """Figure S1, for the cartoons' layer and, where there is one, for a trained layer below it."""
    layers = [cartoon(), *([layer] if layer else [])]
    figure = drawing.blank(8.6, 4.1 * len(layers) + 0.5)
    for (left, right), each in zip(figure.subplots(len(layers), 2, squeeze=False), layers, strict=True):
        _draw_motion(left, each, kept_fraction)
        _draw_means(right, each, kept_fraction)
        name = f"{drawing.as_text(each.title)}, " if each.title else "cartoon, "
        left.set_title(f"{name}{100 * kept_fraction:g}% of the weights kept")
        right.set_title("where the mask puts them")
    line_styles = {direction: styles.SELECTIVITY[direction].colour for direction in DIRECTIONS}
    handles = [
        Patch(facecolor=line_styles["increased"], alpha=0.75, label="magnitude increased, kept"),
        Patch(facecolor=line_styles["decreased"], alpha=0.75, label="magnitude decreased, pruned"),
        Patch(facecolor=styles.PRUNED, label="moved against its motion"),
        Line2D([], [], color=styles.INK, linestyle=styles.DOTTED, label="initial magnitude near the threshold"),
    ]
    drawing.legend_below(figure, handles, 2)
    return drawing.fix_layout(figure)


def _draw_motion(axes: Axes, layer: Layer, kept_fraction: float) -> None:
    """The plane: where large_final's mask goes on with a weight's motion, and where it goes against it."""
    cut, (w_i, w_f) = threshold(layer, kept_fraction), layer.grid
    before, after = np.abs(w_i)[None, :], np.abs(w_f)[:, None]
    axes.set_facecolor(styles.PRUNED)
    # Above 0 where both hold: the magnitude grew (shrank) and the weight is kept (pruned).
    agreed = {
        "increased": np.minimum(after - before, after - cut),
        "decreased": np.minimum(before - after, cut - after),
    }
    for direction, inside in agreed.items():
        colour = styles.SELECTIVITY[direction].colour
        axes.contourf(w_i, w_f, inside, levels=[0, np.inf], colors=[colour], alpha=0.75)
    draw_weights(axes, layer)
    plane_axes(axes, layer)
    axes.set_xlabel("initial weight $w_i$")
    axes.set_ylabel("final weight $w_f$")
    for side in (-1, 1):
        axes.axhline(side * cut, color=styles.INK, linewidth=0.9)
        for edge in (1 - NEAR, 1 + NEAR):
            axes.axvline(side * edge * cut, color=styles.INK, linewidth=0.9, linestyle=styles.DOTTED)


def _draw_means(axes: Axes, layer: Layer, kept_fraction: float) -> None:
    """Mean magnitude after masking against initial magnitude, for weights that grew and that shrank."""
    means = after_masking(layer, kept_fraction)
    axes.plot([0, FARTHEST], [0, FARTHEST], color=styles.INK, linestyle=styles.DASHED, linewidth=0.8)
    axes.text(1.42, 1.36, "kept: initial value", rotation=45, rotation_mode="anchor", ha="left", va="top", fontsize=7)
    axes.text(0.4, -0.09, "pruned: 0", ha="center", va="center", fontsize=7)
    for direction in DIRECTIONS:
        style = styles.SELECTIVITY[direction].plot
        axes.plot(means["initial"], means[direction], **style, label=f"magnitude {direction} in training")
    axes.axvspan(1 - NEAR, 1 + NEAR, color=styles.FAINT, alpha=0.6, linewidth=0)
    axes.set(xlim=(0, FARTHEST), ylim=(-0.18, FARTHEST), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(0.5))
    axes.set_xlabel("initial magnitude $|w_i|$, in thresholds")
    axes.set_ylabel("mean magnitude after masking, in thresholds")
    axes.grid(True)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", frameon=False)
