"""Decides which line gets a star: the one that is significantly better than every other line.

Zhou et al., Figures 3 and 4: "Stars represent points that are significantly above all other lines at a p = 0.05
level." The paper names no test. This project reads the sentence as follows:

  - A point gets a star if its mean is the best and if a test rejects "this line is not better" at p <= 0.05 against
    every other line that has runs at that level.
  - The tests are one-sided, because the sentence has a direction: better is above for accuracies and below for
    iterations. A two-sided Wilcoxon test could never reach 0.05 with five runs; see `power.least_p_value`.
  - The runs of one seed share initial weights and data order across treatments, so they are paired. The paired tests
    use this; the unpaired tests, such as Welch's t-test, do not.
  - A training that diverged (NaN) is left out. It does not count as zero.
  - Level 0, the dense network that all lines share, has no star (`figure_lines.points_by_level`).
  - There is no star where fewer than two lines have runs, a p-value is not defined, or another mean equals the best.

`stars` applies this reading, and `StarRule` holds its choices. `significance_tests` has the tests.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from analysis.statistics.significance_tests import BETTER, CORRECTIONS, TESTS, compare, compared_runs, one_sided_p
from lottery_tf.errors import InputError
from lottery_tf.registry import choose
from lottery_tf.studies import paper

if TYPE_CHECKING:
    from analysis.statistics.significance_tests import Comparison, Runs


def leader(points: Mapping[str, Runs], better: str = "greater") -> str | None:
    """Returns the line with the best mean (the first of equals); None if fewer than two lines have runs.

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
    """When a star is drawn.

    The defaults are this project's reading of the paper, explained at the top of this file.

    Attributes:
      test: the test behind the stars, a name in `TESTS`.
      correction: the correction for many comparisons at a level, a name in `CORRECTIONS`. "none" uses each p-value as
        it is. "holm" corrects for all comparisons at a level (each line with each other, in both directions) by Holm's
        step-down method. Neither corrects for the number of levels.
      significance: the largest one-sided (corrected) p-value at which a line is above another. A line gets a star if it
        is above every other line. A p-value that is not defined (a single run, no variance) gives no star.

    Raises:
      InputError: the test or correction is unknown, or the significance is not between 0 and 1.
    """

    test: str = "welch"
    correction: str = "none"
    significance: float = paper.SIGNIFICANCE

    def __post_init__(self):
        choose(TESTS, self.test, "test")
        choose(dict.fromkeys(CORRECTIONS), self.correction, "correction")
        if not 0 < self.significance < 1:
            raise InputError(f"significance is {self.significance}; it must lie between 0 and 1, both excluded.")


PAPER_RULE = StarRule()


def leader_comparisons(
    points: Mapping[str, Runs], better: str = "greater", rule: StarRule = PAPER_RULE
) -> list[tuple[Comparison, float]]:
    """Compares the line with the best mean with each other line that has runs.

    Args:
      points: the points of the lines at one level, from the line's name to its runs.
      better: as in `compare`.
      rule: the test and the correction.

    Returns:
      Pairs of a comparison and its corrected p-value; empty if fewer than two lines have runs.

    Raises:
      InputError: the direction is unknown.
    """
    best, others = _leader_and_others(points, better)
    p_value = _corrected(points, better, rule)
    return [
        (compare(points[best], points[name], rule.test, better, (best, name)), p_value(best, name)) for name in others
    ]


def _leader_and_others(points: Mapping[str, Runs], better: str) -> tuple[str, list[str]]:
    """Returns the leader and the other lines that have runs; no others if there is no leader."""
    best = leader(points, better)
    return best or "", [] if best is None else [name for name in _with_runs(points) if name != best]


def _with_runs(points: Mapping[str, Runs]) -> list[str]:
    return [name for name, runs in points.items() if any(map(math.isfinite, runs.values()))]


def _corrected(points: Mapping[str, Runs], better: str, rule: StarRule) -> Callable[[str, str], float]:
    """Returns a function from the names of two lines to the corrected p-value of "the first is better"."""
    chosen, sign = TESTS[rule.test], BETTER[better]

    def p_value(a: str, b: str) -> float:
        x, y, _ = compared_runs(points[a], points[b], chosen.paired)
        return one_sided_p(x, y, chosen, sign)

    if rule.correction == "none":
        return p_value
    pairs = list(itertools.permutations(_with_runs(points), 2))
    corrected = holm({pair: p_value(*pair) for pair in pairs})
    return lambda a, b: corrected[a, b]


def holm(p_values: Mapping[object, float]) -> dict[object, float]:
    """Returns Holm's corrected p-values.

    The i-th smallest of m p-values is multiplied by m - i + 1. A corrected value is at least that of the p-value
    before, and at most 1. NaN values stay NaN and do not count in m, because nothing was tested.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": float("nan")})
    {'a': 0.03, 'b': 0.06, 'c': 0.06, 'd': nan}
    """
    tested = sorted((name for name in p_values if not math.isnan(p_values[name])), key=p_values.__getitem__)
    corrected, least = dict(p_values), 0.0
    for number, name in enumerate(tested):
        least = max(least, min(1.0, (len(tested) - number) * p_values[name]))
        corrected[name] = least
    return corrected


def stars(points: Mapping[str, Runs], better: str = "greater", rule: StarRule = PAPER_RULE) -> dict[str, bool]:
    """Returns whether each line at one level is significantly better than every other; at most one is.

    Args:
      points: the points of the lines, from the line's name to its runs. Lines without runs are
        ignored. If only one line has runs, it gets no star.
      better: as in `compare`.
      rule: when a star is drawn.

    Raises:
      InputError: the direction is unknown.

    >>> stars({"a": {0: 3.0, 1: 4.0, 2: 5.0}, "b": {0: 1.0, 1: 2.0, 2: 3.0}})
    {'a': True, 'b': False}
    """
    best, others = _leader_and_others(points, better)
    p_value = _corrected(points, better, rule)
    # A line is not above another with the same mean, even if a test on ranks or on pairs gives a small p.
    starred = bool(others) and all(
        p_value(best, name) <= rule.significance and _mean(points[best]) != _mean(points[name]) for name in others
    )
    return {name: starred and name == best for name in points}
