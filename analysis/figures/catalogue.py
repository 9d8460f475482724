"""All figures by name, and what they are drawn from.

Add a figure by a function from `FigureInputs` to a matplotlib figure, its name in `FIGURES`, a caption in
`analysis.report.captions` and, to show it in the report, its name in a section of `analysis.report.sections`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from absl import flags
from matplotlib.figure import Figure

from analysis.common_flags import define_results_dir
from analysis.figures import (
    connectivity,
    curves,
    drawing,
    flatness,
    learning_curves,
    lottery_tickets,
    planes,
    selectivity,
    supermasks,
)
from analysis.results import load
from analysis.statistics.star_flags import define_star_flags, rule_from_flags
from analysis.statistics.stars import PAPER_RULE, StarRule
from lottery_tf.registry import choose
from lottery_tf.studies import paper


@dataclasses.dataclass(frozen=True)
class FigureInputs:
    """What figures are drawn from.

    Attributes:
      results: all results.
      layer: a trained layer for the planes; None where no dense network kept its weights.
      layer_name: the name of that layer, where it was asked for by name.
      criteria: mask criteria drawn in Figure 2 besides the paper's.
      rule: what a star takes.
    """

    results: load.Results
    layer: planes.Layer | None = None
    layer_name: str | None = None
    criteria: tuple[str, ...] = ()
    rule: StarRule = PAPER_RULE


class DrawableFigure(NamedTuple):
    """A figure that can be drawn.

    Attributes:
      title: what it shows.
      draw: from the inputs to the figure; raises NothingToDraw where the results have nothing of it.
    """

    title: str
    draw: Callable[[FigureInputs], Figure]


def _of_results(title: str, draw: Callable[[load.Results], Figure]) -> DrawableFigure:
    return DrawableFigure(title, lambda given: draw(given.results))


def _lines(figure: paper.Figure) -> DrawableFigure:
    return DrawableFigure(figure.title, lambda given: curves.figure_of_lines(given.results, figure, given.rule))


FIGURES: dict[str, DrawableFigure] = {
    "figure1": DrawableFigure("A mask criterion as regions of the plane", lambda given: planes.figure1()),
    "figure2": DrawableFigure("Mask criteria", lambda given: planes.figure2(given.layer, given.criteria)),
    "figure3": _lines(paper.FIGURES["figure3"]),
    "figure4": _lines(paper.FIGURES["figure4"]),
    "figure5": _lines(paper.FIGURES["figure5"]),
    "figure6": DrawableFigure("Masks of untrained networks", lambda given: supermasks.figure6(given.results)),
    "figure7": DrawableFigure("Supermasks", lambda given: supermasks.figure7(given.results)),
    "mask_learning": _of_results("Learned Supermasks against iterations", learning_curves.mask_learning),
    "figureS1": DrawableFigure("Motion selectivity of large_final", lambda given: selectivity.figure_s1(given.layer)),
    "supplement": _lines(paper.FIGURES["supplement"]),
    "others": DrawableFigure(
        "Treatments that are in no figure of the paper",
        lambda given: curves.figure_of_lines(given.results, curves.other_treatments(given.results), given.rule),
    ),
    "lottery": _of_results("Winning tickets and their controls", lottery_tickets.lottery),
    "barriers": _of_results("Error barriers between successive levels", connectivity.barriers),
    "error_lines": _of_results("Error along the lines between successive levels", connectivity.error_lines),
    "robustness": _of_results("Perturbed rewind points, trained again", connectivity.robustness),
    "flatness": _of_results("Eigenvalues, trace and curvature", flatness.flatness),
    "spectral_density": _of_results("Spectral density", flatness.spectral_density),
    "limits": _of_results("How much can be pruned at once", flatness.limits),
    "magnitudes": _of_results("Magnitudes before and after retraining", flatness.magnitudes),
}


def named(name: str) -> str:
    """The key of `FIGURES` that is meant: "3" is short for "figure3".

    Raises:
      InputError: there is no such figure.

    >>> named("3"), named("figureS1"), named("supplement")
    ('figure3', 'figureS1', 'supplement')
    """
    full = name if name in FIGURES else f"figure{name}"
    choose(FIGURES, full if full in FIGURES else name, "figure")
    return full


def place_in_paper(name: str) -> str:
    """Where the paper has a figure, "" where it has not.

    >>> place_in_paper("figure3"), place_in_paper("supplement"), place_in_paper("lottery")
    ('Figure 3', 'Section S2', '')
    """
    number = name.removeprefix("figure")
    return f"Figure {number}" if number != name else {"supplement": "Section S2"}.get(name, "")


def figure_inputs(
    root: str | Path, layer: str | None = None, criteria: tuple[str, ...] = (), rule: StarRule = PAPER_RULE
) -> FigureInputs:
    """Reads what figures are drawn from.

    Args:
      root: a results folder, or a folder of exported CSV files (which hold no weights).
      layer: the layer whose weights the planes show; None takes the largest.
      criteria: mask criteria drawn in Figure 2 besides the paper's, by name or as `package.module:function`.
      rule: what a star takes.

    Raises:
      InputError: a folder, a layer or a criterion that is not there.
    """
    for criterion in criteria:
        planes.criterion_function(criterion)
    return FigureInputs(load.load(root), planes.trained_layer(root, layer), layer, criteria, rule)


def draw(name: str, given: FigureInputs) -> Figure:
    """Draws a figure, a key of `FIGURES`, in the look of the project; raises NothingToDraw where there is none."""
    with drawing.look():
        return choose(FIGURES, name, "figure").draw(given)


def define_figure_input_flags() -> None:
    """Defines the flags that say what figures are drawn from, for the commands that draw them."""
    define_results_dir()
    define_star_flags()
    flags.DEFINE_list("criterion", [], "Further mask criteria of figure2; one of your own is package.module:function.")
    flags.DEFINE_string("layer", None, "Whose weights the planes show, such as conv_1/kernel. Default: the largest.")


def figure_inputs_from_flags() -> dict:
    """The arguments of `figure_inputs` besides the folder."""
    rule = rule_from_flags()
    return {"layer": flags.FLAGS.layer, "criteria": tuple(flags.FLAGS.criterion), "rule": rule}
