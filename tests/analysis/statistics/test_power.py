"""What few runs can show: the least p-values and effects, by simulation and by brute force."""

import math

import numpy as np
import pytest
from some_runs import runs

from analysis.statistics import power
from analysis.statistics.power import least_p_value
from analysis.statistics.significance_tests import compare


@pytest.mark.parametrize(("test", "least"), [("permutation", 1 / 252), ("wilcoxon", 1 / 32)])
def test_the_least_p_value_is_reached_by_runs_that_are_all_above(test, least):
    assert least_p_value(test, 5, 5) == least
    assert compare(runs(10, 11, 12, 13, 14), runs(0, 0.1, 0.3, 0.2, 0.5), test).p_value == pytest.approx(least)


def test_what_few_runs_cannot_show():
    assert least_p_value("wilcoxon", 4, 4) > 0.05 > least_p_value("wilcoxon", 5, 5)
    assert 2 * least_p_value("wilcoxon", 5, 5) > 0.05  # two-sided, five runs could never show anything
    assert least_p_value("permutation", 3, 3) == 0.05
    assert math.isnan(least_p_value("permutation", 5, 1))
    assert least_p_value("wilcoxon", 5, 3) == 1 / 8
    assert least_p_value("welch", 5, 5) == 0
    assert math.isnan(least_p_value("welch", 5, 1))


def test_a_difference_of_the_least_significant_effect_is_just_significant():
    spread = np.array([-1.5, -0.5, 0, 0.5, 1.5])
    spread /= spread.std(ddof=1)
    shift = power.least_significant_effect(5, 0.05)
    assert compare(runs(*(spread + shift)), runs(*spread), "student").p_value == pytest.approx(0.05)


def test_the_detectable_effect_is_found_in_four_of_five_studies():
    rng = np.random.default_rng(0)
    a, b = rng.normal(power.detectable_effect(5, 0.05), 1, (40_000, 5)), rng.normal(0, 1, (40_000, 5))
    t = (a.mean(1) - b.mean(1)) / np.sqrt((a.var(1, ddof=1) + b.var(1, ddof=1)) / 5)
    assert (t > 1.8595480375).mean() == pytest.approx(0.8, abs=0.01)  # the 95% point of t with 8 degrees of freedom
