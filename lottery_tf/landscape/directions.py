"""Directions in weight space: what pruning takes away, and random ones among the weights that survive.

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
    """The Euclidean length of a direction over all its arrays, summed in float64.

    >>> length({"a": np.array([3.0]), "b": np.array([[4.0]])})
    5.0
    """
    return math.sqrt(sum(float(np.sum(np.square(values, dtype=np.float64))) for values in direction.values()))


def pruning_direction(weights: Weights, kept: Mask, kept_next: Mask) -> Weights:
    """What takes weights to their projection onto a smaller mask: minus the weights that the smaller mask removes.

    At a rewind point w_k its length is the distance between the successive rewind points of [Paul et al.,
    arXiv 2210.03044], that of w_k under `kept` and that of w_k under `kept_next`; at the end of training it is the
    length of the pruning projection.

    Args:
      weights: weights, of which the kernels of the masks are read.
      kept: the mask of the level.
      kept_next: the mask of the next level, which keeps no weight that `kept` has removed.

    Returns:
      For each kernel an array of its shape, zero but for the removed weights.

    Raises:
      InputError: the masks are of other kernels, or `kept_next` keeps what `kept` has removed.

    >>> mask, smaller = {"a": np.array([True, True, False])}, {"a": np.array([True, False, False])}
    >>> pruning_direction({"a": np.array([5.0, 2.0, 7.0])}, mask, smaller)["a"].tolist()
    [0.0, -2.0, 0.0]
    """
    if kept.keys() != kept_next.keys():
        raise InputError(f"The masks are of {', '.join(kept)} and of {', '.join(kept_next)}; they must be of the same.")
    for name in kept:
        if (kept_next[name] & ~kept[name]).any():
            raise InputError(f"The next mask keeps weights of {name!r} that the mask before it had removed.")
    return {name: np.where(kept[name] & ~kept_next[name], -weights[name], 0) for name in kept}


def random_direction(kept: Mask, seed: int, *keys: int | str) -> Weights:
    """A direction of length 1, drawn evenly from all directions among the surviving weights.

    Args:
      kept: the mask; removed weights do not move.
      seed: the run's seed.
      *keys: what tells this direction from others: a level, the number of the draw.

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
    """Weights moved by a distance along a direction of any length above zero; arrays the direction lacks stay.

    The sum is made in float64 and rounded once to the weights' own types.

    Raises:
      InputError: a direction of length zero or not a number, or with an array that the weights lack.

    >>> moved({"a": np.array([1.0, 1.0])}, {"a": np.array([0.0, 2.0])}, 3.0)["a"].tolist()
    [1.0, 4.0]
    """
    if not (total := length(direction)) > 0:
        raise InputError(f"The direction has the length {total}; it must be above 0.")
    if odd := direction.keys() - weights.keys():
        raise InputError(f"The direction moves {', '.join(sorted(odd))}, which the weights lack.")
    step = distance / total
    return weights | {
        name: (weights[name] + step * values.astype(np.float64)).astype(weights[name].dtype)
        for name, values in direction.items()
    }
