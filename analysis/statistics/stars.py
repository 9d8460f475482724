"""Stars: which line is significantly better than every other, corrected for many comparisons where asked."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from analysis.statistics.significance_tests import BETTER, CORRECTIONS, TESTS, _p_value, _samples, compare
from lottery_tf.errors import InputError
from lottery_tf.registry import choose
from lottery_tf.studies import paper

if TYPE_CHECKING:
    from analysis.statistics.significance_tests import Comparison, Runs


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
    """What earns a star.

    The defaults are our reading of the paper's sentence, given at the top of `significance_tests.py`.

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


PAPER_RULE = StarRule()


def leader_comparisons(
    points: Mapping[str, Runs], better: str = "greater", rule: StarRule = PAPER_RULE
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


def stars(points: Mapping[str, Runs], better: str = "greater", rule: StarRule = PAPER_RULE) -> dict[str, bool]:
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
