"""The rules of verdicts against intervals computed by hand."""

import math
from statistics import stdev

import pytest
from zhou_world import CONTRADICTED, NOT_SHOWN, SHOWN

from analysis.claims.verdicts import Verdict, above, equivalent


def test_equal_lines_are_as_good_but_not_above():
    means = {"a": {0: 0.97, 1: 0.98, 2: 0.99}, "b": {0: 0.9701, 1: 0.9799, 2: 0.99}}
    assert above("a", "b", means).verdict is Verdict.NOT_SHOWN
    assert equivalent("a", "b", means, 0.002).verdict is Verdict.SHOWN
    assert equivalent("a", "b", means, math.nan).verdict is Verdict.NO_DATA
    assert equivalent("a", "b", {name: {0: 0.9, 1: 0.91} for name in means}, 0.002).verdict is Verdict.NO_DATA


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [(0.0, SHOWN), (-0.0005, SHOWN), (-0.0015, NOT_SHOWN), (-0.003, CONTRADICTED), (0.003, CONTRADICTED)],
)
def test_equivalence_is_that_the_90_percent_interval_lies_within_the_margin(difference, verdict):
    """Two one-sided tests at 0.05 against the interval, computed by hand: t of 2 degrees of freedom is 2.92."""
    noise, margin = (-0.0003, 0.0001, 0.0002), 0.0016
    means = {"a": dict(enumerate(0.97 + difference + each for each in noise)), "b": dict.fromkeys(range(3), 0.97)}
    half = 2.92 * stdev(noise) / math.sqrt(3)
    assert (abs(difference) + half < margin) == (verdict == SHOWN)
    assert (abs(difference) - half > margin) == (verdict == CONTRADICTED)
    assert equivalent("a", "b", means, margin).verdict == verdict


def test_the_same_difference_in_every_seed_cannot_be_tested():
    means = {"a": {0: 0.5, 1: 0.6, 2: 0.7}, "b": {0: 0.4, 1: 0.5, 2: 0.6}}
    found = above("a", "b", means)
    assert found.verdict is Verdict.NO_DATA
    assert "all differences are equal" in found.text
