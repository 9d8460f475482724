"""Directions in weight space: those of pruning, and random directions among the kept weights.

A direction is a `dict[str, np.ndarray]` like a model's weights, with only the kernels that it moves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from lottery_tf.errors import InputError
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Weights
from lottery_tf.seeds import generator


def length(direction: Mapping[str, np.ndarray]) -> float:
    """Returns the Euclidean length of a direction over all its arrays, summed in float64.

    >>> length({"a": np.array([3.0]), "b": np.array([[4.0]])})
    5.0
    """
    return math.sqrt(sum(float(np.sum(np.square(values, dtype=np.float64))) for values in direction.values()))


def pruning_direction(weights: Weights, kept: Mask, kept_next: Mask) -> Weights:
    """Returns the direction from weights to their projection onto a smaller mask, which sets removed weights to zero.

    At a rewind point its length is the distance between the rewind points of two successive levels [Paul et al., arXiv
    2210.03044]. At the end of training it is the length of the pruning projection.

    Args:
      weights: weights that include the kernels of the masks.
      kept: the mask of the level.
      kept_next: the mask of the next level; it may keep only weights that `kept` keeps.

    Returns:
      For each kernel an array of its shape: minus the weight where the weight is removed, else zero.

    Raises:
      InputError: the masks have different kernels, or `kept_next` keeps a weight that `kept` does not keep.

    >>> mask, smaller = {"a": np.array([True, True, False])}, {"a": np.array([True, False, False])}
    >>> pruning_direction({"a": np.array([5.0, 2.0, 7.0])}, mask, smaller)["a"].tolist()
    [0.0, -2.0, 0.0]
    """
    if kept.keys() != kept_next.keys():
        raise InputError(
            f"The masks must have the same kernels; they have {', '.join(kept)} and {', '.join(kept_next)}."
        )
    for name in kept:
        if (kept_next[name] & ~kept[name]).any():
            raise InputError(f"The next mask keeps weights of {name!r} that the mask before it does not keep.")
    return {name: np.where(kept[name] & ~kept_next[name], -weights[name], 0) for name in kept}


def random_direction(kept: Mask, seed: int, *keys: int | str) -> Weights:
    """Returns a random direction of length 1, uniformly distributed over all directions among the kept weights.

    Args:
      kept: the mask; pruned weights do not move.
      seed: the seed.
      *keys: further keys of the random direction: a level, the number of the draw.

    Returns:
      For each kernel a float64 array of its shape, zero where the mask is False.

    >>> mask = {"a": np.array([True, False, True])}
    >>> direction = random_direction(mask, 0, "an example")
    >>> round(length(direction), 12), float(direction["a"][1])
    (1.0, 0.0)
    """
    drawn = {
        name: np.where(mask, generator(seed, "random direction", name, *keys).standard_normal(mask.shape), 0.0)
        for name, mask in kept.items()
    }
    total = length(drawn)
    return {name: values / total for name, values in drawn.items()}


def moved(weights: Weights, direction: Weights, distance: float) -> Weights:
    """Returns weights moved by a distance along a direction, whose length may be any number above zero.

    Arrays without a direction do not move. The sum is computed in float64 and rounded once to the type of the weights.

    Raises:
      InputError: the length of the direction is zero or NaN, or it has an array that the weights do not have.

    >>> moved({"a": np.array([1.0, 1.0])}, {"a": np.array([0.0, 2.0])}, 3.0)["a"].tolist()
    [1.0, 4.0]
    """
    if not (total := length(direction)) > 0:
        raise InputError(f"The direction has the length {total}; it must be above 0.")
    if unknown := direction.keys() - weights.keys():
        raise InputError(f"The direction moves {', '.join(sorted(unknown))}, which the weights do not have.")
    step = distance / total
    return weights | {
        name: (weights[name] + step * values.astype(np.float64)).astype(weights[name].dtype)
        for name, values in direction.items()
    }
