"""Draws how flat the loss is around a level and what that means for pruning: eigenvalues, limits, magnitudes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from analysis.claims.paul2023 import AT_RANDOM, BY_MAGNITUDE, PRUNING_IN_WORDS
from analysis.figures import drawing, styles
from analysis.figures import landscape_panels as panels
from analysis.figures.curves import line_handle
from analysis.results import load, select
from analysis.results.select import single
from lottery_tf.landscape.measurements.row_names import FOUND, FOUND_RETRAINED, ISOTROPIC, METHODS, QUADRATIC, SUBSPACE
from lottery_tf.landscape.retraining import WHOLE_NETWORK

BINNED = 2  # histograms in a row of panels


def flatness(results: load.Results) -> Figure:
    """Draws the Hessian's largest eigenvalue and trace at the end of training, and the curvature along pruning.

    Returns:
      The figure. Lines are means over seeds, bands span the lowest to the highest seed. The curvature is that of one
      treatment along three directions: along pruning the next round by magnitude, along pruning it at random, and
      along a random direction.

    Raises:
      NothingToDraw: no spectrum was measured.
    """
    rays = results.rays

    def draw(axes: Sequence[Axes], rows: pd.DataFrame) -> Iterable[Line2D]:
        line_styles = panels.styles_of(rows)
        for index, (column, title) in enumerate(SPECTRAL.items()):
            for treatment in panels.ordered_treatments(rows):
                treatment_rows = rows[rows["treatment"] == treatment]
                panels.draw_band(axes[index], treatment_rows, "kept_fraction", column, line_styles[treatment])
            axes[index].set_ylabel(title)
        ends = select.panel(rays, select.Panel(*rows.iloc[0][list(select.PANEL)]))
        ends = ends[ends["position"] == 1]
        ends = ends[ends["treatment"] == panels.main_treatment(ends)] if len(ends) else ends
        for direction, style in styles.PRUNED_BY.items():
            panels.draw_band(axes[2], ends[ends["direction"] == direction], "kept_fraction", "curvature", style)
        axes[2].set_ylabel("curvature along the next pruning" + (f"\n({panels.rewound(ends)})" if len(ends) else ""))
        for part in axes:
            drawing.kept_axis(part, 100 * rows["kept_fraction"].min())
            _log_axis(part)
        named = [
            line_handle(panels.rewound(rows[rows["treatment"] == treatment]), line_styles[treatment])
            for treatment in panels.ordered_treatments(rows)
        ]
        return [*named, *(line_handle(f"right: {DIRECTIONS[name]}", style) for name, style in styles.PRUNED_BY.items())]

    return panels.page(single(results.spectra), "no spectrum of the Hessian", draw, 3)


SPECTRAL = {"top_eigenvalue": "largest eigenvalue of the Hessian", "trace": "trace of the Hessian"}
DIRECTIONS = {
    BY_MAGNITUDE: "small weights to zero", AT_RANDOM: "random weights to zero", "random direction": "random direction"
}  # fmt: skip


def spectral_density(results: load.Results) -> Figure:
    """Draws the Hessian's spectral density, and the number of eigenvalues above each value, for levels of a treatment.

    The density is smoothed by a hundredth of the whole range, and cut at a tenth of the peak of a single eigenvalue.
    The counts are not smoothed. They are cut below one, where they are noise of the estimate.

    Raises:
      NothingToDraw: no spectrum was measured.
    """
    return panels.page(
        results.spectra[results.spectra["found_by"] == "lanczos"], "no spectrum of the Hessian", _draw_density, 2
    )


def _draw_density(pair: Sequence[Axes], rows: pd.DataFrame) -> Iterable[Line2D]:
    """Draws the density of eigenvalues, and how many are at least as large; returns the handles of the legend."""
    treatment = panels.main_treatment(rows)
    rows = rows[rows["treatment"] == treatment]
    low, high = rows["eigenvalue"].min(), rows["eigenvalue"].max()
    width = (high - low) / 100 or 1.0
    grid = np.linspace(low - 3 * width, high + 3 * width, 800)
    handles = []
    for level, style in zip(panels.spread(rows["level"], panels.LEVELS_SHOWN), styles.SEQUENCE, strict=False):
        of_level = rows[rows["level"] == level].sort_values("eigenvalue")
        nodes, shares = of_level["eigenvalue"].to_numpy(), of_level["weight"].to_numpy() / of_level["seed"].nunique()
        bumps = np.exp(-(((grid[:, None] - nodes) / width) ** 2) / 2) * one(width)
        style = dataclasses.replace(style, marker="", dash=DASHES[len(handles)])
        density, size = bumps @ shares, of_level["size"].mean()
        pair[0].plot(grid, np.where(density > LEAST_DENSITY, density, np.nan), **style.plot)
        above = size * shares[::-1].cumsum()[::-1]
        pair[1].step(nodes[nodes > 0], above[nodes > 0], where="pre", **style.plot)
        handles.append(line_handle(f"level {level}, {panels.kept(of_level)} kept", style))
    for axes, least in zip(pair, (one(width) / rows["size"].max() / 10, 0.5), strict=True):
        axes.set_yscale("log")
        axes.set_ylim(bottom=least)
    pair[1].set_xscale("log")
    for axes, label in zip(pair, ("density of eigenvalues", "number of eigenvalues at least as large"), strict=True):
        axes.set_xlabel(f"eigenvalue of the Hessian ({panels.rewound(rows)})")
        axes.set_ylabel(label)
        axes.grid(True)
    return handles


def one(width: float) -> float:
    """Returns the peak of the density of a single eigenvalue, smoothed by a width."""
    return 1 / (width * np.sqrt(2 * np.pi))


LEAST_DENSITY = 1e-9  # smaller densities are not drawn
DASHES = (styles.SOLID, styles.DASHED, styles.DASHDOT, styles.DOTTED)


def limits(results: load.Results) -> Figure:
    """Draws the largest share that can be pruned at once: predicted and found by level, and one against the other.

    Returns:
      The figure. Left is pruning by magnitude, in the middle at random. Right, each prediction is drawn against the
      share that it predicts (found without or after retraining), one point for each level and seed. Points are filled
      if pruning is by magnitude.

    Raises:
      NothingToDraw: no limit was measured.
    """
    return panels.page(results.limits, "no limit of pruning at once", _draw_limits, 3)


def _draw_limits(axes_of_row: Sequence[Axes], rows: pd.DataFrame) -> Iterable[Line2D]:
    """Draws the limits by level, and predicted against found ones; returns the handles of the legend."""
    rows = rows[rows["treatment"] == panels.main_treatment(rows)]
    for axes, pruned_by in zip(axes_of_row, PRUNING_IN_WORDS, strict=False):
        shares = rows[rows["pruned_by"] == pruned_by]
        for method, style in styles.LIMIT_STYLES.items():
            panels.draw_band(axes, shares[shares["method"] == method], "kept_fraction", "pruned_fraction", style, 100)
        drawing.kept_axis(axes, 100 * rows["kept_fraction"].min())
        axes.set_ylim(-3, 103)
        axes.set_ylabel(f"prunable share, %\n({PRUNING_IN_WORDS[pruned_by]})")
        axes.set_xlabel(f"weights kept, %\n({panels.rewound(rows)})")
    right = axes_of_row[len(PRUNING_IN_WORDS)]
    right.plot([0, 100], [0, 100], color=styles.INK, linewidth=0.7, linestyle=styles.DOTTED)
    wide = 100 * rows.pivot(index=["pruned_by", "seed", "level"], columns="method", values="pruned_fraction")
    for pruned_by, shares in wide.groupby(level="pruned_by"):
        for method, target in PREDICTS.items():
            style = styles.LIMIT_STYLES[method]
            face = style.colour if pruned_by == BY_MAGNITUDE else styles.GROUND[0]
            if {method, target} <= {*shares}:
                right.plot(shares[target], shares[method], **style.plot | {"linestyle": "", "markerfacecolor": face})
    right.set_xlabel(f"found, % (upright triangles: after retraining)\n(filled: {PRUNING_IN_WORDS[BY_MAGNITUDE]})")
    right.set_ylabel("predicted, %")
    right.set_xlim(-3, 103)
    right.set_ylim(-3, 103)
    right.grid(True)
    right.set_axisbelow(True)
    methods = set(rows["method"])
    return [line_handle(METHOD_LABELS[name], style) for name, style in styles.LIMIT_STYLES.items() if name in methods]


PREDICTS = {QUADRATIC: FOUND, ISOTROPIC: FOUND, SUBSPACE: FOUND_RETRAINED}
METHOD_LABELS = {
    **{method: f"predicted: {method}" if method in PREDICTS else method for method in METHODS},
    FOUND: "found without retraining",
}


def magnitudes(results: load.Results) -> Figure:
    """Draws what retraining does to magnitudes: shares below the next threshold, and histograms of one layer.

    Raises:
      NothingToDraw: no shares were measured.
    """
    histograms = results.histograms
    whole = results.thresholds[results.thresholds["layer"] == WHOLE_NETWORK]

    def draw(axes: Sequence[Axes], rows: pd.DataFrame) -> Iterable[Line2D]:
        rows = rows[rows["treatment"] == panels.main_treatment(rows)]
        for when, style in styles.RETRAINING.items():
            panels.draw_band(axes[0], rows, "kept_fraction", f"share_{when}", style, 100)
        drawing.kept_axis(axes[0], 100 * rows["kept_fraction"].min())
        axes[0].set_ylim(0)
        axes[0].set_ylabel("at or below the next threshold,\n% of the kept weights")
        axes[0].set_xlabel(f"weights kept, %\n({panels.rewound(rows)})")
        bins = select.panel(histograms, select.Panel(*rows.iloc[0][list(select.PANEL)]))
        bins = bins[(bins["treatment"] == panels.main_treatment(rows)) & (bins["seed"] == bins["seed"].min())]
        if len(bins):
            _draw_histograms(axes[1:], bins[bins["layer"] == bins.groupby("layer")["after"].sum().idxmax()])
        return [line_handle(f"{when} retraining", style) for when, style in styles.RETRAINING.items()]

    return panels.page(whole, "no measurement of magnitudes before and after retraining", draw, 1 + BINNED)


def _draw_histograms(axes_of_row: Sequence[Axes], rows: pd.DataFrame) -> None:
    """Draws the magnitudes of one layer before and after retraining, at some levels."""
    for axes, level in zip(axes_of_row, panels.spread(rows["level"], BINNED), strict=False):
        of_level = rows[rows["level"] == level].sort_values("bin_from")
        edges = [*of_level["bin_from"], of_level["bin_to"].iloc[-1]]
        for when, style in styles.RETRAINING.items():
            share = 100 * of_level[when] / of_level[when].sum()
            axes.stairs(share, edges, color=style.colour, linestyle=style.dash, linewidth=1.2)
        axes.set_xlim(0, edges[-1])
        axes.set_ylim(0)
        axes.set_ylabel("kept weights per bin, %")
        layer, seed = drawing.as_text(of_level["layer"].iloc[0]), of_level["seed"].iloc[0]
        axes.set_xlabel(f"magnitude in {layer}\nlevel {level}, {panels.kept(of_level)} kept, seed {seed}")
        axes.grid(True)


def _log_axis(axes: Axes) -> None:
    """Makes the y axis logarithmic, and linear around zero if a value is not positive."""
    values = np.concatenate([line.get_ydata() for line in axes.lines] or [np.ones(1)])
    above = values[values > 0]
    if 0 < len(above) == len(values):
        axes.set_yscale("log")
        subs = (1, 2, 5) if above.max() > 10 * above.min() else (1, 1.5, 2, 3, 5, 7)
        axes.yaxis.set_major_locator(LogLocator(subs=subs))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(panels.plain))
    elif len(above):
        axes.set_yscale("symlog", linthresh=10 ** np.floor(np.log10(np.median(above))))
