"""Significance tests against hand-computed cases, closed forms and brute force."""

import itertools
import math

import numpy as np
import pytest
from some_runs import runs

from analysis.statistics.significance_tests import compare
from analysis.statistics.stars import StarRule, leader_comparisons, stars
from lottery_tf.errors import InputError

NAN = float("nan")


def t_tail(t, freedom):
    """P(T > t) by integrating Student's density, which no library is asked for."""
    x = np.linspace(t, t + 4000, 4_000_001)
    constant = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    return float(np.trapezoid(constant * (1 + x**2 / freedom) ** (-(freedom + 1) / 2), x))


def test_student_by_hand():
    # Means 4 and 2, both variances 1: t = 2 / sqrt(2/3) with 4 degrees of freedom, whose distribution has a closed
    # form.
    t = math.sqrt(6)
    closed = 0.5 - 3 / 8 * t / math.sqrt(1 + t**2 / 4) * (1 - t**2 / (12 * (1 + t**2 / 4)))
    found = compare(runs(3, 4, 5), runs(1, 2, 3), "student")
    assert found.p_value == pytest.approx(closed)
    assert (found.n_a, found.n_b, found.difference) == (3, 3, 2)
    assert found.effect_size == pytest.approx(2 * (1 - 3 / 15))
    half = 2.7764451052 * math.sqrt(2 / 3)  # the 97.5% point of t with 4 degrees of freedom, from a table
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half))


def test_welch_by_its_formula():
    a, b = np.array([10.0, 12, 9, 15, 11]), np.array([8.0, 8.5, 9, 7])
    v, w = a.var(ddof=1) / 5, b.var(ddof=1) / 4
    freedom = (v + w) ** 2 / (v**2 / 4 + w**2 / 3)
    expected = t_tail((a.mean() - b.mean()) / math.sqrt(v + w), freedom)
    assert compare(runs(*a), runs(*b)).p_value == pytest.approx(expected, rel=1e-4)


def test_paired_by_its_formula():
    a, b = runs(5, 7, 6, 9), runs(4, 6.5, 6.2, 7)
    differences = np.array([1, 0.5, -0.2, 2])
    t = differences.mean() / (differences.std(ddof=1) / 2)
    assert compare(a, b, "paired").p_value == pytest.approx(t_tail(t, 3), rel=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_the_permutation_test_counts_every_split(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 6, 5) / 10_000 + 0.98, rng.integers(0, 6, rng.integers(2, 6)) / 10_000 + 0.98
    pooled = [round(10_000 * value) for value in (*a, *b)]
    sums = [sum(chosen) for chosen in itertools.combinations(pooled, 5)]  # of whole numbers: no rounding
    expected = sum(total >= sum(pooled[:5]) for total in sums) / len(sums)
    assert compare(runs(*a), runs(*b), "permutation").p_value == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(8))
def test_the_wilcoxon_test_counts_every_sign(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(9800, 9806, 5), rng.integers(9797, 9804, 5)
    differences = [int(d) for d in a - b if d]
    ranks = [
        sum(abs(other) < abs(d) for other in differences) + (1 + sum(abs(other) == abs(d) for other in differences)) / 2
        for d in differences
    ]
    found = sum(rank for rank, d in zip(ranks, differences, strict=True) if d > 0)
    totals = [
        sum(rank for rank, plus in zip(ranks, signs, strict=True) if plus)
        for signs in itertools.product((0, 1), repeat=len(ranks))
    ]
    expected = sum(total >= found for total in totals) / len(totals)
    # As shares of 10,000 images, where equal differences are not equal to the last bit.
    assert compare(runs(*a / 10_000), runs(*b / 10_000), "wilcoxon").p_value == pytest.approx(expected)


def test_a_p_value_of_exactly_the_significance_is_enough():
    points = {"a": runs(4, 5, 6), "b": runs(1, 2, 3)}
    assert compare(points["a"], points["b"], "permutation").p_value == 0.05
    assert stars(points, rule=StarRule("permutation"))["a"]
    assert not stars(points, rule=StarRule("permutation", significance=0.0499))["a"]


def test_less_is_greater_of_the_negative():
    a, b = runs(100, 300, 200), runs(500, 400, 700)
    mirrored = [{seed: -value for seed, value in line.items()} for line in (a, b)]
    less, greater = compare(a, b, better="less"), compare(*mirrored)
    assert less.p_value == greater.p_value < 0.05
    assert (less.difference, less.low, less.effect_size) == (-greater.difference, -greater.high, -greater.effect_size)
    assert stars({"a": a, "b": b}, "less") == {"a": True, "b": False}
    assert stars({"a": a, "b": b}, "greater") == {"a": False, "b": True}


def test_variance_in_one_line_is_enough():
    found = compare(runs(5, 6, 7), runs(1, 1, 1))
    assert found.p_value == pytest.approx(t_tail(5 / math.sqrt(1 / 3), 2), rel=1e-4)
    assert found.note == ""


@pytest.mark.parametrize(
    ("a", "b", "test", "note"),
    [
        (runs(2, 2), runs(1, 1), "welch", "the runs of each line are all equal"),
        (runs(0.3, 0.7), runs(0.1, 0.5), "paired", "all differences are equal"),  # but for rounding
        (runs(2), runs(1, 2), "welch", "Welch's t-test needs 2 runs of each line"),
        (runs(2, 3, 5), runs(1, 2.5), "paired", "runs left out because the other line lacks their seed: 1"),
        (runs(NAN), runs(1), "welch", "no runs to compare"),
    ],
)
def test_a_note_says_what_is_not_defined(a, b, test, note):
    assert compare(a, b, test).note == note


def test_diverged_runs_are_left_out():
    assert compare(runs(3, NAN, 4, 5), runs(1, 2, 3, NAN)) == compare({0: 3.0, 2: 4.0, 3: 5.0}, runs(1, 2, 3))


def test_pairs_are_of_the_same_seed_in_any_order():
    a, b = {2: 5.0, 0: 3.0, 1: 9.0}, {1: 8.0, 0: 2.5, 2: 4.9, 7: 100.0}
    assert compare(a, b, "paired").p_value == compare(runs(3, 9, 5), runs(2.5, 8, 4.9), "paired").p_value


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"test": "welsh"}, "Unknown test 'welsh'; did you mean 'welch'"),
        ({"correction": "bonferroni"}, "Unknown correction 'bonferroni'"),
        ({"significance": 0.0}, "significance is 0.0; it must lie between 0 and 1"),
        ({"significance": NAN}, "significance is nan"),
    ],
)
def test_what_cannot_be_asked(arguments, message):
    with pytest.raises(InputError, match=message):
        StarRule(**arguments)


def test_better_has_two_directions():
    for ask in (stars, leader_comparisons):
        with pytest.raises(InputError, match="Unknown direction 'more'"):
            ask({"a": runs(1, 2), "b": runs(3, 4)}, "more")


@pytest.mark.parametrize("test", ["permutation", "wilcoxon"])
def test_an_exact_test_of_too_many_runs_is_refused(test):
    with pytest.raises(InputError, match="choose another test"):
        compare(runs(*range(30)), runs(*np.arange(30) ** 1.1 + 0.5), test)
