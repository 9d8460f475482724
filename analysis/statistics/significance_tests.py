"""Tests whether the runs of one line are better than those of another.

The tests are one-sided: they ask whether one line is better, not whether the lines differ. scipy computes them. The top
of `stars.py` says why, and which of them decides on a star.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable, Mapping

import numpy as np
import scipy

from lottery_tf.errors import InputError
from lottery_tf.registry import choose

Runs = Mapping[int, float]  # seed -> value

CONFIDENCE = 0.95

CORRECTIONS = ("none", "holm")

BETTER = {"greater": 1, "less": -1}  # which direction is better -> factor after which greater is better

MOST_SPLITS = 1_000_000  # of an exact permutation test; more take too long

DIGITS = 12  # accuracies differ by whole images of 10,000, so smaller differences are rounding errors of a tie


@dataclasses.dataclass(frozen=True)
class SignificanceTest:
    """A test of whether the mean of one line's runs is above that of another's.

    Attributes:
      title: its name.
      paired: whether it compares the two runs of each seed. If so, seeds with only one run are left out.
      least_runs: the number of runs of each line (or pairs of runs) that it needs.
      spread: whether it estimates a variance, so that it is not defined for runs without variance.
      p_value: from two arrays (of equal length if paired) to the one-sided p-value of "the first is greater".
      interval: from two arrays to the two-sided 95% confidence interval of the difference of means.
      least_p_value: from two numbers of runs to the least p-value that any values could give.
    """

    title: str
    paired: bool
    least_runs: int
    spread: bool
    p_value: Callable[[np.ndarray, np.ndarray], float]
    interval: Callable[[np.ndarray, np.ndarray], tuple[float, float]]
    least_p_value: Callable[[int, int], float]


def _t_test(**how) -> tuple[Callable, Callable]:
    """Returns the functions for the p-value and the interval of an unpaired t-test."""

    def p_value(a: np.ndarray, b: np.ndarray) -> float:
        # A tenth of the time of `ttest_ind`, and a report takes thousands of them.
        moments = (moment for runs in (a, b) for moment in (runs.mean(), runs.std(ddof=1), runs.size))
        return float(scipy.stats.ttest_ind_from_stats(*moments, alternative="greater", **how).pvalue)

    def interval(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
        with warnings.catch_warnings():
            # scipy warns of a line without variance, but the interval is valid as long as the other line has some.
            warnings.simplefilter("ignore", RuntimeWarning)
            limits = scipy.stats.ttest_ind(a, b, **how).confidence_interval(CONFIDENCE)
        return float(limits.low), float(limits.high)

    return p_value, interval


def _paired_t(a: np.ndarray, b: np.ndarray) -> float:
    return float(scipy.stats.ttest_rel(a, b, alternative="greater").pvalue)


def _paired_interval(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    limits = scipy.stats.ttest_rel(a, b).confidence_interval(CONFIDENCE)
    return float(limits.low), float(limits.high)


def _wilcoxon(a: np.ndarray, b: np.ndarray) -> float:
    """Computes the exact p-value, also with ties. Differences of zero are left out, as Wilcoxon did."""
    differences = _differences(a, b)
    differences = differences[differences != 0]
    if differences.size < 2:  # scipy needs two; a single one has either sign with probability 1/2
        return 0.5 if differences.sum() > 0 else 1.0
    every_sign = scipy.stats.PermutationMethod(n_resamples=_countable(2**differences.size, "signs"))
    return float(scipy.stats.wilcoxon(differences, alternative="greater", method=every_sign).pvalue)


def _permutation(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the share of all splits of the pooled runs whose difference of means is at least the observed one."""
    splits = _countable(math.comb(a.size + b.size, a.size), "splits")
    # The sum of the first sample orders splits like the difference of means. Rounding makes equal sums exactly equal.
    pooled = [np.round(runs, DIGITS) for runs in (a, b)]
    result = scipy.stats.permutation_test(
        pooled,
        lambda first, second, axis: np.round(np.sum(first, axis), DIGITS),
        alternative="greater",
        vectorized=True,
        n_resamples=splits,
    )
    return float(result.pvalue)


def _countable(count: int, what: str) -> int:
    if count > MOST_SPLITS:
        raise InputError(f"An exact test of this many runs would count {count} {what}; choose another test.")
    return count


def _differences(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.round(a - b, DIGITS)


_WELCH, _STUDENT = _t_test(equal_var=False), _t_test(equal_var=True)


TESTS: dict[str, SignificanceTest] = {
    "welch": SignificanceTest("Welch's t-test", False, 2, True, *_WELCH, lambda n_a, n_b: 0.0),
    "student": SignificanceTest("Student's t-test", False, 2, True, *_STUDENT, lambda n_a, n_b: 0.0),
    "paired": SignificanceTest("paired t-test", True, 2, True, _paired_t, _paired_interval, lambda n_a, n_b: 0.0),
    "wilcoxon": SignificanceTest(
        "Wilcoxon's signed-rank test, exact",
        True,
        1,
        False,
        _wilcoxon,
        _paired_interval,
        lambda n_a, n_b: 0.5 ** min(n_a, n_b),
    ),
    "permutation": SignificanceTest(
        "exact permutation test of the difference of means, unpaired",
        False,
        2,
        False,
        _permutation,
        _WELCH[1],
        lambda n_a, n_b: 1 / math.comb(n_a + n_b, n_a),
    ),
}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The comparison of the runs of two lines.

    Attributes:
      a, b: the names of the lines.
      n_a, n_b: the numbers of runs that were compared.
      difference: the mean of a minus the mean of b.
      p_value: the one-sided p-value of "a is better"; NaN if the test is not defined.
      effect_size: Hedges' g, the difference in units of the pooled standard deviation, corrected for few runs. It does
        not depend on the test. NaN if the runs do not vary.
      low, high: the two-sided 95% confidence interval of the difference. It belongs to the test; paired tests have
        that of the paired t-test, and the permutation test has Welch's. NaN if it is not defined.
      note: why a number is not defined, or which runs were left out.
    """

    a: str
    b: str
    n_a: int
    n_b: int
    difference: float
    p_value: float
    effect_size: float
    low: float
    high: float
    note: str = ""


def compare(
    a: Runs, b: Runs, test: str = "welch", better: str = "greater", names: tuple[str, str] = ("a", "b")
) -> Comparison:
    """Compares the runs of two lines.

    Args:
      a: the runs of one line, from seed to value. NaN values are left out.
      b: the runs of the other line.
      test: a name in `TESTS`.
      better: whether "greater" or "less" is better; the p-value is of "the mean of a is better".
      names: the names of the two lines.

    Raises:
      InputError: an unknown test or direction, or too many runs for an exact test.

    >>> found = compare({0: 3.0, 1: 4.0, 2: 5.0}, {0: 1.0, 1: 2.0, 2: 3.0})
    >>> round(found.p_value, 4), found.difference, round(found.effect_size, 2)
    (0.0352, 2.0, 1.6)
    """
    chosen, sign = choose(TESTS, test, "test"), choose(BETTER, better, "direction")
    x, y, left_out = compared_runs(a, b, chosen.paired)
    if not x.size or not y.size:
        nothing = (float("nan"),) * 5
        return Comparison(*names, x.size, y.size, *nothing, note="no runs to compare")
    p_value, notes = one_sided_p(x, y, chosen, sign), []
    if left_out:
        notes.append(f"runs left out because the other line lacks their seed: {left_out}")
    if math.isnan(p_value):
        notes.append(_undefined(x, y, chosen))
    low, high = chosen.interval(x, y) if _varies(x, y, chosen.paired) else (float("nan"), float("nan"))
    return Comparison(
        *names, x.size, y.size, float(x.mean() - y.mean()), p_value, hedges_g(x, y), low, high, "; ".join(notes)
    )


def compared_runs(a: Runs, b: Runs, paired: bool) -> tuple[np.ndarray, np.ndarray, int]:
    """Returns the runs to compare, in the order of their seeds, and how many are left out because they have no pair."""
    a, b = ({seed: value for seed, value in sorted(runs.items()) if math.isfinite(value)} for runs in (a, b))
    seeds = (list(a), list(b)) if not paired else ([seed for seed in a if seed in b],) * 2
    x, y = (np.array([runs[seed] for seed in chosen], float) for runs, chosen in zip((a, b), seeds, strict=True))
    return x, y, len(a) + len(b) - x.size - y.size


def one_sided_p(x: np.ndarray, y: np.ndarray, test: SignificanceTest, sign: int) -> float:
    """Returns the p-value of "the first line is better"; NaN if the test is not defined for these runs.

    Args:
      x: the runs of the first line, as `compared_runs` returns them.
      y: the runs of the second line.
      test: the test.
      sign: 1 if greater is better, -1 if less is.
    """
    if min(x.size, y.size) < test.least_runs or (test.spread and not _varies(x, y, test.paired)):
        return float("nan")
    return test.p_value(sign * x, sign * y)


def _varies(x: np.ndarray, y: np.ndarray, paired: bool) -> bool:
    """Returns whether there are enough runs for a variance, and it is not zero."""
    if min(x.size, y.size) < 2:
        return False
    return bool(np.ptp(_differences(x, y)) > 0) if paired else bool(max(np.ptp(x), np.ptp(y)) > 0)


def _undefined(x: np.ndarray, y: np.ndarray, test: SignificanceTest) -> str:
    if min(x.size, y.size) < test.least_runs:
        return f"{test.title} needs {test.least_runs} {'pairs of runs' if test.paired else 'runs of each line'}"
    return "all differences are equal" if test.paired else "the runs of each line are all equal"


def hedges_g(x: np.ndarray, y: np.ndarray) -> float:
    """Returns Hedges' g, the difference of means in units of the pooled standard deviation, corrected for few runs.

    The correction is the factor 1 - 3 / (4 (n_x + n_y - 2) - 1). NaN if the runs do not vary.

    >>> round(hedges_g(np.array([3.0, 4.0, 5.0]), np.array([1.0, 2.0, 3.0])), 2)
    1.6
    """
    freedom = x.size + y.size - 2
    squares = ((x - x.mean()) ** 2).sum() + ((y - y.mean()) ** 2).sum()
    if freedom < 1 or max(np.ptp(x), np.ptp(y)) == 0:
        return float("nan")
    return float((x.mean() - y.mean()) / math.sqrt(squares / freedom) * (1 - 3 / (4 * freedom - 1)))
