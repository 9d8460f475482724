"""Draws the motion selectivity of large_final (Figure S1): its mask moves weights in the direction of training.

Masking and rewinding set a kept weight to its initial value and a pruned one to 0. large_final depends only on the
final magnitude. Yet among weights whose initial magnitude is near the threshold, it keeps those that grew in training
and sets to 0 those that shrank. So near the threshold, masking moves weights as training does.
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
from analysis.figures.plane_layers import Layer, cartoon
from analysis.figures.planes import draw_weights, plane_axes
from lottery_tf.argument_checks.validation import FRACTION

KEPT_FRACTION = 0.5  # of the weights of a plane: the threshold is the median final magnitude
NEAR = 0.2  # "near the threshold" is within this share of it
FARTHEST = 2.0  # largest initial magnitude drawn, in multiples of the threshold
BINS = 25
FEWEST = 10  # bins with fewer weights are not drawn
MAGNITUDE_CHANGES = ("increased", "decreased")


def threshold(layer: Layer, kept_fraction: float = KEPT_FRACTION) -> float:
    """Returns the final magnitude above which large_final keeps this fraction of a layer's weights.

    Raises:
      InputError: `kept_fraction` is outside (0, 1).
    """
    FRACTION("kept_fraction", kept_fraction)
    return float(np.quantile(np.abs(layer.w_f), 1 - kept_fraction))


def after_masking(layer: Layer, kept_fraction: float = KEPT_FRACTION) -> pd.DataFrame:
    """Returns the mean magnitude of weights after large_final's mask and rewinding, by their initial magnitude.

    Returns:
      One row for each bin of initial magnitudes. `initial` is the bin's centre. `increased` and `decreased` are the
      mean magnitudes after masking of the weights whose magnitude increased or decreased in training. All are in
      multiples of the threshold. Bins with too few weights are NaN.
    """
    cut = threshold(layer, kept_fraction)
    before, after = np.abs(layer.w_i) / cut, np.abs(layer.w_f) / cut
    masked = np.where(after > 1, before, 0)
    edges = np.linspace(0, FARTHEST, BINS + 1)
    bins = pd.Series(np.digitize(before, edges))
    columns = {"initial": (edges[1:] + edges[:-1]) / 2}
    for direction, moved in zip(MAGNITUDE_CHANGES, (after > before, after <= before), strict=True):
        means = pd.Series(masked)[moved].groupby(bins[moved]).agg(["mean", "count"]).reindex(range(1, BINS + 1))
        columns[direction] = means["mean"].where(means["count"] >= FEWEST).to_numpy()
    return pd.DataFrame(columns)


def figure_s1(layer: Layer | None = None) -> Figure:
    """Draws Figure S1 for the cartoon layer and, if one is given, below it for a trained layer."""
    layers = [cartoon(), *([layer] if layer else [])]
    figure = drawing.blank(8.6, 4.1 * len(layers) + 0.5)
    for (left, right), layer in zip(figure.subplots(len(layers), 2, squeeze=False), layers, strict=True):
        _draw_motion(left, layer)
        _draw_means(right, layer)
        name = f"{drawing.as_text(layer.title)}, " if layer.title else "cartoon, "
        left.set_title(f"{name}{100 * KEPT_FRACTION:g}% of the weights kept")
        right.set_title("weights after masking")
    line_styles = {direction: styles.SELECTIVITY[direction].colour for direction in MAGNITUDE_CHANGES}
    handles = [
        Patch(facecolor=line_styles["increased"], alpha=0.75, label="magnitude increased, kept"),
        Patch(facecolor=line_styles["decreased"], alpha=0.75, label="magnitude decreased, pruned"),
        Patch(facecolor=styles.PRUNED, label="masking opposes training"),
        Line2D([], [], color=styles.INK, linestyle=styles.DOTTED, label="initial magnitude near the threshold"),
    ]
    drawing.legend_below(figure, handles, 2)
    return drawing.fix_layout(figure)


def _draw_motion(axes: Axes, layer: Layer) -> None:
    """Draws the plane, coloured where large_final's mask moves a weight in the direction of training."""
    cut, (w_i, w_f) = threshold(layer), layer.grid
    before, after = np.abs(w_i)[None, :], np.abs(w_f)[:, None]
    axes.set_facecolor(styles.PRUNED)
    # Positive where both hold: the magnitude grew (shrank) and the weight is kept (pruned).
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


def _draw_means(axes: Axes, layer: Layer) -> None:
    """Draws mean magnitude after masking against initial magnitude, for weights that grew and weights that shrank."""
    means = after_masking(layer)
    axes.plot([0, FARTHEST], [0, FARTHEST], color=styles.INK, linestyle=styles.DASHED, linewidth=0.8)
    axes.text(1.42, 1.36, "kept: initial value", rotation=45, rotation_mode="anchor", ha="left", va="top", fontsize=7)
    axes.text(0.4, -0.09, "pruned: 0", ha="center", va="center", fontsize=7)
    for direction in MAGNITUDE_CHANGES:
        style = styles.SELECTIVITY[direction].plot
        axes.plot(means["initial"], means[direction], **style, label=f"magnitude {direction} in training")
    axes.axvspan(1 - NEAR, 1 + NEAR, color=styles.FAINT, alpha=0.6, linewidth=0)
    axes.set(xlim=(0, FARTHEST), ylim=(-0.18, FARTHEST), aspect="equal")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(0.5))
    axes.set_xlabel("initial magnitude $|w_i|$ / threshold")
    axes.set_ylabel("mean magnitude after masking / threshold")
    axes.grid(True)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", frameon=False)
