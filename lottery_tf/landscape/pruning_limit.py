"""Predicts from the curvature of the loss how much of a network can be pruned at once, and finds it by search.

Paul et al. (arXiv 2210.03044) show that the spectrum of the Hessian at the end of training and the length of the
pruning projection together bound the fraction of weights that can be pruned at once. Notation: w is a network at the
end of its training. kept(p) is the mask that prunes the fraction p of its kept weights, in the order of a criterion's
scores. d(p) is -w on the weights that this mask removes, and 0 elsewhere. So w + d(p) is the projection (pruned weights
are set to zero), and R(p) = |d(p)| is its length. A network matches if its loss is at most an allowance above that of
w. There are three predictions of the largest p that matches:

  along the projection  g.d(p) + d(p)^T H d(p) / 2 <= allowance: the quadratic model of the loss at the projection.
                        It predicts the limit of pruning without retraining.
  all directions alike  R(p)^2 trace(H) / (2 size) <= allowance: the same for a random direction of the same length. If
                        the first prediction is larger than this one, pruning removes flat directions.
  subspace meets bowl   m <= the local angular dimension of the bowl, where m is the number of removed weights and the
                        bowl is the ellipsoid {d: d^T H d / 2 <= allowance}. The subspace of the kept weights is treated
                        as a random subspace with the distance R(p) from w; the condition says that it meets the
                        bowl (Larsen et al., arXiv 2107.05802, from Gordon's escape theorem). The local angular
                        dimension is the sum over eigenvalues of r^2 / (D^2 + r^2) with r^2 = 2 allowance / eigenvalue;
                        an eigenvalue that is not positive counts 1. It predicts the limit of pruning with retraining.

The first two are this project's own, as the simplest quadratic versions of the claim. The third is the theory behind
the claim, as this project understands it. In the theory, D is the distance of a point that the subspace passes through.
Here D^2 = R(p)^2 (size - m) / m, which is |w|^2 (1 - p) for random pruning. For a random subspace of many dimensions
the condition then says whether the lowest point of the subspace lies in the bowl; tests check it against such points.
The paper's choice of the allowance is not known to this project. `loss_allowance` measures it without pruning: it
moves the network along random directions until the error no longer matches.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

import numpy as np

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import PRUNED_FRACTION, Index, Name
from lottery_tf.errors import InputError
from lottery_tf.landscape.directions import length, moved, pruning_direction, random_direction
from lottery_tf.landscape.interpolation import Evaluate
from lottery_tf.landscape.spectrum import SpectralDensity
from lottery_tf.pruning import kept_counts
from lottery_tf.pruning.masks import Mask, check_layers
from lottery_tf.pruning.ranking import SCOPES
from lottery_tf.pruning.treatments import Weights
from lottery_tf.registry import choose

PRECISION = 0.005  # how exactly a largest pruned fraction is found
RANDOM_DIRECTIONS = 5  # random directions along which the allowance is measured
MaskAt = Callable[[float], Mask]


@checked
class OneShot:
    """Masks that prune any fraction of a network at once, in the order of a criterion's scores.

    Call it with a pruned fraction p in [0, 1) to get the mask. p is a fraction of the kept weights in the layers that
    are pruned at all. Layers are pruned in the same proportion as in rounds of pruning (`kept_counts.counts_for`). The
    mask of a larger p keeps no weight that the mask of a smaller p removes. Each layer keeps at least one weight.

    Args:
      kept: the mask so far.
      scores: for each kernel an array of its shape. The lowest scores are pruned first; ties are broken at random.
      pruned_fraction: for each kernel the fraction that a round prunes; 0 for a kernel that is not pruned
        (`Experiment.pruned_fraction`).
      seed: the seed that breaks ties.
      scope: a name in `ranking.SCOPES`: scores are ranked in each layer or over all layers.

    Raises:
      InputError: the scope is unknown, or all pruned fractions are 0.

    >>> one_shot = OneShot({"a": np.ones(4, bool)}, {"a": np.array([3.0, 1.0, 4.0, 2.0])}, {"a": 0.2})
    >>> one_shot(0.5)["a"].tolist()
    [True, False, True, False]
    """

    def __init__(
        self, kept: Mask, scores: Weights, pruned_fraction: Mapping[str, float], seed: Index = 0, scope: Name = "layer"
    ):
        self.kept = kept
        self._scores, self._pruned_fraction, self._seed = scores, pruned_fraction, seed
        self._ranked = choose(SCOPES, scope, "scope of pruning")
        check_layers("pruned_fraction", pruned_fraction, kept)
        check_layers("scores", scores, kept)
        self._prunable = {name: mask for name, mask in kept.items() if pruned_fraction[name]}
        if not self._prunable:
            raise InputError("All pruned fractions are 0; at least one must be above 0.")

    def __call__(self, fraction: float) -> Mask:
        """Returns the mask that prunes a fraction of the weights, up to rounding in each layer.

        Raises:
          InputError: the fraction is outside [0, 1), or the scores cannot be ranked.
        """
        PRUNED_FRACTION("The pruned fraction", fraction)
        if fraction == 0:
            return self.kept
        sizes = {name: int(mask.sum()) for name, mask in self._prunable.items()}
        counts = kept_counts.counts_for(sizes, self._pruned_fraction, 1 - fraction)
        return self.kept | self._ranked(self._prunable, self._kept_scores, counts, self._seed, 0)

    def _kept_scores(self, layers: Sequence[str]) -> np.ndarray:
        return np.concatenate([self._scores[name][self._prunable[name]] for name in layers])


def projected(weights: Weights, kept: Mask) -> Weights:
    """Returns weights in which those that a mask removes are zero."""
    return weights | {name: np.where(mask, weights[name], np.zeros_like(weights[name])) for name, mask in kept.items()}


def largest(holds: Callable[[float], bool], *, precision: float = PRECISION) -> float:
    """Finds the largest fraction for which a condition is true, by bisection.

    Args:
      holds: function from a fraction in [0, 1) to the condition, which is true below some fraction and false above it.
        It is called about log2(1 / precision) times, first for 1/2.
      precision: the condition is true for the returned fraction, and false for one that is larger by at most this.

    Returns:
      The fraction; 0 if the condition is false even for the smallest one that was tried. 0 itself is not tried.

    >>> round(largest(lambda fraction: fraction <= 0.3, precision=1e-6), 5)
    0.3
    """
    low, high = 0.0, 1.0
    while high - low > precision:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


@dataclasses.dataclass(frozen=True)
class PruningLimit:
    """The largest fraction of the weights that can be pruned at once, predicted in three ways or found by search.

    Attributes:
      weights: the network's weights w.
      kept: the network's mask.
      mask_at: function from a pruned fraction to a mask (`OneShot`).
      precision: how exactly a fraction is found. Each halving takes one more evaluation, or one more training.
    """

    weights: Weights
    kept: Mask
    mask_at: MaskAt
    precision: float = PRECISION

    def found(self, evaluate: Evaluate, allowed_error: float, end: Callable[[Mask], Weights] | None = None) -> float:
        """Finds the largest pruned fraction that still matches, by bisection over pruned networks.

        Args:
          evaluate: function from weights to their loss and error, usually on validation images.
          allowed_error: the highest error that matches: the dense network's plus `interpolation.MATCHING`.
          end: (with retraining) function from a mask to the weights that are evaluated: it rewinds, trains under the
            mask and returns the weights at the end. None: no retraining, so the weights are the projection.
        """
        end = end or functools.partial(projected, self.weights)
        return self._largest(
            lambda pruned_fraction: evaluate(end(self.mask_at(pruned_fraction))).error <= allowed_error
        )

    def along_projection(self, increase: Callable[[Weights], float], allowance: float) -> float:
        """Returns the largest pruned fraction p for which g.d(p) + d(p)^T H d(p) / 2 <= allowance.

        Args:
          increase: the quadratic model, `curvature.Hessian.increase`.
          allowance: how much the loss may increase.
        """
        return self._largest(lambda pruned_fraction: increase(self._direction(pruned_fraction)) <= allowance)

    def all_alike(self, mean_eigenvalue: float, allowance: float) -> float:
        """Returns the largest pruned fraction p for which R(p)^2 trace(H) / (2 size) <= allowance.

        The mean eigenvalue is trace(H) / size.
        """
        return self._largest(
            lambda pruned_fraction: length(self._direction(pruned_fraction)) ** 2 * mean_eigenvalue / 2 <= allowance
        )

    def subspace_meets(self, density: SpectralDensity, allowance: float) -> float:
        """Returns the largest pruned fraction that removes at most the bowl's local angular dimension of weights.

        The density is that of the Hessian's eigenvalues at w, in the subspace of the kept weights. The allowance must
        be above 0.
        """

        def holds(pruned_fraction: float) -> bool:
            left = self.mask_at(pruned_fraction)
            removed = sum(int(self.kept[name].sum() - left[name].sum()) for name in self.kept)
            nearest = length(pruning_direction(self.weights, self.kept, left))
            through = nearest * math.sqrt((density.size - removed) / max(removed, 1))
            return removed <= angular_dimension(density, through, allowance)

        return self._largest(holds)

    def _direction(self, pruned_fraction: float) -> Weights:
        return pruning_direction(self.weights, self.kept, self.mask_at(pruned_fraction))

    def _largest(self, holds: Callable[[float], bool]) -> float:
        return largest(holds, precision=self.precision)


def angular_dimension(density: SpectralDensity, distance: float, allowance: float) -> float:
    """Returns the local angular dimension of the bowl {d: d^T H d / 2 <= allowance}, seen from a point.

    A random subspace through the point usually meets the bowl if its codimension is at most this dimension. It is the
    sum over eigenvalues of r^2 / (distance^2 + r^2) with r^2 = 2 allowance / eigenvalue; an eigenvalue that is not
    positive counts 1.

    Reference: Larsen et al. (arXiv 2107.05802).

    Raises:
      InputError: the allowance is not above 0.

    >>> density = SpectralDensity(np.array([0.0, 1.0]), np.array([0.5, 0.5]), size=100)
    >>> angular_dimension(density, distance=2.0, allowance=2.0)
    75.0
    """
    if not allowance > 0:
        raise InputError(f"The allowance is {allowance}; it must be above 0.")
    fraction = density.mean(lambda values: 2 * allowance / (np.maximum(values, 0) * distance**2 + 2 * allowance))
    return fraction * density.size


def loss_allowance(
    evaluate: Evaluate,
    loss: Callable[[Weights], float],
    weights: Weights,
    kept: Mask,
    allowed_error: float,
    *,
    seed: int = 0,
    precision: float = 0.02,
) -> float:
    """Measures how much the loss increases along random directions until the error no longer matches.

    Args:
      evaluate: function from weights to their loss and error, usually on validation images.
      loss: function from weights to the loss whose curvature is used, `curvature.Curvature.loss`.
      weights: the network's weights w.
      kept: the network's mask; only kept kernel weights move.
      allowed_error: the highest error that matches.
      seed: the seed of the directions.
      precision: the relative precision of the distance at which the error no longer matches.

    Returns:
      The mean increase of the loss over the directions; 0 if the network itself does not match.

    Raises:
      InputError: the error matches however far the weights move.
    """
    if evaluate(weights).error > allowed_error:
        return 0.0
    here = loss(weights)
    unit = [random_direction(kept, seed, "allowance", draw) for draw in range(RANDOM_DIRECTIONS)]
    far = [_distance_to(evaluate, weights, direction, allowed_error, precision) for direction in unit]
    return fmean(
        loss(moved(weights, direction, distance)) - here for direction, distance in zip(unit, far, strict=True)
    )


def _distance_to(
    evaluate: Evaluate, weights: Weights, direction: Weights, allowed_error: float, precision: float
) -> float:
    """Finds the distance along a direction at which the error exceeds a level, by doubling and then by bisection."""

    def matches(distance: float) -> bool:
        return evaluate(moved(weights, direction, distance)).error <= allowed_error

    high = 1e-3 * max(1.0, length(weights))
    most = high * 2.0**24
    while matches(high):
        high *= 2
        if high > most:
            raise InputError(
                f"The error never exceeds {allowed_error} along a random direction, so there is no limit to find."
            )
    low = 0.0
    while high - low > precision * high:
        middle = (low + high) / 2
        low, high = (middle, high) if matches(middle) else (low, middle)
    return low
