"""Lists all figures by name, and defines the inputs that they are drawn from.

To add a figure, write a function from `FigureInputs` to a matplotlib figure, name it in `FIGURES`, write a caption in
`analysis.report.captions`, and say in `analysis.report.figure_sources` where its results come from. To show it in the
report, name it in a section of `analysis.report.sections`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from analysis.figures import (
    connectivity,
    curves,
    drawing,
    flatness,
    learning_curves,
    lottery_tickets,
    plane_layers,
    planes,
    selectivity,
    supermasks,
)
from analysis.results import load
from analysis.statistics.stars import PAPER_RULE, StarRule
from lottery_tf.registry import choose
from lottery_tf.studies import paper


@dataclasses.dataclass(frozen=True)
class FigureInputs:
    """The inputs of all figures.

    Attributes:
      results: all results.
      layer: a trained layer for the planes; None if no dense network kept its weights.
      layer_name: the name of that layer, if the user chose it.
      criteria: mask criteria that Figure 2 shows besides the paper's.
      rule: when a star is drawn.
    """

    results: load.Results
    layer: plane_layers.Layer | None = None
    layer_name: str | None = None
    criteria: tuple[str, ...] = ()
    rule: StarRule = PAPER_RULE


class DrawableFigure(NamedTuple):
    """A figure that can be drawn.

    Attributes:
      title: what it shows.
      draw: a function from the inputs to the figure; raises NothingToDraw if the results for it are missing.
    """

    title: str
    draw: Callable[[FigureInputs], Figure]


def _from_results(title: str, draw: Callable[[load.Results], Figure]) -> DrawableFigure:
    return DrawableFigure(title, lambda given: draw(given.results))


def _lines(figure: paper.Figure) -> DrawableFigure:
    return DrawableFigure(figure.title, lambda given: curves.figure_of_lines(given.results, figure, given.rule))


FIGURES: dict[str, DrawableFigure] = {
    "figure1": DrawableFigure("A mask criterion as regions of the plane", lambda given: planes.figure1()),
    "figure2": DrawableFigure("Mask criteria", lambda given: planes.figure2(given.layer, given.criteria)),
    "figure3": _lines(paper.FIGURE_LINES["figure3"]),
    "figure4": _lines(paper.FIGURE_LINES["figure4"]),
    "figure5": _lines(paper.FIGURE_LINES["figure5"]),
    "figure6": DrawableFigure("Masks of untrained networks", lambda given: supermasks.figure6(given.results)),
    "figure7": DrawableFigure("Supermasks", lambda given: supermasks.figure7(given.results)),
    "mask_learning": _from_results("Learned Supermasks against iterations", learning_curves.mask_learning),
    "figureS1": DrawableFigure("Motion selectivity of large_final", lambda given: selectivity.figure_s1(given.layer)),
    "supplement": _lines(paper.FIGURE_LINES["supplement"]),
    "others": DrawableFigure(
        "Treatments that are in no figure of the paper",
        lambda given: curves.figure_of_lines(given.results, curves.other_treatments(given.results), given.rule),
    ),
    "lottery": _from_results("Winning tickets and their controls", lottery_tickets.lottery),
    "barriers": _from_results("Error barriers between successive levels", connectivity.barriers),
    "error_lines": _from_results("Error along the lines between successive levels", connectivity.error_lines),
    "robustness": _from_results("Training from perturbed rewind points", connectivity.robustness),
    "flatness": _from_results("Eigenvalues, trace and curvature", flatness.flatness),
    "spectral_density": _from_results("Spectral density", flatness.spectral_density),
    "limits": _from_results("How much can be pruned at once", flatness.limits),
    "magnitudes": _from_results("Magnitudes before and after retraining", flatness.magnitudes),
}


def full_name(name: str) -> str:
    """Returns the key of `FIGURES` for a name that may be short: "3" stands for "figure3".

    Raises:
      InputError: there is no such figure.

    >>> full_name("3"), full_name("figureS1"), full_name("supplement")
    ('figure3', 'figureS1', 'supplement')
    """
    full = name if name in FIGURES else f"figure{name}"
    choose(FIGURES, full if full in FIGURES else name, "figure")
    return full


def paper_label(name: str) -> str:
    """Returns a figure's number or section in the paper; "" if the paper does not have it.

    >>> paper_label("figure3"), paper_label("supplement"), paper_label("lottery")
    ('Figure 3', 'Section S2', '')
    """
    number = name.removeprefix("figure")
    return f"Figure {number}" if number != name else {"supplement": "Section S2"}.get(name, "")


def figure_inputs(
    root: str | Path,
    layer: str | None = None,
    criteria: tuple[str, ...] = (),
    rule: StarRule = PAPER_RULE,
    **chosen: Collection[str],
) -> FigureInputs:
    """Reads the inputs of all figures.

    Args:
      root: a results folder, or a folder of exported CSV files (which hold no weights).
      layer: the layer whose weights the planes show; None takes the largest.
      criteria: mask criteria that Figure 2 shows besides the paper's, by name or as `package.module:function`.
      rule: when a star is drawn.
      **chosen: the networks (`network`), schedules and precisions to show; see `Results.only`.

    Raises:
      InputError: the folder, the layer, a criterion or a chosen value does not exist.
    """
    for criterion in criteria:
        planes.criterion_function(criterion)
    results = load.load(root).only(**chosen)
    return FigureInputs(results, plane_layers.trained_layer(root, layer, **chosen), layer, criteria, rule)


def draw(name: str, given: FigureInputs) -> Figure:
    """Draws a figure, a key of `FIGURES`, in the project's look; raises NothingToDraw if its results are missing."""
    with drawing.look():
        return choose(FIGURES, name, "figure").draw(given)
