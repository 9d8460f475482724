"""What stands below each figure of the report: sentences, each of which is there where it is true of what is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from analysis.figures.catalogue import FigureInputs
from analysis.results import lottery_lines
from lottery_tf.studies import paper


class Sentence(NamedTuple):
    """A sentence of a caption, and where it is true."""

    text: str
    where: Callable[[FigureInputs], bool]


def caption(name: str, given: FigureInputs) -> str:
    """The caption of a figure that is drawn from some results.

    >>> Sentence("Dots are seeds.", lambda given: False) in CAPTIONS["figure6"]
    False
    """
    sentences = (each if isinstance(each, Sentence) else Sentence(each, lambda given: True) for each in CAPTIONS[name])
    return " ".join(each.text for each in sentences if each.where(given))


def _rows(*frames: str) -> Callable[[FigureInputs], bool]:
    """Whether any of the frames of `load.Results` has rows."""
    return lambda given: any(len(getattr(given.results, frame)) for frame in frames)


def _many_seeds(given: FigureInputs, *frames: str) -> bool:
    rows = [getattr(given.results, frame) for frame in frames]
    return pd.concat([frame["seed"] for frame in rows]).nunique() > 1


def _seeds(*frames: str, bands: str = "bands reach from the least to the greatest") -> tuple[Sentence, Sentence]:
    """What lines and bands are: means over seeds, or one seed's runs."""
    return (
        Sentence(f"Lines are means over seeds, {bands}.", lambda given: _many_seeds(given, *frames)),
        Sentence("Lines are of a single seed.", lambda given: not _many_seeds(given, *frames)),
    )


def _treatment(*lines: tuple[str, str]) -> Callable[[FigureInputs], bool]:
    """Whether any of these lines of the paper's figures, (figure, line), is there."""
    names = {paper.FIGURES[figure].lines[line].name for figure, line in lines}
    return lambda given: bool(names & {*given.results.levels["treatment"]})


def _lottery(line: str) -> Callable[[FigureInputs], bool]:
    """Whether a line of the figure of winning tickets is there for any network."""
    keys = lottery_lines.trained_panels
    return lambda given: any(line not in lottery_lines.missing(given.results, key) for key in keys(given.results))


SIGNED = [("figure4", line) for line in paper.FIGURES["figure4"].lines if line.endswith("init sign")]
UNSIGNED = [("figure4", line) for line in paper.MASK1_VARIANTS]
LINES = (
    *_seeds("levels", bands="bands, where there are any, reach from the least to the greatest run"),
    "The horizontal line is the dense network.",
)
CAPTIONS: dict[str, tuple[str | Sentence, ...]] = {
    "figure1": (
        (
            "A mask criterion cuts the plane of initial and final weights in two. large_final keeps the weights that "
            "end far from zero, wherever they began. The ellipse is where the weights of a layer lie, in cartoon form."
        ),
    ),
    "figure2": (
        (
            "The regions that the criteria keep, found by asking the criteria themselves. Where all scores are equal, "
            "chance decides."
        ),
        Sentence(
            "Below, the same regions for a layer of a trained network, whose weights are the dots.",
            lambda given: given.layer is not None,
        ),
    ),
    "figure3": ("Mask criteria.", *LINES),
    "figure4": (
        "Mask-1 actions: what kept weights start from.",
        Sentence("Dashed lines forget the signs of the initial weights.", _treatment(*UNSIGNED)),
        Sentence("Solid lines keep the signs of the initial weights.", _treatment(*SIGNED)),
        *LINES,
    ),
    "figure5": (
        "Mask-0 actions: where pruned weights are frozen.",
        Sentence(
            "hybrid freezes weights that shrank in training at zero and the others at their initial values.",
            _treatment(("figure5", "hybrid")),
        ),
        *LINES,
    ),
    "supplement": (
        "Further mask-0 actions and their controls.",
        Sentence(
            "hybrid_all treats all weights as hybrid treats the pruned ones.", _treatment(("supplement", "hybrid_all"))
        ),
        Sentence(
            "hybrid_random freezes as many at zero, at random places.", _treatment(("supplement", "hybrid_random"))
        ),
        Sentence("hybrid_reverse turns the rule around.", _treatment(("supplement", "hybrid_reverse"))),
        *LINES,
    ),
    "others": (
        (
            "Treatments that are in no figure of the paper, a user's own among them, each under its name: mask "
            "criterion, mask-1 action, mask-0 action."
        ),
        *LINES,
    ),
    "figureS1": (
        (
            "Why masking is like training. Near the threshold, the mask of large_final sets weights that grew in "
            "training to their initial value and weights that shrank to zero: it moves them the way they were going."
        ),
    ),
    "figure6": (
        (
            "Untrained networks: without a mask they guess; under masks that a training left behind they do not. Kept "
            "percentages are chosen on validation images."
        ),
        Sentence("Bars are means over seeds, dots are seeds.", lambda given: _many_seeds(given, "best_supermasks")),
        "Right: the two criteria that look at signs.",
    ),
    "figure7": (
        "Supermasks: masks over weights that were never trained.",
        Sentence("Lines are heuristic masks.", _rows("supermasks")),
        Sentence("Triangles are learned masks, at the share of weights that they keep.", _rows("learned_masks")),
        Sentence(
            "Lines and points are means over seeds, bands and bars reach from the least to the greatest.",
            lambda given: _many_seeds(given, "supermasks", "learned_masks"),
        ),
    ),
    "mask_learning": (
        (
            "Validation accuracy while Supermasks are learned, a mask sampled anew for each reading, of the settings "
            "of each kind that got furthest."
        ),
        *_seeds("mask_histories"),
        "A line that still rises at its end was cut off there. Linear up to 100 iterations, logarithmic beyond.",
    ),
    "lottery": (
        "Winning tickets and what they are compared with.",
        Sentence("One-shot tickets are pruned in a single round.", _lottery(lottery_lines.ONE_SHOT)),
        Sentence(
            "A fine-tuned network goes on from level to level: at level n its weights have trained n + 1 times as "
            "long as any other's, and its early stop is counted from the beginning of its last round.",
            _lottery(lottery_lines.FINE_TUNED),
        ),
        Sentence("Reinitialized tickets have their weights drawn anew.", _lottery(lottery_lines.REINIT)),
        Sentence("Random tickets have as many weights at random places.", _lottery(lottery_lines.RANDOM)),
        *_seeds(
            "levels", "controls", bands="of each seed's mean over draws, bands reach from the least to the greatest run"
        ),
        "The horizontal line is the dense network.",
    ),
    "barriers": (
        (
            "The barrier of the test error on the line from each level to the next: the greatest error on it less the "
            "mean of its ends'. Below two points the levels are joined. Filled markers: both levels are within 0.2 "
            "points of the dense network's error. A barrier is at least half the difference of its ends' errors, the "
            "thin line: where the two meet, nothing on the way stands above the ends."
        ),
        *_seeds("lines"),
        "Linear below one point, logarithmic above it.",
    ),
    "error_lines": (
        (
            "The test error along some of these lines, from the sparser level (0) to the one before it (1). Each "
            "panel has a scale of its own."
        ),
        Sentence("Lines are means over seeds.", lambda given: _many_seeds(given, "lines")),
    ),
    "robustness": (
        (
            "Rewind points moved in a random direction, by multiples of the distance that the next mask moves them, "
            "and trained again: the barrier from their end to the unperturbed end, and to that of the level before. "
            "Filled markers: the perturbed end is within 0.2 points of the dense network's error."
        ),
    ),
    "flatness": (
        "The Hessian of the training loss in the weights that survive, at the end of training.",
        Sentence(
            "Right: the curvature along what the next round of pruning moves, each direction taken with length one.",
            _rows("rays"),
        ),
        *_seeds("spectra"),
    ),
    "spectral_density": (
        (
            "Left: the density of the Hessian's eigenvalues, spread by a hundredth of their range, down to a tenth of "
            "a single eigenvalue; bumps at the right are a few eigenvalues each. Right, without spreading: about how "
            "many eigenvalues are as great as each value, or greater. Both are estimated from random vectors."
        ),
        Sentence("Means over seeds.", lambda given: _many_seeds(given, "spectra")),
    ),
    "limits": (
        (
            "The largest share of the surviving weights that can go at once and leave the network matching the dense "
            "one: found by search, and predicted from the Hessian and the length of the projection. Right: predicted "
            "against found, a point a level and seed; on the dotted line they agree. The subspace that meets the bowl "
            "predicts what retraining makes good, the other predictions what is found without it."
        ),
    ),
    "magnitudes": (
        (
            "The share of the surviving weights that the next round's threshold takes, in the weights before the "
            "level was retrained and after."
        ),
        Sentence(
            "Middle and right: magnitudes of the largest layer, before and after, at two levels of one seed.",
            _rows("histograms"),
        ),
    ),
}
