"""Stars against their definition, and corrections step by step."""

import math

import numpy as np
import pytest
from some_runs import runs

from analysis.statistics import significance_tests
from analysis.statistics.significance_tests import compare
from analysis.statistics.stars import StarRule, holm, leader_comparisons, stars

NAN = float("nan")


def by_definition(points, better, test, significance):
    """Stars with no shortcut: every line against every other."""
    sign = {"greater": 1, "less": -1}[better]
    lines = {
        name: {seed: value for seed, value in line.items() if not math.isnan(value)} for name, line in points.items()
    }
    there = [name for name in lines if lines[name]]
    return {
        a: len(there) > 1
        and a in there
        and all(
            sign * (np.mean([*lines[a].values()]) - np.mean([*lines[b].values()])) > 0
            and compare(points[a], points[b], test, better).p_value <= significance
            for b in there
            if b != a
        )
        for a in points
    }


@pytest.mark.parametrize("test", significance_tests.TESTS)
@pytest.mark.parametrize("better", significance_tests.BETTER)
def test_stars_are_those_of_the_definition(test, better):
    rng = np.random.default_rng(list(significance_tests.TESTS).index(test))
    starred = 0
    for _ in range(12):
        shifts = {"a": 1.6 * rng.normal(), "b": 0.0, "c": rng.normal()}
        points = {
            name: {
                seed: round(shift + 0.4 * rng.normal(), 1) if rng.random() > 0.05 else NAN
                for seed in range(rng.integers(1, 6) if rng.random() < 0.2 else 5)
            }
            for name, shift in shifts.items()
        }
        found = stars(points, better, StarRule(test))
        assert found == by_definition(points, better, test, 0.05)
        starred += sum(found.values())
    assert starred > 0


@pytest.mark.parametrize(
    ("points", "test"),
    [
        ({"a": runs(2, 2, 2), "b": runs(1, 1, 1)}, "welch"),  # no variance at all: t is not defined
        ({"a": runs(2, 2, 2), "b": runs(1, 1, 1)}, "student"),
        ({"a": runs(2, 3, 4), "b": runs(1, 2, 3)}, "paired"),  # the same difference in each pair
        ({"a": runs(9), "b": runs(1, 2, 3)}, "welch"),  # a single run
        ({"a": runs(9), "b": runs(1, 2, 3)}, "student"),
        ({"a": runs(9), "b": runs(1)}, "permutation"),
        ({"a": runs(5, 6, 7), "b": runs(5, 6, 7)}, "welch"),  # the same mean
        ({"a": runs(5, 6, 7)}, "welch"),  # nothing to be above
        ({"a": runs(5, 6, 7), "b": runs(NAN, NAN)}, "welch"),
        ({"a": {0: 5.0, 1: 6.0}, "b": {2: 1.0, 3: 2.0}}, "paired"),  # no seed in common
        ({}, "welch"),
    ],
)
def test_no_star_where_nothing_can_be_said(points, test):
    assert stars(points, rule=StarRule(test)) == dict.fromkeys(points, False)


def test_one_comparison_that_is_not_defined_takes_the_star_away():
    high, low = runs(9, 9.1, 9.2), runs(1, 1.1, 1.2)
    assert stars({"a": high, "b": low})["a"]
    assert not stars({"a": high, "b": low, "c": runs(0.5)})["a"]
    assert stars({"a": high, "b": low, "c": runs(NAN)})["a"]  # a line without runs is not there


def test_holm_rejects_what_its_steps_reject():
    rng = np.random.default_rng(0)
    for _ in range(50):
        p_values = dict(enumerate(rng.random(6) ** 4))
        corrected = holm(p_values)
        for level in (0.01, 0.05, 0.2):
            rejected = set()
            for step, name in enumerate(sorted(p_values, key=p_values.get)):
                if p_values[name] > level / (6 - step):
                    break
                rejected.add(name)
            assert rejected == {name for name, p_value in corrected.items() if p_value <= level}


def test_holm_counts_all_that_is_compared_at_a_level():
    points = {"a": runs(3.0, 3.1, 3.3, 3.2), "b": runs(2.7, 2.9, 3.0, 2.8), "c": runs(1, 1.2, 0.9, 1.1)}
    plain, corrected = leader_comparisons(points), leader_comparisons(points, rule=StarRule(correction="holm"))
    assert [found for found, _ in plain] == [found for found, _ in corrected]
    # b's p-value is the third least of six comparisons (a-c and b-c are less), so it counts four times.
    assert corrected[0][1] == pytest.approx(4 * plain[0][1])
    assert stars(points)["a"]
    assert not stars(points, rule=StarRule(correction="holm", significance=2 * plain[0][1]))["a"]
