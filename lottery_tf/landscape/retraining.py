"""Compares the magnitudes of weights before and after retraining.

Paul et al. (arXiv 2210.03044): after pruning by magnitude no kept weight is small, so pruning again would remove large
weights and move the network far from its trained weights. Retraining makes new small weights, which the next round can
prune. Magnitudes are compared under the mask of one level: before retraining they are those of the final weights of the
level before, after retraining those of the final weights of the level itself. This module needs NumPy only.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import Index, Name
from lottery_tf.errors import InputError
from lottery_tf.pruning.masks import Mask, check_layers
from lottery_tf.pruning.treatments import Weights
from lottery_tf.registry import choose

WHOLE_NETWORK = "all"

Magnitudes = dict[str, np.ndarray]  # layer -> magnitudes of its kept weights, in ascending order


@dataclasses.dataclass(frozen=True)
class BelowThreshold:
    """The share of a layer's kept weights at or below the threshold of the next round.

    Attributes:
      layer: the kernel's name, or `WHOLE_NETWORK` for all kernels together.
      weights: the number of kept weights.
      threshold: the largest magnitude that the next round prunes, after retraining. It is NaN for the whole network if
        each layer has its own threshold.
      share_before, share_after: the share of the kept weights at or below the threshold, before and after retraining.
      length_before, length_after: the length of the next round's projection, if it prunes before or after retraining.
    """

    layer: str
    weights: int
    threshold: float
    share_before: float
    share_after: float
    length_before: float
    length_after: float


@checked
def below_threshold(
    before: Weights, after: Weights, kept: Mask, next_counts: Mapping[str, Index], scope: Name = "layer"
) -> list[BelowThreshold]:
    """Returns the share of weights below the next threshold before and after retraining, for layers and network.

    Args:
      before: weights before retraining, usually the final weights of the level before; only kept weights are read.
      after: weights after retraining, the final weights of the level.
      kept: the level's mask.
      next_counts: the number of weights that each layer keeps at the next level (`kept_counts.counts_after`). With
        global pruning only their sum matters. Layers that are not pruned are left out.
      scope: a name in `THRESHOLDS`: each layer has its own threshold ("layer"), or all have the same ("global").

    Returns:
      A row for each kernel in the mask's order, and a last row for all kernels together.

    Raises:
      InputError: the next level prunes nothing, or nothing of one layer if each has its own threshold; or the scope is
        unknown.

    >>> row = below_threshold({"a": np.array([8, 6, -7, 9, 0])}, {"a": np.array([1, 2, -3, 4, 0])},
    ...                       {"a": np.array([True] * 4 + [False])}, {"a": 2})[0]
    >>> row.threshold, row.share_before, row.share_after
    (2.0, 0.0, 0.5)
    """
    for what, given in (("before", before), ("after", after), ("next_counts", next_counts)):
        check_layers(what, given, kept)
    names = [name for name in kept if next_counts[name] < kept[name].size]
    if not names:
        raise InputError("The next level prunes no layer, so there is no threshold.")
    old, new = ({name: _magnitudes(weights, kept, name) for name in names} for weights in (before, after))
    pruned = {name: new[name].size - next_counts[name] for name in names}
    thresholds = choose(THRESHOLDS, scope, "scope of pruning")
    at_once, threshold = thresholds(old, pruned), thresholds(new, pruned)
    rows = [
        BelowThreshold(
            name,
            new[name].size,
            threshold[name],
            _count_to(threshold[name], old[name]) / new[name].size,
            _count_to(threshold[name], new[name]) / new[name].size,
            _length_to(at_once[name], old[name]),
            _length_to(threshold[name], new[name]),
        )
        for name in names
    ]
    return [*rows, _whole(rows)]


def _magnitudes(weights: Weights, kept: Mask, name: str) -> np.ndarray:
    """Returns the magnitudes of a layer's kept weights in ascending order."""
    return np.sort(np.abs(weights[name][kept[name]]).astype(np.float64))


def _own_thresholds(magnitudes: Magnitudes, pruned: Mapping[str, int]) -> dict[str, float]:
    return {name: _greatest_pruned(values, pruned[name], name) for name, values in magnitudes.items()}


def _common_threshold(magnitudes: Magnitudes, pruned: Mapping[str, int]) -> dict[str, float]:
    together = np.sort(np.concatenate(list(magnitudes.values())))
    return dict.fromkeys(magnitudes, _greatest_pruned(together, sum(pruned.values()), WHOLE_NETWORK))


def _greatest_pruned(magnitudes: np.ndarray, count: int, layer: str) -> float:
    if count < 1:
        raise InputError(
            f"The next level prunes none of the {magnitudes.size} weights of {layer!r}, so there is no threshold."
        )
    return float(magnitudes[count - 1])


THRESHOLDS = {"layer": _own_thresholds, "global": _common_threshold}


def _count_to(threshold: float, magnitudes: np.ndarray) -> int:
    return int(np.searchsorted(magnitudes, threshold, side="right"))


def _length_to(threshold: float, magnitudes: np.ndarray) -> float:
    return float(np.linalg.norm(magnitudes[: _count_to(threshold, magnitudes)]))


def _whole(rows: list[BelowThreshold]) -> BelowThreshold:
    """Returns the row of the whole network, from the rows of its layers."""
    weights = [row.weights for row in rows]
    thresholds = {row.threshold for row in rows}
    return BelowThreshold(
        WHOLE_NETWORK,
        sum(weights),
        thresholds.pop() if len(thresholds) == 1 else float("nan"),
        float(np.average([row.share_before for row in rows], weights=weights)),
        float(np.average([row.share_after for row in rows], weights=weights)),
        math.hypot(*(row.length_before for row in rows)),
        math.hypot(*(row.length_after for row in rows)),
    )


@dataclasses.dataclass(frozen=True)
class Histogram:
    """A histogram of the magnitudes of a layer's kept weights before and after retraining.

    Attributes:
      edges: (bins + 1,) float64 array, from 0 to the largest magnitude before or after.
      before, after: (bins,) int64 arrays of counts.
    """

    edges: np.ndarray
    before: np.ndarray
    after: np.ndarray


def magnitude_histogram(before: Weights, after: Weights, kept: Mask, name: str, bins: int = 50) -> Histogram:
    """Counts the magnitudes of a layer's kept weights before and after retraining, in the same bins of equal width.

    Raises:
      InputError: there is less than one bin, or the mask has no such kernel.

    >>> magnitude_histogram({"a": np.array([4.0, -3.0])}, {"a": np.array([1.0, 2.5])}, {"a": np.ones(2, bool)}, "a", 2)
    Histogram(edges=array([0., 2., 4.]), before=array([0, 2]), after=array([1, 1]))
    """
    if bins < 1:
        raise InputError(f"bins is {bins}; it must be at least 1.")
    if name not in kept:
        raise InputError(f"The mask has no kernel {name!r}; it has {', '.join(kept)}.")
    magnitudes = [_magnitudes(weights, kept, name) for weights in (before, after)]
    edges = np.linspace(0, max(values[-1] for values in magnitudes), bins + 1)
    return Histogram(edges, *(np.histogram(values, edges)[0] for values in magnitudes))
