"""Defines one fixed colour, marker and dash for each treatment in all figures.

Lines differ in colour and in marker (its shape, and whether it is filled or hollow). The six colours can be told apart
with colour-blind vision and in grey. A treatment and its opposite (large_final and small_final, or an action with and
without the sign) have the same colour and marker shape; the weaker of the two is dashed and hollow.
"""

from __future__ import annotations

import dataclasses
import itertools
import zlib
from collections.abc import Iterable

from lottery_tf.landscape.measurements import row_names
from lottery_tf.pruning.treatments import folder_name
from lottery_tf.registry import choose

COLOURS = {  # name -> colour on a light background, colour on a dark one
    "blue": ("#0f96e1", "#1189c6"),
    "orange": ("#fe8260", "#febd97"),
    "green": ("#014c36", "#05b865"),
    "crimson": ("#cb0466", "#ff4498"),
    "olive": ("#8a7c01", "#c4c208"),
    "violet": ("#5137cd", "#ada5fe"),
    "grey": ("#7a7a7a", "#9a9a9a"),
    "ink": ("#1c1c1c", "#e6e6e6"),  # text, axes, baselines
    "faint": ("#d4d4d4", "#3d4148"),  # grids
    "pruned": ("#e3e3e3", "#33363c"),  # the pruned part of a plane
}
GROUND = ("#ffffff", "#16181c")
INK, FAINT, PRUNED = (COLOURS[name][0] for name in ("ink", "faint", "pruned"))

SOLID, DASHED, DOTTED, DASHDOT = "-", (0, (4, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5))


@dataclasses.dataclass(frozen=True)
class Style:
    """How a line is drawn.

    Attributes:
      colour: the colour of line, marker and band, as #rrggbb.
      marker: matplotlib's name of the marker.
      dash: matplotlib's line style.
      hollow: whether the marker is empty inside.
    """

    colour: str
    marker: str
    dash: str | tuple = SOLID
    hollow: bool = False

    @property
    def plot(self) -> dict:
        """The arguments of `Axes.plot`."""
        return {
            "color": self.colour,
            "marker": self.marker,
            "linestyle": self.dash,
            "markerfacecolor": GROUND[0] if self.hollow else self.colour,
            "markeredgecolor": self.colour,
        }


def _style(colour: str, marker: str, dash: str | tuple = SOLID, hollow: bool = False) -> Style:
    return Style(COLOURS[colour][0], marker, dash, hollow)


TREATMENTS: dict[str, Style] = {  # Treatment.name -> style
    # Mask criteria: Figures 2, 3, 6 and 7
    "large_final-rewind-zero": _style("blue", "o"),
    "small_final-rewind-zero": _style("blue", "o", DASHED, hollow=True),
    "large_init-rewind-zero": _style("crimson", "v"),
    "small_init-rewind-zero": _style("crimson", "v", DASHED, hollow=True),
    "large_init_large_final-rewind-zero": _style("olive", "D"),
    "small_init_small_final-rewind-zero": _style("olive", "D", DASHED, hollow=True),
    "magnitude_increase-rewind-zero": _style("orange", "^"),
    "movement-rewind-zero": _style("green", "s"),
    "random-rewind-zero": _style("grey", "X", DASHDOT),
    "large_final_same_sign-rewind-zero": _style("violet", "p"),
    "large_final_diff_sign-rewind-zero": _style("violet", "p", DASHED, hollow=True),
    "magnitude_increase_same_sign-rewind-zero": _style("orange", "p"),
    "magnitude_increase_diff_sign-rewind-zero": _style("orange", "p", DASHED, hollow=True),
    "snip-rewind-zero": _style("olive", "h"),
    "grad-rewind-zero": _style("olive", "h", DASHED, hollow=True),
    # Mask-1 actions: Figure 4
    "large_final-reinit-zero": _style("orange", "s", DASHED, hollow=True),
    "large_final-reinit_init_sign-zero": _style("orange", "s"),
    "large_final-reshuffle-zero": _style("violet", "D", DASHED, hollow=True),
    "large_final-reshuffle_init_sign-zero": _style("violet", "D"),
    "large_final-constant-zero": _style("green", "^", DASHED, hollow=True),
    "large_final-constant_init_sign-zero": _style("green", "^"),
    # Mask-0 actions: Figure 5 and Section S2
    "large_final-rewind-init": _style("crimson", "s", DOTTED, hollow=True),
    "large_final-rewind-hybrid": _style("green", "D"),
    "large_final-rewind-hybrid_all": _style("olive", "P"),
    "large_final-rewind-hybrid_random": _style("violet", "X", DASHDOT),
    "large_final-rewind-hybrid_reverse": _style("crimson", "P", DASHED, hollow=True),
    "magnitude_increase-rewind-hybrid": _style("orange", "D", DASHED, hollow=True),
    # One-shot pruning and fine-tuning of Frankle & Carbin
    "large_final-rewind-zero-oneshot": _style("green", "v"),
    "large_final-finetune-zero": _style("violet", "D", DASHDOT),
}
CONTROL_STYLES: dict[str, Style] = {  # controls of winning tickets
    "reinit": _style("orange", "s", DASHED, hollow=True),
    "random": _style("grey", "X", DASHDOT),
}
REWIND_POINTS: dict[int, Style] = {  # iteration to which kept weights are rewound -> style
    0: _style("blue", "o"),
    100: _style("orange", "s"),
    250: _style("green", "^"),
    500: _style("crimson", "v"),
    1000: _style("olive", "D"),
    2000: _style("violet", "p"),
}
PRUNED_BY: dict[str, Style] = {  # ways to prune, and a random direction of the same length
    "large_final": _style("violet", "D"),
    "random": _style("grey", "X", DASHDOT),
    "random direction": _style("orange", "^", DOTTED, hollow=True),
}
LIMIT_STYLES: dict[str, Style] = {  # method of `row_names` -> style of its limits: found ones filled, predicted hollow
    row_names.FOUND: Style(INK, "o"),
    row_names.FOUND_RETRAINED: _style("crimson", "D"),
    row_names.QUADRATIC: _style("blue", "s", DASHED, hollow=True),
    row_names.ISOTROPIC: _style("orange", "v", DASHDOT, hollow=True),
    row_names.SUBSPACE: _style("green", "^", DOTTED, hollow=True),
}
RETRAINING: dict[str, Style] = {"before": _style("orange", "v", DASHED, hollow=True), "after": _style("blue", "o")}
SEQUENCE = tuple(
    _style(*style) for style in (("blue", "o"), ("orange", "s"), ("green", "^"), ("violet", "p"))
)  # levels

LEARNED_MASKS = {  # (g of a learned mask, whether its network is rescaled) -> style of its points
    ("bernoulli", False): Style(INK, "<", DASHED),
    ("bernoulli", True): Style(INK, ">", DASHED, hollow=True),
    ("rounded", False): _style("crimson", "<", DASHED),
    ("rounded", True): _style("crimson", ">", DASHED, hollow=True),
    ("edge_popup", False): _style("green", "<", DASHED),
    ("edge_popup", True): _style("green", ">", DASHED, hollow=True),
}
LEARNING = {  # (weights of a learned mask, whether its network is rescaled) -> style of its curve
    ("initial", False): _style("blue", ""),
    ("initial", True): _style("blue", "", DASHED),
    ("signed_constant", False): _style("orange", ""),
    ("signed_constant", True): _style("orange", "", DASHED),
}
BASELINE_STYLES = {  # horizontal lines without a marker
    "dense": Style(INK, "", DASHED),
    "trained_baseline": Style(INK, "", DASHED),
    "untrained_baseline": Style(INK, "", DOTTED),
}
SELECTIVITY = {  # Figure S1
    "increased": _style("orange", "^"),
    "decreased": _style("blue", "v"),
}

_SPARE = [
    style
    for colour, marker, (dash, hollow) in itertools.product(
        ("blue", "orange", "green", "crimson", "olive", "violet"),
        ("o", "s", "^", "v", "D", "P", "X", "p", "h"),
        ((SOLID, False), (DASHED, True), (DASHDOT, True), (DOTTED, False)),
    )
    if (style := _style(colour, marker, dash, hollow)) not in TREATMENTS.values()
]


def treatment_style(name: str) -> Style:
    """Returns the style of a treatment. One that is not in the paper gets a spare style, chosen by its name alone.

    Args:
      name: `Treatment.name`.

    >>> treatment_style("large_final-rewind-zero").colour
    '#0f96e1'
    >>> treatment_style("mine+my_criterion-rewind-zero") == treatment_style("mine+my_criterion-rewind-zero")
    True
    """
    return TREATMENTS.get(name) or _SPARE[zlib.crc32(name.encode()) % len(_SPARE)]


def treatment_styles(names: Iterable[str]) -> dict[str, Style]:
    """Returns the styles of the treatments of one figure, all different as long as there are spare styles.

    >>> clashing = ("large_final-rewind-zero-rewind500", "random-rewind-zero-rewind2000")
    >>> treatment_style(clashing[0]) == treatment_style(clashing[1]), len(set(treatment_styles(clashing).values()))
    (True, 2)
    """
    chosen: dict[str, Style] = {}
    for name in names:
        style, taken = treatment_style(name), set(chosen.values())
        index = _SPARE.index(style) if style in _SPARE else 0
        free = (other for other in (style, *_SPARE[index:], *_SPARE[:index]) if other not in taken)
        chosen[name] = style if name in TREATMENTS else next(free, style)
    return chosen


def learned_mask_style(g: str, rescale: bool) -> Style:
    """Returns the style of the points of learned masks; a g that is not in the paper gets a spare style."""
    if (g, rescale) in LEARNED_MASKS:
        return LEARNED_MASKS[g, rescale]
    return dataclasses.replace(treatment_style(g), hollow=rescale)


def criterion_style(name: str) -> Style:
    """Returns the style of a mask criterion in planes and supermasks: that of its treatment with rewind and zero."""
    return treatment_style(folder_name((name, "rewind", "zero")))


def baseline_style(name: str) -> Style:
    """Returns the style of a horizontal baseline; raises InputError for an unknown name."""
    return choose(BASELINE_STYLES, name, "baseline")
