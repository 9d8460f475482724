"""Criteria against brute force, one weight at a time, in plain Python."""

import math

import hypothesis
import hypothesis.extra.numpy
import hypothesis.strategies as st
import numpy as np
import pytest

from lottery_tf.pruning.criteria import CRITERIA
from lottery_tf.registry import call_by_parameter_names

weights = hypothesis.extra.numpy.arrays(
    np.float32, st.shared(st.integers(1, 30), key="size"), elements=st.floats(-4, 4, width=32)
)


def sign(x):
    return int(x > 0) - int(x < 0)


BY_HAND = {  # the formulas of Figure 2 and Section 5 for one weight
    "large_final": lambda i, f, g: abs(f),
    "small_final": lambda i, f, g: -abs(f),
    "large_init": lambda i, f, g: abs(i),
    "small_init": lambda i, f, g: -abs(i),
    "magnitude_increase": lambda i, f, g: abs(f) - abs(i),
    "movement": lambda i, f, g: abs(f - i),
    "random": lambda i, f, g: 0,
    "large_final_same_sign": lambda i, f, g: abs(f) if sign(i) == sign(f) else -math.inf,
    "large_final_diff_sign": lambda i, f, g: abs(f) if sign(i) != sign(f) else -math.inf,
    "magnitude_increase_same_sign": lambda i, f, g: abs(f) - abs(i) if sign(i) == sign(f) else -math.inf,
    "magnitude_increase_diff_sign": lambda i, f, g: abs(f) - abs(i) if sign(i) != sign(f) else -math.inf,
    "snip": lambda i, f, g: abs(g * i),
    "grad": lambda i, f, g: abs(g),
}


@pytest.mark.parametrize("name", BY_HAND)
@hypothesis.settings(max_examples=40)
@hypothesis.given(w_i=weights, w_f=weights, gradient=weights)
def test_formula(name, w_i, w_f, gradient):
    scores = call_by_parameter_names(CRITERIA[name], w_i=w_i, w_f=w_f, gradient=gradient)
    by_hand = [BY_HAND[name](i, f, g) for i, f, g in zip(w_i, w_f, gradient, strict=True)]
    np.testing.assert_allclose(scores, by_hand, rtol=1e-6, atol=1e-30)


def test_every_criterion_is_checked():
    assert CRITERIA.keys() - BY_HAND.keys() == {"large_init_large_final", "small_init_small_final"}


@pytest.mark.parametrize("kept_count", [1, 10, 37, 80])
def test_aligned_percentiles_by_bisection(kept_count):
    """min(a|wi|, |wf|) with a that aligns percentiles: the intersection of two top-q sets that has the wanted size."""
    rng = np.random.default_rng(kept_count)
    w_i, w_f = rng.normal(size=(2, 100))
    a, b = np.abs(w_i), np.abs(w_f)
    for q in sorted(np.concatenate([np.arange(1, 101) / 100]), reverse=True):  # the highest common percentile first
        chosen = (a >= np.quantile(a, q, method="inverted_cdf")) & (b >= np.quantile(b, q, method="inverted_cdf"))
        if chosen.sum() >= kept_count:
            break
    scores = CRITERIA["large_init_large_final"](w_i, w_f)
    top = set(np.argsort(-scores, kind="stable")[: chosen.sum()])
    assert top == set(np.flatnonzero(chosen))


def test_small_small_keeps_what_is_small_in_both():
    w_i = np.array([0.1, 0.2, 3.0, 0.3, 5.0])
    w_f = np.array([-20.0, 1.0, 2.0, -3.0, 40.0])  # another scale: percentiles, not values, are compared
    scores = CRITERIA["small_init_small_final"](w_i, w_f)
    assert np.argmax(scores) == 1  # ranks (2, 1); weight 0 is the smallest at first but the second largest at the end
    assert np.argmin(scores) == 4


def test_opposite_criteria_reverse_each_other():
    rng = np.random.default_rng(0)
    w_i, w_f = rng.normal(size=(2, 50))
    for large, small in (("large_final", "small_final"), ("large_init", "small_init")):
        offered = {"w_i": w_i, "w_f": w_f, "gradient": None}
        np.testing.assert_array_equal(
            call_by_parameter_names(CRITERIA[large], **offered), -call_by_parameter_names(CRITERIA[small], **offered)
        )
