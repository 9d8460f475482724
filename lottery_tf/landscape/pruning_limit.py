"""How much of a network can be pruned at once: predicted from the curvature of its loss, and found by search.

Paul et al. (arXiv 2210.03044) show that the spectrum of the Hessian at the end of training, together with the length
of the pruning projection, bounds the share of weights that can be pruned at once. Let w be a network at the end of its
training, and kept(p) the mask that prunes the share p of its surviving weights in the order of a criterion's scores.
Let d(p) = -w on the weights that the mask removes: w + d(p) is the projection, and R(p) = |d(p)| its length. A network
matches as long as its loss is no more than an allowance above that of w. Three predictions of the largest matching p:

  along the projection  g.d(p) + d(p)^T H d(p) / 2 <= allowance: the quadratic model of the loss where pruning leads to.
                        It predicts what pruning without retraining withstands.
  all directions alike  R(p)^2 trace(H) / (2 size) <= allowance: what the first would be if the projection were a random
                        direction of its length. Where the first allows more, pruning removes flatter directions.
  subspace meets bowl   the surviving subspace, seen as a random one whose nearest point is R(p) away, meets the
                        ellipsoid {d: d^T H d / 2 <= allowance} as long as the weights removed, m of size, are no more
                        than its local angular dimension (Larsen et al., arXiv 2107.05802, from Gordon's escape
                        theorem): the sum over eigenvalues of r^2 / (D^2 + r^2), r^2 = 2 allowance / eigenvalue, and 1
                        for an eigenvalue that is not positive. It predicts what pruning followed by retraining
                        withstands.

The first two are this project's own, the plainest quadratic readings of the claim; the third is the theory that the
claim rests on, as this project understands it. There D is the distance of a point that the subspace passes through.
Here D^2 = R(p)^2 (size - m) / m, which is |w|^2 (1 - p) for random pruning; for a random subspace of many dimensions,
the condition is then that of the bowl's lowest point in the subspace itself, and tests check it against such points.
How Paul et al. set the allowance is not known here. `loss_allowance` measures it, without pruning anything, where the
error leaves the matching level along random directions.

Pruning is to zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

import numpy as np

from lottery_tf.errors import InputError
from lottery_tf.landscape.directions import length, moved, pruning_direction, random_direction
from lottery_tf.landscape.interpolation import Evaluate
from lottery_tf.landscape.spectrum import SpectralDensity
from lottery_tf.pruning import kept_counts
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import SCOPES, Weights
from lottery_tf.registry import choose

PRECISION = 0.005  # of a largest pruned fraction
MaskAt = Callable[[float], Mask]


class OneShot:
    """The masks that prune one network at once, by any share, in the order of a criterion's scores.

    Calling it with a pruned fraction p, in [0, 1), gives the mask. The share is of the weights that survive in layers
    that rounds of pruning do not leave whole. Layers are pruned in the same proportion as in these rounds
    (`kept_counts.counts_for`). Masks of growing p are nested, and a layer keeps at least one weight.

    Args:
      kept: the mask so far; p is a share of what it keeps.
      scores: for each kernel an array of its shape; the lowest are pruned first, ties at random.
      pruned_fraction: for each kernel the share that a round prunes, 0 to leave it whole
        (`Experiment.pruned_fraction`).
      seed: of the ties.
      scope: a name in `treatments.SCOPES`: whether scores are ranked within each layer or all together.

    Raises:
      InputError: an unknown scope, or pruned fractions that leave every layer whole.

    >>> one_shot = OneShot({"a": np.ones(4, bool)}, {"a": np.array([3.0, 1.0, 4.0, 2.0])}, {"a": 0.2})
    >>> one_shot(0.5)["a"].tolist()
    [True, False, True, False]
    """

    def __init__(
        self, kept: Mask, scores: Weights, pruned_fraction: Mapping[str, float], seed: int = 0, scope: str = "layer"
    ):
        self.kept = kept
        self._scores, self._pruned_fraction, self._seed = scores, pruned_fraction, seed
        self._ranked = choose(SCOPES, scope, "scope of pruning")
        self._prunable = {name: mask for name, mask in kept.items() if pruned_fraction[name]}
        if not self._prunable:
            raise InputError("Every layer stays whole with these pruned fractions: there is nothing to prune.")

    def __call__(self, fraction: float) -> Mask:
        """The mask that prunes a share of the weights, up to rounding in each layer.

        Raises:
          InputError: a share outside [0, 1), or scores that cannot be ranked.
        """
        kept_counts.check_pruned_fraction("The pruned fraction", fraction)
        if fraction == 0:
            return self.kept
        sizes = {name: int(mask.sum()) for name, mask in self._prunable.items()}
        counts = kept_counts.counts_for(sizes, self._pruned_fraction, 1 - fraction)
        return self.kept | self._ranked(self._prunable, self._surviving_scores, counts, self._seed, 0)

    def _surviving_scores(self, layers: Sequence[str]) -> np.ndarray:
        return np.concatenate([self._scores[name][self._prunable[name]] for name in layers])


def projected(weights: Weights, kept: Mask) -> Weights:
    """Weights with those that a mask removes at zero."""
    return weights | {name: np.where(mask, weights[name], np.zeros_like(weights[name])) for name, mask in kept.items()}


def largest(holds: Callable[[float], bool], *, precision: float = PRECISION) -> float:
    """The largest share for which something holds, by bisection.

    Args:
      holds: a function of a share in [0, 1) that holds below some share and fails above it; asked about
        log2(1 / precision) times, from 1/2 on.
      precision: the share that is given holds, and one larger by no more than this does not.

    Returns:
      The share, 0 where even the least one asked for fails; 0 itself is not asked for.

    >>> round(largest(lambda share: share <= 0.3, precision=1e-6), 5)
    0.3
    """
    low, high = 0.0, 1.0
    while high - low > precision:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def found_limit(
    evaluate: Evaluate,
    mask_at: MaskAt,
    end: Callable[[Mask], Weights],
    allowed_error: float,
    *,
    precision: float = PRECISION,
) -> float:
    """The largest pruned fraction that still matches, found by bisection over pruned networks.

    Args:
      evaluate: gives the loss and error of any weights, as a rule on validation images.
      mask_at: from a pruned fraction to a mask (`OneShot`).
      end: from a mask to the weights that are evaluated: `lambda kept: projected(w, kept)` without retraining; with it,
        a function that rewinds, trains under the mask and returns the weights at the end.
      allowed_error: the greatest error that matches, the dense network's plus `interpolation.MATCHING`.
      precision: of the fraction. Each halving of it takes one more evaluation, or training.
    """
    return largest(lambda share: evaluate(end(mask_at(share))).error <= allowed_error, precision=precision)


def predicted_along_projection(
    increase: Callable[[Weights], float],
    weights: Weights,
    kept: Mask,
    mask_at: MaskAt,
    allowance: float,
    *,
    precision: float = PRECISION,
) -> float:
    """The largest pruned fraction whose projection the quadratic model allows: g.d(p) + d(p)^T H d(p) / 2 <= allowance.

    Args:
      increase: the quadratic model, `curvature.Hessian.increase`.
      weights: the network's weights w.
      kept: its mask.
      mask_at: from a pruned fraction to a mask (`OneShot`).
      allowance: by how much the loss may grow.
      precision: of the fraction.
    """
    return largest(
        lambda share: increase(pruning_direction(weights, kept, mask_at(share))) <= allowance, precision=precision
    )


def predicted_all_alike(
    mean_eigenvalue: float,
    weights: Weights,
    kept: Mask,
    mask_at: MaskAt,
    allowance: float,
    *,
    precision: float = PRECISION,
) -> float:
    """The same with every direction as curved as the mean: R(p)^2 mean_eigenvalue / 2 <= allowance.

    The mean eigenvalue is trace(H) / size; the other arguments are those of `predicted_along_projection`.
    """

    def holds(share: float) -> bool:
        return length(pruning_direction(weights, kept, mask_at(share))) ** 2 * mean_eigenvalue / 2 <= allowance

    return largest(holds, precision=precision)


def angular_dimension(density: SpectralDensity, distance: float, allowance: float) -> float:
    """The local angular dimension of {d: d^T H d / 2 <= allowance} seen from a point at a distance from its middle.

    A random subspace through that point meets it as a rule where it lacks no more dimensions than these.

    Larsen et al. (arXiv 2107.05802): the sum over eigenvalues of r^2 / (distance^2 + r^2), r^2 = 2 allowance /
    eigenvalue; one that is not positive counts 1.

    Args:
      density: of the Hessian's eigenvalues.
      distance: Euclidean.
      allowance: by how much the loss may grow, above 0.

    Raises:
      InputError: an allowance that is not above 0.

    >>> density = SpectralDensity(np.array([0.0, 1.0]), np.array([0.5, 0.5]), size=100)
    >>> angular_dimension(density, distance=2.0, allowance=2.0)
    75.0
    """
    if not allowance > 0:
        raise InputError(f"The allowance is {allowance}; it must be above 0.")
    share = density.mean(lambda values: 2 * allowance / (np.maximum(values, 0) * distance**2 + 2 * allowance))
    return share * density.size


def predicted_subspace_meets(
    density: SpectralDensity,
    weights: Weights,
    kept: Mask,
    mask_at: MaskAt,
    allowance: float,
    *,
    precision: float = PRECISION,
) -> float:
    """The largest pruned fraction that removes no more weights than the local angular dimension of the bowl.

    The density is that of the eigenvalues of the Hessian at w, in the subspace of `kept`. The other arguments are those
    of `predicted_along_projection`; the allowance must be above 0.
    """

    def holds(share: float) -> bool:
        left = mask_at(share)
        removed = sum(int(kept[name].sum() - left[name].sum()) for name in kept)
        nearest = length(pruning_direction(weights, kept, left))
        through = nearest * math.sqrt((density.size - removed) / max(removed, 1))
        return removed <= angular_dimension(density, through, allowance)

    return largest(holds, precision=precision)


def loss_allowance(
    evaluate: Evaluate,
    loss: Callable[[Weights], float],
    weights: Weights,
    kept: Mask,
    allowed_error: float,
    *,
    seed: int = 0,
    directions: int = 5,
    precision: float = 0.02,
) -> float:
    """By how much the loss has grown where the error leaves the matching level, in the mean over random directions.

    Args:
      evaluate: gives the error of any weights, as a rule on validation images.
      loss: gives the loss whose curvature is used, `curvature.Curvature.loss`.
      weights: the network's weights w.
      kept: its mask; the directions are among surviving kernel weights.
      allowed_error: the greatest error that matches.
      seed: of the directions.
      directions: how many.
      precision: of the distance at which the error leaves the matching level, relative.

    Returns:
      The mean increase of the loss; 0 where the network itself does not match.

    Raises:
      InputError: the error stays at the matching level however far the weights move.
    """
    if evaluate(weights).error > allowed_error:
        return 0.0
    here = loss(weights)
    unit = [random_direction(kept, seed, "allowance", draw) for draw in range(directions)]
    far = [_distance_to(evaluate, weights, direction, allowed_error, precision) for direction in unit]
    return fmean(
        loss(moved(weights, direction, distance)) - here for direction, distance in zip(unit, far, strict=True)
    )


def _distance_to(
    evaluate: Evaluate, weights: Weights, direction: Weights, allowed_error: float, precision: float
) -> float:
    """The distance along a direction at which the error first exceeds a level: doubled until it does, then bisected."""

    def matches(distance: float) -> bool:
        return evaluate(moved(weights, direction, distance)).error <= allowed_error

    high = 1e-3 * max(1.0, length(weights))
    most = high * 2.0**24
    while matches(high):
        high *= 2
        if high > most:
            raise InputError(f"The error never exceeds {allowed_error} along a random direction: it cannot be a limit.")
    low = 0.0
    while high - low > precision * high:
        middle = (low + high) / 2
        low, high = (middle, high) if matches(middle) else (low, middle)
    return low
