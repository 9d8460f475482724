"""Mask criteria: functions that give a score to each weight; the weights with the highest scores are kept.

References: Zhou et al., Figure 2 (the first nine), Section 5 and Figure 6 (the same_sign and diff_sign criteria); Lee
et al., 2019 (`snip`). A criterion may have any of these parameters, and gets the arguments it names:

  w_i       the weights at the start of the round's training, which the actions set: with the mask-1 action `rewind`
            the weights of the untrained network. With late rewinding, w_i is always the untrained weight
  w_f       the weights at the end of the round's training
  gradient  the loss gradient of one training batch at w_i

Each argument is a one-dimensional float array of the weights of one layer that are still unmasked (with global pruning:
of all prunable layers). All have the same order, and the scores are returned in this order. `ranking.py` then keeps the
highest scores; equal scores are ranked at random.

>>> import numpy as np
>>> magnitude_increase(w_i=np.array([1.0, -2.0]), w_f=np.array([-3.0, 1.0]))
array([ 2., -1.])
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

LAST = -np.inf  # the score of weights that are pruned first


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
    """min(a |w_i|, |w_f|), where a aligns the percentiles: the smaller of the two percentile ranks."""
    return np.minimum(_percentile_rank(np.abs(w_i)), _percentile_rank(np.abs(w_f)))


def small_init_small_final(w_i, w_f):
    """-max(a |w_i|, |w_f|), where a aligns the percentiles: the larger of the two percentile ranks, negated."""
    return -np.maximum(_percentile_rank(np.abs(w_i)), _percentile_rank(np.abs(w_f)))


def magnitude_increase(w_i, w_f):
    """|w_f| - |w_i|."""
    return np.abs(w_f) - np.abs(w_i)


def movement(w_i, w_f):
    """|w_f - w_i|."""
    return np.abs(w_f - w_i)


def random(w_f):
    """0 for every weight, so that ties, which are broken at random, decide."""
    return np.zeros_like(w_f)


def large_final_same_sign(w_i, w_f):
    """|w_f| if training kept the sign, else -infinity."""
    return np.where(np.sign(w_i) == np.sign(w_f), np.abs(w_f), LAST)


def large_final_diff_sign(w_i, w_f):
    """|w_f| if training changed the sign, else -infinity."""
    return np.where(np.sign(w_i) != np.sign(w_f), np.abs(w_f), LAST)


def magnitude_increase_same_sign(w_i, w_f):
    """|w_f| - |w_i| if training kept the sign, else -infinity."""
    return np.where(np.sign(w_i) == np.sign(w_f), np.abs(w_f) - np.abs(w_i), LAST)


def magnitude_increase_diff_sign(w_i, w_f):
    """|w_f| - |w_i| if training changed the sign, else -infinity."""
    return np.where(np.sign(w_i) != np.sign(w_f), np.abs(w_f) - np.abs(w_i), LAST)


def snip(w_i, gradient):
    """|gradient x w_i|: about how much the loss of one batch changes if the weight is removed."""
    return np.abs(gradient * w_i)


def grad(gradient):
    """|gradient|, of the loss of one batch."""
    return np.abs(gradient)


def _percentile_rank(values: np.ndarray) -> np.ndarray:
    """Returns for each value the share of values that are not above it, in (0, 1]. Equal values have equal ranks."""
    return np.searchsorted(np.sort(values), values, side="right") / values.size


CRITERION_ARGUMENTS = ("w_i", "w_f", "gradient")  # the parameters that a criterion may have

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
