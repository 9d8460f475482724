"""What so few runs can show: the least p-values, and the least effects that are significant or likely to be found."""

from __future__ import annotations

import math

from analysis.statistics.significance_tests import TESTS
from lottery_tf.registry import choose


def least_p_value(test: str, n_a: int, n_b: int) -> float:
    """The least one-sided p-value that a test can give with so many runs, whatever they are.

    Zero for the t-tests, which have no least one; NaN where a test takes more runs.

    >>> least_p_value("wilcoxon", 5, 5), round(least_p_value("permutation", 5, 5), 4), least_p_value("welch", 5, 5)
    (0.03125, 0.004, 0.0)
    """
    chosen = choose(TESTS, test, "test")
    return chosen.least_p_value(n_a, n_b) if min(n_a, n_b) >= chosen.least_runs else float("nan")


POWER = 0.8


def least_significant_effect(runs: int, significance: float) -> float:
    """The least difference of means, in pooled standard deviations, that Student's one-sided t-test calls significant.

    Args:
      runs: of each of the two lines, at least 2.
      significance: the p-value that it takes.

    >>> round(least_significant_effect(5, 0.05), 2)
    1.18
    """
    from scipy import stats

    return float(stats.t.ppf(1 - significance, 2 * runs - 2) * math.sqrt(2 / runs))


def detectable_effect(runs: int, significance: float, power: float = POWER) -> float:
    """The true difference of means, in standard deviations, that Student's one-sided t-test finds with a probability.

    Args:
      runs: of each of the two lines, at least 2.
      significance: the p-value that it takes.
      power: the probability, above `significance`.

    >>> round(detectable_effect(5, 0.05), 2)
    1.72
    """
    from scipy import optimize, stats

    freedom, critical = 2 * runs - 2, stats.t.ppf(1 - significance, 2 * runs - 2)

    def excess(effect: float) -> float:
        return stats.nct.sf(critical, freedom, effect * math.sqrt(runs / 2)) - power

    return float(optimize.brentq(excess, 0, 100))
