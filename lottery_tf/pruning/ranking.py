"""Keeps the weights with the highest scores; equal scores are ranked in random order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from lottery_tf.errors import InputError
from lottery_tf.pruning.masks import Mask
from lottery_tf.seeds import generator

Scores = Callable[[list[str]], np.ndarray]  # the scores of the unmasked weights of some layers, layer after layer


def rank_weights(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns the rank of each weight in its layer, 0 for the highest score; equal scores are ranked in random order.

    >>> rank_weights(np.array([[3.0, -np.inf], [2.0, 4.0]]), np.random.default_rng(0))
    array([[1, 3],
           [2, 0]])
    """
    lowest = lowest_first(np.ravel(scores), rng)
    ranks = np.empty(lowest.size, np.int64)
    ranks[lowest[::-1]] = np.arange(lowest.size)
    return ranks.reshape(np.shape(scores))


def keep_highest(kept: np.ndarray, scores: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Masks the weights of one layer with the lowest scores, so that `count` stay unmasked (step 2 of the algorithm).

    Args:
      kept: the layer's mask so far, a boolean array of any shape.
      scores: a score for each weight that `kept` keeps, in the order of `kernel[kept]`.
      count: the number of weights that stay unmasked.
      rng: the generator that breaks ties at random.

    Returns:
      The layer's new mask, of the same shape.

    Raises:
      InputError: the scores have another length, or one of them is not a number.

    >>> keep_highest(np.array([True, True, False, True]), np.array([3.0, 1.0, 2.0]), 2, np.random.default_rng(0))
    array([ True, False, False,  True])
    """
    indices = np.flatnonzero(kept)
    scores = checked_scores(scores, indices.size)
    result = kept.copy()
    result.flat[indices[lowest_first(scores, rng)[: max(0, indices.size - count)]]] = False
    return result


def keep_highest_overall(mask: Mapping[str, np.ndarray], scores: np.ndarray, count: int, rng) -> Mask:
    """Masks the weights with the lowest scores of all layers together, so that `count` stay unmasked (global pruning).

    The weight with the highest score of each layer is always kept, so that no layer is left without weights. If its
    score is too low, a weight of another layer is pruned instead.

    Args:
      mask: the layers' masks so far.
      scores: a score for each weight that the masks keep, layer after layer.
      count: the number of weights of all layers that stay unmasked.
      rng: the generator that breaks ties at random, across layers.

    Raises:
      InputError: `count` is below the number of layers, or the scores cannot be ranked.

    >>> mask = {"a": np.array([True, True, True]), "b": np.array([True, True])}
    >>> kept = keep_highest_overall(mask, np.array([5.0, 4.0, 3.0, 2.0, 1.0]), 3, np.random.default_rng(0))
    >>> [of_layer.tolist() for of_layer in kept.values()]
    [[True, True, False], [True, False]]
    """
    if count < len(mask):
        raise InputError(f"Cannot keep {count} weights in {len(mask)} layers, because each layer keeps at least one.")
    sizes = [int(kept.sum()) for kept in mask.values()]
    lowest = lowest_first(checked_scores(scores, sum(sizes)), rng)
    layers = np.repeat(np.arange(len(sizes)), sizes)
    _, from_the_top = np.unique(layers[lowest[::-1]], return_index=True)
    lowest = np.delete(lowest, lowest.size - 1 - from_the_top)  # the highest of each layer
    stays = np.ones(sum(sizes), bool)
    stays[lowest[: max(0, sum(sizes) - count)]] = False
    result = {name: kept.copy() for name, kept in mask.items()}
    for kept, stays_in_layer in zip(result.values(), np.split(stays, np.cumsum(sizes)[:-1]), strict=True):
        kept[kept] = stays_in_layer
    return result


def lowest_first(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns the indices that sort one-dimensional scores from lowest to highest; equal scores are in random order."""
    shuffled = rng.permutation(scores.size)
    return shuffled[np.argsort(scores[shuffled], kind="stable")]


def checked_scores(scores: np.ndarray, size: int) -> np.ndarray:
    """Returns a criterion's scores of `size` weights as an array; raises InputError if they cannot be ranked."""
    scores = np.asarray(scores)
    if scores.shape != (size,):
        raise InputError(f"A criterion returned scores of shape {scores.shape} for {size} unmasked weights.")
    if not np.issubdtype(scores.dtype, np.number) and scores.dtype != bool:
        raise InputError(f"A criterion returned scores of the type {scores.dtype}; it must return numbers.")
    if np.isnan(scores).any():
        raise InputError(f"A criterion returned NaN for {np.isnan(scores).sum()} weights.")
    return scores


def _layer_by_layer(mask: Mask, scores: Scores, counts: Mapping[str, int], seed: int, level: int) -> Mask:
    """Keeps the given number of weights of each layer."""
    return {
        name: keep_highest(kept, scores([name]), counts[name], generator(seed, "ties", level, name))
        for name, kept in mask.items()
    }


def _all_together(mask: Mask, scores: Scores, counts: Mapping[str, int], seed: int, level: int) -> Mask:
    """Keeps the sum of the given numbers of all layers together."""
    count = sum(counts[name] for name in mask)
    return keep_highest_overall(mask, scores(list(mask)), count, generator(seed, "ties", level))


SCOPES = {"layer": _layer_by_layer, "global": _all_together}  # name -> function that ranks the scores
