"""The captions of the report's figures. A sentence about a part of a figure is printed only if that part is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from analysis.figures.catalogue import FigureInputs
from analysis.results import lottery_lines
from lottery_tf.studies import paper


class Sentence(NamedTuple):
    """A sentence of a caption, and a function that says whether it is true of what is drawn."""

    text: str
    where: Callable[[FigureInputs], bool]


def caption(name: str, given: FigureInputs) -> str:
    """Returns the caption of a figure for the results that it is drawn from.

    >>> Sentence("Dots are seeds.", lambda given: False) in CAPTIONS["figure6"]
    False
    """
    parts = (part if isinstance(part, Sentence) else Sentence(part, lambda given: True) for part in CAPTIONS[name])
    return " ".join(part.text for part in parts if part.where(given))


def _rows(*frames: str) -> Callable[[FigureInputs], bool]:
    """Returns a test: whether any of these frames of `load.Results` has rows."""
    return lambda given: any(len(getattr(given.results, frame)) for frame in frames)


def _many_seeds(given: FigureInputs, *frames: str) -> bool:
    rows = [getattr(given.results, frame) for frame in frames]
    return pd.concat([frame["seed"] for frame in rows]).nunique() > 1


def _seeds(*frames: str, bands: str = "bands span the lowest to the highest seed") -> tuple[Sentence, Sentence]:
    """Returns two sentences, of which one is true: lines are means over several seeds, or show a single seed."""
    return (
        Sentence(f"Lines are means over seeds; {bands}.", lambda given: _many_seeds(given, *frames)),
        Sentence("Lines show a single seed.", lambda given: not _many_seeds(given, *frames)),
    )


def _treatment(*lines: tuple[str, str]) -> Callable[[FigureInputs], bool]:
    """Returns a test: whether the results hold any of these lines, each a pair (figure of the paper, line)."""
    names = {paper.FIGURE_LINES[figure].lines[line].name for figure, line in lines}
    return lambda given: bool(names & {*given.results.levels["treatment"]})


def _lottery(line: str) -> Callable[[FigureInputs], bool]:
    """Returns a test: whether any network has this line of the figure of winning tickets."""
    keys = lottery_lines.trained_panels
    return lambda given: any(line not in lottery_lines.missing(given.results, key) for key in keys(given.results))


SIGNED = [("figure4", line) for line in paper.FIGURE_LINES["figure4"].lines if line.endswith("init sign")]
UNSIGNED = [("figure4", line) for line in paper.MASK1_VARIANTS]
LINES = (
    *_seeds("levels", bands="bands, where drawn, span the lowest to the highest seed"),
    "The horizontal line is the dense network.",
)
CAPTIONS: dict[str, tuple[str | Sentence, ...]] = {
    "figure1": (
        (
            "A mask criterion divides the plane of initial and final weights into a kept and a pruned region. "
            "large_final keeps the weights whose final magnitude is large, whatever their initial value was. The "
            "ellipse sketches where the weights of a layer lie."
        ),
    ),
    "figure2": (
        (
            "The region that each criterion keeps, computed with the criterion itself. Weights with equal scores are "
            "kept at random."
        ),
        Sentence(
            "Below: the same regions for one layer of a trained network; each dot is a weight.",
            lambda given: given.layer is not None,
        ),
    ),
    "figure3": ("Mask criteria.", *LINES),
    "figure4": (
        "Mask-1 actions: the values from which kept weights are trained.",
        Sentence("Dashed lines ignore the signs of the initial weights.", _treatment(*UNSIGNED)),
        Sentence("Solid lines keep the signs of the initial weights.", _treatment(*SIGNED)),
        *LINES,
    ),
    "figure5": (
        "Mask-0 actions: the values at which pruned weights are frozen.",
        Sentence(
            "hybrid freezes a pruned weight at zero if its magnitude decreased in training, and at its initial value "
            "otherwise.",
            _treatment(("figure5", "hybrid")),
        ),
        *LINES,
    ),
    "supplement": (
        "Further mask-0 actions and their controls.",
        Sentence(
            "hybrid_all applies the rule of hybrid to all weights, kept ones included.",
            _treatment(("supplement", "hybrid_all")),
        ),
        Sentence(
            "hybrid_random freezes as many weights at zero as hybrid, but chooses them at random.",
            _treatment(("supplement", "hybrid_random")),
        ),
        Sentence(
            "hybrid_reverse does the opposite: it freezes a pruned weight at zero if its magnitude increased.",
            _treatment(("supplement", "hybrid_reverse")),
        ),
        *LINES,
    ),
    "others": (
        (
            "Treatments that are in no figure of the paper, including your own. Each name lists the mask criterion, "
            "the mask-1 action and the mask-0 action."
        ),
        *LINES,
    ),
    "figureS1": (
        (
            "Why masking resembles training. Near the threshold, the mask of large_final sets weights that grew in "
            "training to their initial value, and weights that shrank to zero. So it moves both in the direction in "
            "which training moved them."
        ),
    ),
    "figure6": (
        (
            "The test accuracy of untrained networks without a mask, and under masks computed from a training. The "
            "kept percentage of each mask is chosen on validation images."
        ),
        Sentence("Bars are means over seeds; each dot is a seed.", lambda given: _many_seeds(given, "best_supermasks")),
        "Right: the two criteria that depend on the signs of the weights.",
    ),
    "figure7": (
        "Supermasks: masks on weights that were never trained.",
        Sentence("Lines are heuristic masks.", _rows("supermasks")),
        Sentence("Triangles are learned masks, placed at their kept percentage.", _rows("learned_masks")),
        Sentence(
            "Lines and points are means over seeds; bands and bars span the lowest to the highest seed.",
            lambda given: _many_seeds(given, "supermasks", "learned_masks"),
        ),
    ),
    "mask_learning": (
        (
            "Validation accuracy while Supermasks are learned. Each value is measured on a newly sampled mask. For "
            "each kind of mask, the settings with the highest accuracy are shown."
        ),
        *_seeds("mask_histories"),
        "If a line still rises at its end, longer learning would give a better mask. The axis is linear up to 100 "
        "iterations and logarithmic beyond.",
    ),
    "lottery": (
        "Winning tickets and the networks that they are compared with.",
        Sentence("One-shot tickets are pruned in a single round.", _lottery(lottery_lines.ONE_SHOT_TICKET)),
        Sentence(
            "A fine-tuned network is never rewound: at level n its weights have been trained n + 1 times as long as "
            "those of the other networks. Its early-stopping iteration is counted from the start of its last round.",
            _lottery(lottery_lines.FINE_TUNED),
        ),
        Sentence("Reinitialized tickets start from newly drawn weights.", _lottery(lottery_lines.REINIT)),
        Sentence("Random tickets keep as many weights, chosen at random.", _lottery(lottery_lines.RANDOM_TICKET)),
        *_seeds(
            "levels", "controls", bands="bands span the lowest to the highest run. A seed's controls are averaged first"
        ),
        "The horizontal line is the dense network.",
    ),
    "barriers": (
        (
            "The error barrier between each level and the next: the highest test error on the line between their "
            "weights, minus the mean error of the two ends. Levels with a barrier below two points are linearly "
            "connected. Filled markers: the error of both levels is at most 0.2 points above the dense network's. A "
            "barrier is at least half the difference between the errors of the two ends, which the thin line shows. "
            "Where the barrier equals this, the error on the line is nowhere higher than at its ends."
        ),
        *_seeds("lines"),
        "The axis is linear below one point and logarithmic above.",
    ),
    "error_lines": (
        (
            "The test error along some of these lines, from the sparser level (0) to the level before it (1). Each "
            "panel has its own scale."
        ),
        Sentence("Lines are means over seeds.", lambda given: _many_seeds(given, "lines")),
    ),
    "robustness": (
        (
            "Rewind points that were moved in a random direction and then trained. The distance is a multiple of the "
            "distance by which the next mask moves the rewind point. Shown are the error barriers from the weights at "
            "the end of this training to two others: those of the same level without perturbation, and those of the "
            "level before. Filled markers: the error after the perturbation is at most 0.2 points above the dense "
            "network's."
        ),
    ),
    "flatness": (
        "The Hessian of the training loss with respect to the kept weights, at the end of training.",
        Sentence(
            "Right: the curvature along the direction in which the next round of pruning moves the weights. All "
            "directions are scaled to length one.",
            _rows("rays"),
        ),
        *_seeds("spectra"),
    ),
    "spectral_density": (
        (
            "Left: the density of the Hessian's eigenvalues, smoothed by one hundredth of their range and cut at one "
            "tenth of the peak of a single eigenvalue. Bumps at the right are a few eigenvalues each. Right: the "
            "number of eigenvalues that are at least as large as each value, without smoothing. Both are estimated "
            "with random vectors."
        ),
        Sentence("Lines are means over seeds.", lambda given: _many_seeds(given, "spectra")),
    ),
    "limits": (
        (
            "The largest share of the kept weights that can be pruned at once so that the network still matches "
            "the dense one. It is found by search, and predicted from the Hessian and the length of the projection. "
            "Right: predicted against found shares, one point for each level and seed; on the dotted line they are "
            'equal. The prediction "subspace meets bowl" is for the share found after retraining; the other '
            "predictions are for the share found without retraining."
        ),
    ),
    "magnitudes": (
        (
            "The share of the kept weights at or below the threshold of the next round of pruning, before and "
            "after the retraining of each level."
        ),
        Sentence(
            "Middle and right: the magnitudes in the largest layer before and after retraining, at two levels of one "
            "seed.",
            _rows("histograms"),
        ),
    ),
}
