"""Ranking: the weights of highest score are kept, equal scores in random order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lottery_tf.errors import InputError
from lottery_tf.pruning.masks import Mask


def rank_weights(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The place of each weight among its layer's, 0 for the highest score; equal scores in random order.

    >>> rank_weights(np.array([[3.0, -np.inf], [2.0, 4.0]]), np.random.default_rng(0))
    array([[1, 3],
           [2, 0]])
    """
    lowest = lowest_first(np.ravel(scores), rng)
    places = np.empty(lowest.size, np.int64)
    places[lowest[::-1]] = np.arange(lowest.size)
    return places.reshape(np.shape(scores))


def keep_highest(kept: np.ndarray, scores: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Masks all but the highest-scored weights of one layer, among those still unmasked (step 2 of the algorithm).

    Args:
      kept: the layer's mask so far, boolean, any shape.
      scores: a score for each weight that `kept` keeps, in the order of `kernel[kept]`.
      count: how many weights stay unmasked.
      rng: breaks ties at random.

    Returns:
      The layer's new mask, of the same shape.

    Raises:
      InputError: scores of another length, or a score that is not a number.

    >>> keep_highest(np.array([True, True, False, True]), np.array([3.0, 1.0, 2.0]), 2, np.random.default_rng(0))
    array([ True, False, False,  True])
    """
    places = np.flatnonzero(kept)
    scores = checked_scores(scores, places.size)
    result = kept.copy()
    result.flat[places[lowest_first(scores, rng)[: max(0, places.size - count)]]] = False
    return result


def keep_highest_overall(mask: Mapping[str, np.ndarray], scores: np.ndarray, count: int, rng) -> Mask:
    """Masks all but the highest-scored weights of several layers, ranked together (global pruning).

    The highest-scored weight of each layer stays, whatever the others' scores: a layer without any weight would let
    nothing pass. Where that keeps a weight, the next lowest of another layer is pruned in its stead.

    Args:
      mask: the layers' masks so far.
      scores: a score for each weight that they keep, the layers one after another.
      count: how many weights stay unmasked in all.
      rng: breaks ties at random, across layers.

    Raises:
      InputError: fewer weights than layers, or scores that cannot be ranked.

    >>> mask = {"a": np.array([True, True, True]), "b": np.array([True, True])}
    >>> kept = keep_highest_overall(mask, np.array([5.0, 4.0, 3.0, 2.0, 1.0]), 3, np.random.default_rng(0))
    >>> [own.tolist() for own in kept.values()]
    [[True, True, False], [True, False]]
    """
    if count < len(mask):
        raise InputError(f"{count} weights cannot be kept in {len(mask)} layers: each keeps at least one.")
    sizes = [int(kept.sum()) for kept in mask.values()]
    lowest = lowest_first(checked_scores(scores, sum(sizes)), rng)
    layers = np.repeat(np.arange(len(sizes)), sizes)
    _, from_the_top = np.unique(layers[lowest[::-1]], return_index=True)
    lowest = np.delete(lowest, lowest.size - 1 - from_the_top)  # the highest of each layer
    stays = np.ones(sum(sizes), bool)
    stays[lowest[: max(0, sum(sizes) - count)]] = False
    result = {name: kept.copy() for name, kept in mask.items()}
    for kept, own in zip(result.values(), np.split(stays, np.cumsum(sizes)[:-1]), strict=True):
        kept[kept] = own
    return result


def lowest_first(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The places of one-dimensional scores from the lowest to the highest; equal scores in random order."""
    shuffled = rng.permutation(scores.size)
    return shuffled[np.argsort(scores[shuffled], kind="stable")]


def checked_scores(scores: np.ndarray, size: int) -> np.ndarray:
    """A criterion's scores of `size` weights; raises InputError for scores that cannot be ranked."""
    scores = np.asarray(scores)
    if scores.shape != (size,):
        raise InputError(f"A criterion returned scores of shape {scores.shape} for {size} unmasked weights.")
    if not np.issubdtype(scores.dtype, np.number) and scores.dtype != bool:
        raise InputError(f"A criterion returned scores of the type {scores.dtype}, which are no numbers.")
    if np.isnan(scores).any():
        raise InputError(f"A criterion returned {np.isnan(scores).sum()} scores that are not numbers (NaN).")
    return scores
