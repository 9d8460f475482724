"""The rules by which a claim is shown, contradicted or not shown.

A claim is a list of conditions. A condition is a one-sided paired t-test over seeds at the paper's p = 0.05. It is
*shown* if the test is significant, *contradicted* if the test of the opposite is, and *not shown* if neither is. Fewer
than three seeds are *not enough data*. `combined` makes the verdict on the claim from those on its conditions.

The tests are:
  above, above_value   the mean of one line is greater than that of another, or than a fixed value.
  earlier              one line's iterations are fewer than another's.
  equivalent           two lines are as good as each other: their difference lies within a margin. It is a test of
                       equivalence (two one-sided tests, TOST), each at p = 0.05. `repeatability` computes the margin.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import statistics
from collections.abc import Collection, Mapping
from typing import NamedTuple

from analysis.statistics import significance_tests as significance
from analysis.tables.formats import NOTHING
from lottery_tf.studies import paper

LEAST_SEEDS = 3
REPEATABILITY = 2.8  # 1.96 * sqrt(2), the factor of the repeatability limit in ISO 5725


class Verdict(enum.StrEnum):
    """The verdict on a claim, or on one of its conditions."""

    SHOWN = "shown"
    CONTRADICTED = "contradicted"
    NOT_SHOWN = "not shown"
    NO_DATA = "not enough data"


@dataclasses.dataclass(frozen=True)
class Condition:
    """One condition of a claim.

    Attributes:
      verdict: its verdict.
      text: its numbers.
    """

    verdict: Verdict
    text: str

    def with_note(self, note: str) -> Condition:
        """Returns the condition with a note in brackets after its numbers; unchanged for an empty note."""
        return dataclasses.replace(self, text=f"{self.text} ({note})") if note else self


def combined(verdicts: Collection[Verdict]) -> Verdict:
    """Returns the verdict on several conditions together.

    Contradicted if any condition is; else not enough data if any lacks data; else not shown if any is not shown; else
    shown.

    >>> combined([Verdict.SHOWN, Verdict.NO_DATA, Verdict.NOT_SHOWN]).value
    'not enough data'
    """
    order = (Verdict.CONTRADICTED, Verdict.NO_DATA, Verdict.NOT_SHOWN)
    return next((verdict for verdict in order if verdict in verdicts), Verdict.SHOWN)


class Unit(NamedTuple):
    """How differences are printed: their factor, their format and their unit."""

    factor: float
    form: str
    name: str


PERCENTAGE_POINTS, ITERATIONS, NUMBERS = Unit(100, ".2f", " points"), Unit(1, ".0f", " iterations"), Unit(1, ".3g", "")


def above(a: str, b: str, means: Mapping[str, significance.Runs], unit: Unit = PERCENTAGE_POINTS) -> Condition:
    """Tests whether one line's mean is above another's."""
    return _condition(significance.compare(means[a], means[b], "paired", names=(a, b)), unit)


def earlier(a: str, b: str, means: Mapping[str, significance.Runs]) -> Condition:
    """Tests whether one line's iterations are fewer than another's."""
    return _condition(significance.compare(means[a], means[b], "paired", "less", (a, b)), ITERATIONS)


def above_value(name: str, runs: significance.Runs, value: float, called: str) -> Condition:
    """Tests whether a line's mean is above a fixed value."""
    return above(name, called, {name: runs, called: dict.fromkeys(runs, value)})


def equivalent(a: str, b: str, means: Mapping[str, significance.Runs], margin: float) -> Condition:
    """Tests equivalence (two one-sided tests, TOST): whether two lines differ by less than a margin on either side."""
    if math.isnan(margin):
        return Condition(Verdict.NO_DATA, f"{a} - {b}: no margin, because there are fewer than three dense networks")
    low, high = ({seed: value + shift for seed, value in means[b].items()} for shift in (-margin, margin))
    sides = (significance.compare(means[a], low, "paired"), significance.compare(means[a], high, "paired", "less"))
    both = significance.compare(means[a], means[b], "paired", names=(a, b))
    both = dataclasses.replace(both, p_value=max(side.p_value for side in sides))
    verdict = combined([_condition(side, PERCENTAGE_POINTS).verdict for side in sides])
    return Condition(verdict, _condition(both, PERCENTAGE_POINTS, f"within {100 * margin:.2f}: ").text)


def repeatability(values: Collection[float]) -> float:
    """Returns the difference that two runs with different seeds exceed in one of twenty cases.

    It is the repeatability limit of ISO 5725, 2.8 s, where s is the standard deviation between seeds. NaN for fewer
    than three seeds.

    >>> repeatability([0.0, 1.0, 2.0])
    2.8
    """
    return REPEATABILITY * statistics.stdev(values) if len(values) >= LEAST_SEEDS else math.nan


def _condition(comparison: significance.Comparison, unit: Unit, question: str = "") -> Condition:
    """Returns the verdict that follows from a comparison's p-value p; the p-value of the opposite is 1 - p."""
    difference, low, high = (
        f"{unit.factor * value:+{unit.form}}" for value in (comparison.difference, comparison.low, comparison.high)
    )
    text = f"{comparison.a} - {comparison.b}: "
    if comparison.n_a < LEAST_SEEDS:
        return Condition(
            Verdict.NO_DATA, text + (f"{difference}{unit.name}, " if comparison.n_a else "") + f"n = {comparison.n_a}"
        )
    interval = NOTHING if math.isnan(comparison.low) else f"[{low}, {high}]"
    text += f"{difference}{unit.name} {interval}, {question}p = {comparison.p_value:.2g}, n = {comparison.n_a}"
    if math.isnan(comparison.p_value):
        return Condition(Verdict.NO_DATA, text).with_note(comparison.note)
    if comparison.p_value <= paper.SIGNIFICANCE:
        return Condition(Verdict.SHOWN, text)
    return Condition(Verdict.CONTRADICTED if comparison.p_value >= 1 - paper.SIGNIFICANCE else Verdict.NOT_SHOWN, text)
