"""Draws mask criteria as regions of the plane of initial and final weights (Figures 1, 2 and S1, half of Figure 6).

A criterion scores all weights of a layer together: `large_init_large_final` ranks by percentiles, and the threshold is
the score that the wanted fraction of the weights exceeds. So regions are computed with the criterion itself. Points of
the plane are scored together with a layer's weights, and are kept if their score is above the threshold of those
weights. `plane_layers` has the layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Patch
from matplotlib.ticker import MaxNLocator

from analysis.figures import drawing, styles
from analysis.figures.plane_layers import CORRELATION, GRID_POINTS, Layer, cartoon
from lottery_tf import registry
from lottery_tf.argument_checks.validation import FRACTION
from lottery_tf.pruning import ranking
from lottery_tf.pruning.criteria import CRITERIA
from lottery_tf.studies import paper

PLANE_ARGUMENTS = ("w_i", "w_f")  # the arguments that a criterion of the plane can have
FORMULAS = {  # Figure 2, and the two of Figure 6
    "large_final": "$|w_f|$",
    "small_final": "$-|w_f|$",
    "large_init": "$|w_i|$",
    "small_init": "$-|w_i|$",
    "large_init_large_final": r"$\min(\alpha|w_f|, |w_i|)$",
    "small_init_small_final": r"$-\max(\alpha|w_f|, |w_i|)$",
    "magnitude_increase": "$|w_f| - |w_i|$",
    "movement": "$|w_f - w_i|$",
    "random": "$0$",
    "large_final_same_sign": "$|w_f|$ where the sign stayed",
    "large_final_diff_sign": "$|w_f|$ where the sign changed",
}
KEPT_FRACTION = 0.25  # of the weights of a plane
DOTS = 2_000  # weights drawn as dots
PLANES_A_ROW = 5


def criterion_function(name: str) -> Callable[..., np.ndarray]:
    """Returns a criterion by its name; raises InputError if it needs more than w_i and w_f."""
    return registry.find_function(CRITERIA, name, "mask criterion of a plane", PLANE_ARGUMENTS)


def region(criterion: str, layer: Layer, kept_fraction: float = KEPT_FRACTION) -> np.ndarray:
    """Returns the probability that a weight is kept, for each point of a layer's plane.

    Args:
      criterion: a name in `CRITERIA`, or `package.module:function`.
      layer: the layer whose weights are pruned.
      kept_fraction: the fraction of its weights that is kept, in (0, 1).

    Returns:
      (GRID_POINTS, GRID_POINTS) floats in [0, 1]; rows are the w_f and columns the w_i of `layer.grid`. A point whose
      score equals the threshold has a value between 0 and 1, because ties are broken at random.

    Raises:
      InputError: there is no such criterion, its scores cannot be used, or `kept_fraction` is outside (0, 1).

    >>> probability = region("random", cartoon())
    >>> float(probability.min()), float(probability.max())
    (0.25, 0.25)
    """
    margin, of_ties = _margins(criterion, layer, kept_fraction)
    return np.where(margin == 0, of_ties, margin > 0)


def _margins(criterion: str, layer: Layer, kept_fraction: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns the score minus the threshold of each point, and for each row of points how likely a tie is kept."""
    FRACTION("kept_fraction", kept_fraction)
    score, (grid_i, grid_f) = criterion_function(criterion), layer.grid
    count = max(1, round(kept_fraction * layer.w_i.size))
    margins, of_ties = [], []
    for w_f in grid_f:  # one row at a time, because a few points among many weights hardly change percentiles
        seen_i = np.concatenate([layer.w_i, grid_i])
        seen_f = np.concatenate([layer.w_f, np.full(GRID_POINTS, w_f)])
        scores = ranking.checked_scores(
            registry.call_by_parameter_names(score, w_i=seen_i, w_f=seen_f), seen_i.size
        ).astype(np.float64)
        of_layer, points = np.split(scores, [layer.w_i.size])
        threshold = np.partition(of_layer, -count)[-count]
        of_ties.append((count - (of_layer > threshold).sum()) / (of_layer == threshold).sum())
        margins.append(np.subtract(points, threshold, out=np.zeros(GRID_POINTS), where=points != threshold))
    return np.array(margins), np.array(of_ties)[:, None]


def draw_plane(axes: Axes, criterion: str, layer: Layer) -> None:
    """Draws the regions of a criterion: kept (coloured), pruned (grey), and equal scores (hatched, kept at random)."""
    (margin, _), colour = _margins(criterion, layer, KEPT_FRACTION), styles.criterion_style(criterion).colour
    axes.set_facecolor(styles.PRUNED)
    by_chance = margin == 0
    if by_chance.mean() > 0.005:  # fewer ties are only the line of the threshold
        filled = axes.contourf(*layer.grid, by_chance, levels=[0.5, 1.5], colors="none", hatches=["/////"])
        filled.set(edgecolor=colour, linewidth=0)
    if (margin > 0).any():
        # Infinite scores are bounded, so that the contour is interpolated between finite values.
        steps = np.abs(margin[np.isfinite(margin)])
        bounded = np.clip(margin, -steps.max(), steps.max())
        axes.contourf(*layer.grid, bounded, levels=[1e-9 * steps.max(), np.inf], colors=[colour], alpha=0.75)
    draw_weights(axes, layer)
    plane_axes(axes, layer)


def draw_weights(axes: Axes, layer: Layer) -> None:
    """Draws the weights of a trained layer as dots, those of the cartoons as an ellipse."""
    if layer.title:
        dots = {"marker": ".", "markersize": 1.2, "markeredgewidth": 0, "linestyle": "", "rasterized": True}
        axes.plot(layer.w_i[:DOTS], layer.w_f[:DOTS], color=styles.INK, alpha=0.6, **dots)
        return
    # The eigenvectors of a 2x2 correlation matrix are the diagonals. The ellipse is at two standard deviations.
    axes.add_patch(
        Ellipse(
            (0, 0),
            4 * np.sqrt(1 + CORRELATION),
            4 * np.sqrt(1 - CORRELATION),
            angle=45,
            fill=False,
            edgecolor=styles.INK,
            linewidth=0.9,
        )
    )


def plane_axes(axes: Axes, layer: Layer) -> None:
    """Sets limits, labels and ticks of the axes for a layer's plane."""
    axes.axhline(0, color=styles.INK, linewidth=0.4)
    axes.axvline(0, color=styles.INK, linewidth=0.4)
    (right, top), _ = layer.limits, axes.set_box_aspect(1)
    axes.set(xlim=(-right, right), ylim=(-top, top))
    axes.set_xlabel("$w_i$", labelpad=1)
    axes.set_ylabel("$w_f$", labelpad=1)
    axes.tick_params(length=2, pad=1.5, labelsize=6.5)
    if not layer.title:  # a cartoon's axes have no unit
        axes.set(xticks=[], yticks=[])
        return
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(2, symmetric=True))


def figure1() -> Figure:
    """Draws Figure 1: large_final keeps the weights beyond two horizontal lines, whatever their initial value was."""
    figure, layer = drawing.blank(4.6, 3.9), cartoon()
    axes = figure.subplots()
    draw_plane(axes, "large_final", layer)
    axes.set_xlabel("initial weight $w_i$", labelpad=4)
    axes.set_ylabel("final weight $w_f$", labelpad=4)
    for height, text in ((0.94, "mask = 1: kept"), (0.65, "mask = 0: pruned"), (0.06, "mask = 1: kept")):
        axes.text(0.03, height, text, transform=axes.transAxes, va="center", fontweight="bold")
    axes.set_title(f"large_final, {100 * KEPT_FRACTION:g}% of the weights kept")
    return drawing.fix_layout(figure)


def figure2(layer: Layer | None = None, further: Sequence[str] = ()) -> Figure:
    """Draws Figure 2: the region that each criterion keeps, for the cartoon layer and for a trained layer if given.

    Args:
      layer: a trained layer, or None.
      further: criteria to draw after the paper's, by name or as `package.module:function`.
    """
    criteria = list(dict.fromkeys((*paper.PAPER_CRITERIA, *further)))
    layers = [cartoon(), *([layer] if layer else [])]
    rows = -(-len(criteria) // PLANES_A_ROW)
    figure = drawing.blank(11, (2.55 * rows + 0.3) * len(layers))
    parts = np.atleast_1d(figure.subfigures(len(layers), 1))
    share = f"{100 * KEPT_FRACTION:g}% of the weights kept"
    for part, drawn in zip(parts, layers, strict=True):
        part.suptitle(
            f"Weights of {drawing.as_text(drawn.title)}, {share}" if drawn.title else f"Cartoon, {share}", fontsize=9.5
        )
        every = part.subplots(rows, PLANES_A_ROW, squeeze=False).ravel()
        for axes, criterion in zip(every, criteria, strict=False):
            draw_plane(axes, criterion, drawn)
            axes.set_title("\n".join(filter(None, (_short(criterion), FORMULAS.get(criterion)))))
        for axes in every[len(criteria) :]:
            axes.set_axis_off()
        _add_legend(every, len(criteria))
    return drawing.fix_layout(figure)


def _short(criterion: str) -> str:
    """Returns a criterion's name; for a user's function, the last part of its module's name and its own name."""
    module, _, function = criterion.rpartition(":")
    return f"{module.rpartition('.')[2]}:{function}" if module else function


def _add_legend(every: np.ndarray, used: int) -> None:
    """Adds the legend of the colours: in the free panel after the last plane, or below if no panel is free."""
    patches = [
        Patch(facecolor=styles.COLOURS["blue"][0], alpha=0.75, label="kept"),
        Patch(facecolor=styles.PRUNED, label="pruned"),
        Patch(facecolor=styles.PRUNED, hatch="/////", edgecolor=styles.COLOURS["grey"][0], label="tie: kept at random"),
    ]
    if used < len(every):
        every[used].legend(handles=patches, loc="center", frameon=False)
    else:
        every[0].figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), frameon=False)


def draw_pair(part: Figure, criteria: Sequence[str]) -> None:
    """Draws the planes of some criteria for the cartoon layer, side by side, into a part of a figure."""
    for axes, criterion in zip(np.atleast_1d(part.subplots(1, len(criteria))), criteria, strict=True):
        draw_plane(axes, criterion, cartoon())
        axes.set_title(f"{criterion}\n{FORMULAS[criterion]}")
