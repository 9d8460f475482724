"""Figures of results, drawn with matplotlib without a screen."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analysis.summary import MEASURES, over_seeds


def accuracy_against_kept(rows: pd.DataFrame, path: Path) -> Path:
    """Draws early-stopping iteration and test accuracy against the kept percentage, in the manner of Figure 3.

    Args:
      rows: `summary.chosen`.
      path: the picture to write; its ending says the format.

    Returns:
      The path. Lines are means over seeds, bands the least and greatest values.
    """
    figure = Figure(figsize=(12, 4.8), layout="constrained")
    for axes, (measure, label) in zip(figure.subplots(1, len(MEASURES)), MEASURES.items(), strict=True):
        lines = over_seeds(rows, measure)
        for treatment in rows["treatment"].unique():
            line = lines[lines.treatment == treatment]
            kept = 100 * line.kept_fraction
            (drawn,) = axes.plot(kept, line["mean"], marker="o", markersize=3, label=treatment)
            axes.fill_between(kept, line["min"], line["max"], color=drawn.get_color(), alpha=0.15, linewidth=0)
        axes.set_xscale("log")
        axes.invert_xaxis()
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter("")
        axes.set_xlabel("weights kept, %")
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, dpi=130)
    return path
