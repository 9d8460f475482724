"""Computes what so few runs can show: the smallest p-values, and the smallest significant or detectable effects."""

from __future__ import annotations

import math

import scipy

from analysis.statistics.significance_tests import TESTS
from lottery_tf.registry import choose


def least_p_value(test: str, n_a: int, n_b: int) -> float:
    """Returns the smallest one-sided p-value that a test can give with these numbers of runs, whatever their values.

    It is 0 for the t-tests, which have no smallest p-value, and NaN if a test needs more runs.

    >>> least_p_value("wilcoxon", 5, 5), round(least_p_value("permutation", 5, 5), 4), least_p_value("welch", 5, 5)
    (0.03125, 0.004, 0.0)
    """
    chosen = choose(TESTS, test, "test")
    return chosen.least_p_value(n_a, n_b) if min(n_a, n_b) >= chosen.least_runs else float("nan")


POWER = 0.8


def least_significant_effect(runs: int, significance: float) -> float:
    """Returns the smallest difference of means that Student's one-sided t-test finds significant.

    It is in units of the pooled standard deviation.

    Args:
      runs: the number of runs of each of the two lines, at least 2.
      significance: the largest p-value that counts as significant.

    >>> round(least_significant_effect(5, 0.05), 2)
    1.18
    """
    return float(scipy.stats.t.ppf(1 - significance, 2 * runs - 2) * math.sqrt(2 / runs))


def detectable_effect(runs: int, significance: float) -> float:
    """Returns the true difference of means that Student's one-sided t-test finds with the probability `POWER`.

    It is in units of the standard deviation.

    Args:
      runs: the number of runs of each of the two lines, at least 2.
      significance: the largest p-value that counts as significant.

    >>> round(detectable_effect(5, 0.05), 2)
    1.72
    """
    freedom, critical = 2 * runs - 2, scipy.stats.t.ppf(1 - significance, 2 * runs - 2)

    def excess(effect: float) -> float:
        return scipy.stats.nct.sf(critical, freedom, effect * math.sqrt(runs / 2)) - POWER

    return float(scipy.optimize.brentq(excess, 0, 100))
