"""Is one line above the others, and could five runs have shown it? Tests of runs against runs, and stars.

Source: Zhou et al., Figures 3 and 4: "Stars represent points that are significantly above all other lines at a p = 0.05
level." The paper names no test. Read here as follows:

  - A point is starred if, against every other line that has runs at that level, a test rejects "this line is not
    better" at p <= 0.05, and its mean is the best.
  - The tests are one-sided, since the sentence has a direction: better is above for accuracies and below for
    iterations. A two-sided Wilcoxon test could never reach 0.05 with five runs; see `least_p_value`.
  - The runs of one seed share initial weights and data order across treatments, so they are paired. The paired tests
    use that; the unpaired ones, Welch's t-test among them, leave it aside, as a reader of the paper would.
  - A training that diverged (NaN) is no run: it counts neither as zero nor as anything else.

scipy computes the tests.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import warnings
from collections.abc import Callable, Mapping

import numpy as np

from lottery_tf import paper
from lottery_tf.errors import InputError
from lottery_tf.names import choose

Runs = Mapping[int, float]  # seed -> value
CONFIDENCE = 0.95
CORRECTIONS = ("none", "holm")
BETTER = {"greater": 1, "less": -1}  # which way is better -> the sign that makes it greater
MOST_SPLITS = 1_000_000
DIGITS = 12  # shares of 10,000 images differ by whole images: what differs by less is a tie spoilt by rounding


@dataclasses.dataclass(frozen=True)
class SignificanceTest:
    """A test of whether the mean of one line's runs is above that of another's.

    Attributes:
      title: what it is called.
      paired: whether it compares the two runs of each seed; runs without a partner are then left out.
      least_runs: how many runs (pairs of runs) it takes of each line.
      spread: whether it estimates a variance, and so says nothing where there is none.
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
    """The p-value and the interval of an unpaired t-test."""

    def p_value(a: np.ndarray, b: np.ndarray) -> float:
        from scipy import stats

        # A tenth of the time of `ttest_ind`, and a report takes thousands of them.
        moments = (moment for runs in (a, b) for moment in (runs.mean(), runs.std(ddof=1), runs.size))
        return float(stats.ttest_ind_from_stats(*moments, alternative="greater", **how).pvalue)

    def interval(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
        from scipy import stats

        with warnings.catch_warnings():
            # scipy warns of a line without variance, which is no harm as long as the other has some.
            warnings.simplefilter("ignore", RuntimeWarning)
            found = stats.ttest_ind(a, b, **how).confidence_interval(CONFIDENCE)
        return float(found.low), float(found.high)

    return p_value, interval


def _paired_t(a: np.ndarray, b: np.ndarray) -> float:
    from scipy import stats

    return float(stats.ttest_rel(a, b, alternative="greater").pvalue)


def _paired_interval(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    from scipy import stats

    found = stats.ttest_rel(a, b).confidence_interval(CONFIDENCE)
    return float(found.low), float(found.high)


def _wilcoxon(a: np.ndarray, b: np.ndarray) -> float:
    """Exact, ties among the differences included; differences of zero are left out, as Wilcoxon did."""
    from scipy import stats

    differences = _differences(a, b)
    differences = differences[differences != 0]
    if differences.size < 2:  # scipy takes two; a single one has either sign with the same chance
        return 0.5 if differences.sum() > 0 else 1.0
    every_sign = stats.PermutationMethod(n_resamples=_countable(2**differences.size, "signs"))
    return float(stats.wilcoxon(differences, alternative="greater", method=every_sign).pvalue)


def _permutation(a: np.ndarray, b: np.ndarray) -> float:
    """The share of all splits of the pooled runs whose difference of means is at least the one that was found."""
    from scipy import stats

    splits = _countable(math.comb(a.size + b.size, a.size), "splits")
    # The sum of the first sample orders splits as the difference of means does; rounded, so that ties are ties.
    pooled = [np.round(runs, DIGITS) for runs in (a, b)]
    found = stats.permutation_test(
        pooled,
        lambda first, second, axis: np.round(np.sum(first, axis), DIGITS),
        alternative="greater",
        vectorized=True,
        n_resamples=splits,
    )
    return float(found.pvalue)


def _countable(count: int, what: str) -> int:
    if count > MOST_SPLITS:
        raise InputError(f"An exact test of so many runs has {count} {what} to count; choose another test.")
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
    """What runs of one line say against those of another.

    Attributes:
      a, b: the lines' names.
      n_a, n_b: runs that were compared.
      difference: mean of a minus mean of b.
      p_value: one-sided, of "a is better"; NaN where the test is not defined.
      effect_size: Hedges' g, the difference in units of the pooled standard deviation, corrected for few runs; NaN
        where there is none. It is the same for all tests.
      low, high: two-sided 95% confidence interval of the difference: Welch's or Student's, that of paired runs for the
        paired tests; NaN where there is none. The permutation test has Welch's beside it.
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
      a, b: from seed to value; values that are not numbers are no runs.
      test: a name in `TESTS`.
      better: "greater" or "less", which way is better; the p-value is of "the mean of a is better".
      names: what the two are called.

    Raises:
      InputError: an unknown test or direction, or too many runs for an exact test.

    >>> found = compare({0: 3.0, 1: 4.0, 2: 5.0}, {0: 1.0, 1: 2.0, 2: 3.0})
    >>> round(found.p_value, 4), found.difference, round(found.effect_size, 2)
    (0.0352, 2.0, 1.6)
    """
    chosen, sign = choose(TESTS, test, "test"), choose(BETTER, better, "direction")
    x, y, left_out = _samples(a, b, chosen.paired)
    if not x.size or not y.size:
        nothing = (float("nan"),) * 5
        return Comparison(*names, x.size, y.size, *nothing, note="no runs to compare")
    p_value, notes = _p_value(x, y, chosen, sign), []
    if left_out:
        notes.append(f"runs without a partner, left out: {left_out}")
    if math.isnan(p_value):
        notes.append(_undefined(x, y, chosen))
    low, high = chosen.interval(x, y) if _varies(x, y, chosen.paired) else (float("nan"), float("nan"))
    return Comparison(
        *names, x.size, y.size, float(x.mean() - y.mean()), p_value, hedges_g(x, y), low, high, "; ".join(notes)
    )


def _samples(a: Runs, b: Runs, paired: bool) -> tuple[np.ndarray, np.ndarray, int]:
    """The runs to compare, in the order of their seeds, and how many had no partner."""
    a, b = ({seed: value for seed, value in sorted(runs.items()) if math.isfinite(value)} for runs in (a, b))
    seeds = (list(a), list(b)) if not paired else ([seed for seed in a if seed in b],) * 2
    x, y = (np.array([runs[seed] for seed in own], float) for runs, own in zip((a, b), seeds, strict=True))
    return x, y, len(a) + len(b) - x.size - y.size


def _p_value(x: np.ndarray, y: np.ndarray, test: SignificanceTest, sign: int) -> float:
    if min(x.size, y.size) < test.least_runs or (test.spread and not _varies(x, y, test.paired)):
        return float("nan")
    return test.p_value(sign * x, sign * y)


def _varies(x: np.ndarray, y: np.ndarray, paired: bool) -> bool:
    """Whether there are runs enough for a variance, and it is not zero."""
    if min(x.size, y.size) < 2:
        return False
    return bool(np.ptp(_differences(x, y)) > 0) if paired else bool(max(np.ptp(x), np.ptp(y)) > 0)


def _undefined(x: np.ndarray, y: np.ndarray, test: SignificanceTest) -> str:
    if min(x.size, y.size) < test.least_runs:
        return f"{test.title} takes {test.least_runs} {'pairs of runs' if test.paired else 'runs of each line'}"
    return "the differences do not vary" if test.paired else "neither line varies"


def hedges_g(x: np.ndarray, y: np.ndarray) -> float:
    """The difference of means over the pooled standard deviation, times 1 - 3 / (4 (n_x + n_y - 2) - 1).

    NaN where there is no spread to measure by.

    >>> round(hedges_g(np.array([3.0, 4.0, 5.0]), np.array([1.0, 2.0, 3.0])), 2)
    1.6
    """
    freedom = x.size + y.size - 2
    squares = ((x - x.mean()) ** 2).sum() + ((y - y.mean()) ** 2).sum()
    if freedom < 1 or max(np.ptp(x), np.ptp(y)) == 0:
        return float("nan")
    return float((x.mean() - y.mean()) / math.sqrt(squares / freedom) * (1 - 3 / (4 * freedom - 1)))


def leader(points: Mapping[str, Runs], better: str = "greater") -> str | None:
    """The line of the best mean (the first of equals); None where fewer than two lines have runs.

    >>> leader({"a": {0: 1.0}, "b": {0: 2.0}, "c": {0: float("nan")}}), leader({"a": {0: 1.0}})
    ('b', None)
    """
    sign = choose(BETTER, better, "direction")
    means = {name: sign * mean for name, runs in points.items() if math.isfinite(mean := _mean(runs))}
    return max(means, key=means.__getitem__) if len(means) > 1 else None


def _mean(runs: Runs) -> float:
    values = [value for value in runs.values() if math.isfinite(value)]
    return sum(values) / len(values) if values else float("nan")


@dataclasses.dataclass(frozen=True)
class StarRule:
    """What earns a star; as it stands without arguments, the paper's sentence as read above.

    Attributes:
      test: a name in `TESTS`.
      correction: "none" takes each p-value as it is. "holm" corrects for all that is compared at the level, each line
        with each other in both directions, by Holm's step-down method. Neither corrects for there being many levels.
      significance: a star takes a (corrected) p-value of at most this against every other line; one that is not
        defined (a single run, no variance) is never enough.

    Raises:
      InputError: an unknown test or correction, or a significance that is not between 0 and 1.
    """

    test: str = "welch"
    correction: str = "none"
    significance: float = paper.SIGNIFICANCE

    def __post_init__(self):
        choose(TESTS, self.test, "test")
        choose(dict.fromkeys(CORRECTIONS), self.correction, "correction")
        if not 0 < self.significance < 1:
            raise InputError(f"significance is {self.significance}; it must lie between 0 and 1, both excluded.")


AS_READ = StarRule()


def against_others(
    points: Mapping[str, Runs], better: str = "greater", rule: StarRule = AS_READ
) -> list[tuple[Comparison, float]]:
    """The leader of some lines against each other line that has runs, with the p-values that count.

    Args:
      points: the lines at one level, from name to runs.
      better: as in `compare`.
      rule: which test, and how it is corrected.

    Returns:
      Comparisons with their corrected p-values; nothing where fewer than two lines have runs.

    Raises:
      InputError: an unknown direction.
    """
    best = leader(points, better)
    others = [] if best is None else [name for name in _with_runs(points) if name != best]
    p_value = _corrected(points, better, rule)
    return [
        (compare(points[best], points[name], rule.test, better, (best, name)), p_value(best, name)) for name in others
    ]


def _with_runs(points: Mapping[str, Runs]) -> list[str]:
    return [name for name, runs in points.items() if any(map(math.isfinite, runs.values()))]


def _corrected(points: Mapping[str, Runs], better: str, rule: StarRule) -> Callable[[str, str], float]:
    """A function from two lines' names to the corrected p-value of "the first is better"."""
    chosen, sign = TESTS[rule.test], BETTER[better]

    def p_value(a: str, b: str) -> float:
        x, y, _ = _samples(points[a], points[b], chosen.paired)
        return _p_value(x, y, chosen, sign)

    if rule.correction == "none":
        return p_value
    pairs = list(itertools.permutations(_with_runs(points), 2))
    corrected = holm({pair: p_value(*pair) for pair in pairs})
    return lambda a, b: corrected[a, b]


def holm(p_values: Mapping[object, float]) -> dict[object, float]:
    """Holm's corrected p-values: the i-th least of m times m - i + 1, never less than the one before, at most 1.

    Those that are NaN stay NaN and are not counted: nothing was tested.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": float("nan")})
    {'a': 0.03, 'b': 0.06, 'c': 0.06, 'd': nan}
    """
    tested = sorted((name for name in p_values if not math.isnan(p_values[name])), key=p_values.__getitem__)
    corrected, least = dict(p_values), 0.0
    for number, name in enumerate(tested):
        least = max(least, min(1.0, (len(tested) - number) * p_values[name]))
        corrected[name] = least
    return corrected


def stars(points: Mapping[str, Runs], better: str = "greater", rule: StarRule = AS_READ) -> dict[str, bool]:
    """Which of the lines at one level is significantly better than every other; at most one is.

    Args:
      points: from a line's name to its runs. A line without runs at this level is none of the others; where only one
        line has runs, there is nothing to be better than, and no star.
      better: as in `compare`.
      rule: what a star takes.

    Raises:
      InputError: an unknown direction.

    >>> stars({"a": {0: 3.0, 1: 4.0, 2: 5.0}, "b": {0: 1.0, 1: 2.0, 2: 3.0}})
    {'a': True, 'b': False}
    """
    best = leader(points, better)
    others = [] if best is None else [name for name in _with_runs(points) if name != best]
    p_value = _corrected(points, better, rule)
    starred = bool(others) and all(
        p_value(best, name) <= rule.significance and _mean(points[best]) != _mean(points[name]) for name in others
    )
    return {name: starred and name == best for name in points}


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
