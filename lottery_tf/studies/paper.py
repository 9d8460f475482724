"""The contents of each figure and table of the paper, as data. Importing this module does not import TensorFlow.

The named studies train these treatments and masks, and the analysis draws and prints them.

Reference: Zhou et al., Figures 3, 4, 5 and 7, Table 1, Sections S2 and S3.
"""

from __future__ import annotations

import dataclasses

from lottery_tf.pruning.kept_counts import PAPER_LEVELS
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.supermasks.mask_settings import MaskSettings, weights_in_words
from lottery_tf.supermasks.mask_sources import MaskSource

LEVELS = PAPER_LEVELS
SEEDS = (0, 1, 2, 3, 4)
SIGNIFICANCE = 0.05

PAPER_CRITERIA = (  # Figure 2, in its order
    "large_final",
    "small_final",
    "large_init",
    "small_init",
    "large_init_large_final",
    "small_init_small_final",
    "magnitude_increase",
    "movement",
    "random",
)
SIGN_CRITERIA = ("large_final_same_sign", "large_final_diff_sign")  # Figure 6
OPPOSITES = (  # pairs of criteria: the first is better than random, the second is worse
    ("large_final", "small_final"),
    ("large_init", "small_init"),
    ("large_init_large_final", "small_init_small_final"),
)
MASK1_VARIANTS = ("reinit", "reshuffle", "constant")


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure whose lines are treatments: early-stopping iteration and test accuracy against the kept percentage.

    Attributes:
      title: its title.
      lines: the treatment of each line, by the line's name in the legend, in the order of the legend.
      banded: names of the lines that are drawn with a band from the lowest to the highest run.
    """

    title: str
    lines: dict[str, Treatment]
    banded: tuple[str, ...]


PAPER_FIGURES = ("figure3", "figure4", "figure5", "supplement")  # those of `FIGURE_LINES` that are in the paper
FIGURE_LINES: dict[str, Figure] = {
    "figure3": Figure(
        "Mask criteria",
        {criterion: Treatment(criterion) for criterion in PAPER_CRITERIA},
        ("magnitude_increase", "large_final", "movement", "random"),
    ),
    "figure4": Figure(
        "Mask-1 actions",
        {
            "rewind": Treatment(),
            **{action: Treatment(mask1=action) for action in MASK1_VARIANTS},
            **{f"{action}, init sign": Treatment(mask1=f"{action}_init_sign") for action in MASK1_VARIANTS},
            "random": Treatment("random"),
        },
        ("rewind", "reshuffle, init sign", "constant, init sign", "reinit"),
    ),
    "figure5": Figure(
        "Mask-0 actions",
        {action: Treatment(mask0=action) for action in ("zero", "init", "hybrid")},
        ("zero", "init", "hybrid"),
    ),
    "supplement": Figure(
        "Further mask-0 actions and their controls",
        {
            **{action: Treatment(mask0=action) for action in ("zero", "hybrid")},
            **{action: Treatment(mask0=action) for action in ("hybrid_all", "hybrid_random", "hybrid_reverse")},
            "zero, magnitude_increase": Treatment("magnitude_increase"),
            "hybrid, magnitude_increase": Treatment("magnitude_increase", mask0="hybrid"),
        },
        ("zero", "hybrid", "hybrid_all"),
    ),
}

# Figure 7
HEURISTIC_MASK_SOURCES = tuple(MaskSource("oneshot", criterion) for criterion in (*PAPER_CRITERIA, *SIGN_CRITERIA))
INITIAL_LOGITS = (-5.0, -2.0, 0.0, 2.0, 5.0)  # Section S3: a constant from -5 to 5, which shifts the pruned fraction
LEARNED_MASKS = {  # column of Table 1, in either version of the paper -> the masks whose maximum it shows
    f"learned mask x {weights_in_words(weights, rescale)}": tuple(
        MaskSettings(weights, rescale=rescale, initial_logit=logit) for logit in INITIAL_LOGITS
    )
    for rescale in (False, True)
    for weights in ("initial", "signed_constant")
}
REWIND_POINTS = (0, 100, 250, 500, 1000, 2000)  # iterations; Paul et al.
MASK_BATCH = 250  # the batch size of learning a mask in the authors' code
