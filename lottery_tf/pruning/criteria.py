"""Mask criteria: from a layer's initial and final weights to a score a weight; the weights of highest score are kept.

Sources: Zhou et al., Figure 2 (the first nine), Section 5 and Figure 6 (the same_sign and diff_sign ones); `snip` is
Lee et al. (2019). A criterion is a function whose parameters name what it wants:

  w_i       the weights that the round began with: in the first round the initial weights; with the mask-1 action
            `rewind` always those of the untrained network, but for the zeros of the mask-0 action `hybrid_all`;
            with late rewinding those of the untrained network
  w_f       the weights at the end of the round's training
  gradient  the loss gradient of one training batch at w_i

Each is a one-dimensional float array of one layer's weights (with global pruning all prunable layers') that are still
unmasked, in one order; the scores come back in that order. `ranking.py` then keeps the highest, ties in random order.

>>> import numpy as np
>>> magnitude_increase(w_i=np.array([1.0, -2.0]), w_f=np.array([-3.0, 1.0]))
array([ 2., -1.])
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LAST = -np.inf  # the score of weights that go before all others


def large_final(w_f):
    """|w_f|, the criterion of Frankle & Carbin."""
    return np.abs(w_f)


def small_final(w_f):
    """-|w_f|."""
    return -np.abs(w_f)


def large_init(w_i):
    """|w_i|."""
    return np.abs(w_i)


def small_init(w_i):
    """-|w_i|."""
    return -np.abs(w_i)


def large_init_large_final(w_i, w_f):
    """min(a |w_i|, |w_f|) with a chosen to align percentiles: the least of the two percentile ranks."""
    return np.minimum(_percentile_rank(np.abs(w_i)), _percentile_rank(np.abs(w_f)))


def small_init_small_final(w_i, w_f):
    """-max(a |w_i|, |w_f|) with a chosen to align percentiles: the greatest of the two percentile ranks, negated."""
    return -np.maximum(_percentile_rank(np.abs(w_i)), _percentile_rank(np.abs(w_f)))


def magnitude_increase(w_i, w_f):
    """|w_f| - |w_i|."""
    return np.abs(w_f) - np.abs(w_i)


def movement(w_i, w_f):
    """|w_f - w_i|."""
    return np.abs(w_f - w_i)


def random(w_f):
    """0 for every weight, so that the random breaking of ties decides."""
    return np.zeros_like(w_f)


def large_final_same_sign(w_i, w_f):
    """|w_f| where training kept the sign, else last."""
    return np.where(np.sign(w_i) == np.sign(w_f), np.abs(w_f), LAST)


def large_final_diff_sign(w_i, w_f):
    """|w_f| where training changed the sign, else last."""
    return np.where(np.sign(w_i) != np.sign(w_f), np.abs(w_f), LAST)


def magnitude_increase_same_sign(w_i, w_f):
    """|w_f| - |w_i| where training kept the sign, else last."""
    return np.where(np.sign(w_i) == np.sign(w_f), np.abs(w_f) - np.abs(w_i), LAST)


def magnitude_increase_diff_sign(w_i, w_f):
    """|w_f| - |w_i| where training changed the sign, else last."""
    return np.where(np.sign(w_i) != np.sign(w_f), np.abs(w_f) - np.abs(w_i), LAST)


def snip(w_i, gradient):
    """|gradient x w_i|: how much the loss of one batch would feel the weight's removal."""
    return np.abs(gradient * w_i)


def grad(gradient):
    """|gradient| of the loss of one batch."""
    return np.abs(gradient)


def _percentile_rank(values: np.ndarray) -> np.ndarray:
    """The share of values that are not above each one, in (0, 1]; equal values share a rank."""
    return np.searchsorted(np.sort(values), values, side="right") / values.size


CRITERION_ARGUMENTS = ("w_i", "w_f", "gradient")  # what a criterion may ask for

CRITERIA: dict[str, Callable[..., np.ndarray]] = {
    criterion.__name__: criterion
    for criterion in (
        large_final,
        small_final,
        large_init,
        small_init,
        large_init_large_final,
        small_init_small_final,
        magnitude_increase,
        movement,
        random,
        large_final_same_sign,
        large_final_diff_sign,
        magnitude_increase_same_sign,
        magnitude_increase_diff_sign,
        snip,
        grad,
    )
}
