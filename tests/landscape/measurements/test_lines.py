"""Lines between levels and between reordered trainings, against lines computed by hand."""

import numpy as np
import pytest
from measured_levels import LAST, error, measured, trained_levels

from lottery_tf.landscape import interpolation
from lottery_tf.landscape.measurements import lines
from lottery_tf.pruning.treatments import Treatment

pytestmark = pytest.mark.slow  # networks are trained and measured


@pytest.mark.parametrize("treatment", [Treatment(), Treatment("random", mask0="init", rewind_to=10)])
def test_lines_are_those_between_the_levels(treatment, measurer_at):
    measurer = measurer_at()
    trained = trained_levels(measurer, treatment)
    found = measured(measurer, trained, "lines")
    states = [measurer.level(trained, number).final for number in range(LAST + 1)]
    dense_error = error(measurer, states[0])
    expected = list(interpolation.successive(measurer.evaluate, states, dense_error, points=5))
    assert len(found) == len(expected) == LAST
    for metrics, wanted in zip(found, expected, strict=True):
        own = lines.connection(metrics)
        for name in ("positions", "losses", "errors"):
            np.testing.assert_array_equal(getattr(own.path, name), getattr(wanted.path, name))
        assert (own.matching, metrics["error_barrier"]) == (wanted.matching, wanted.path.error_barrier)
        assert metrics["dense_error"] == dense_error
    assert [(metrics["level"], metrics["second_level"]) for metrics in found] == [(0, 1), (1, 2), (2, 3)]


def test_errors_of_the_ends_are_those_of_the_trainings(measurer_at):
    measurer = measurer_at()
    trained = trained_levels(measurer)
    for metrics in measured(measurer, trained, "lines"):
        for end, number in (("first", metrics["level"]), ("second", metrics["second_level"])):
            assert metrics[f"{end}_error"] == pytest.approx(1 - trained.levels[number]["final_test_accuracy"], abs=1e-6)


def test_tolerance_is_no_part_of_what_is_stored(measurer_at):
    measurer = measurer_at()
    metrics = measured(measurer, trained_levels(measurer), "lines")[0] | {
        "first_error": 0.1,
        "second_error": 0.14,
        "dense_error": 0.1,
    }
    assert lines.connection(metrics, 0.03).matching == (True, False)
    assert lines.connection(metrics, 0.05).matching == (True, True)


@pytest.mark.parametrize("level", [0, 2])
def test_instability_is_between_a_level_and_its_reordered_copies(level, measurer_at):
    measurer = measurer_at()
    treatment = Treatment(rewind_to=10)
    trained = trained_levels(measurer, treatment)
    found = measured(measurer, trained, "instability", [level])
    ends = [measurer.level(trained, level).final]
    ends += [measurer.experiment.control(treatment, 0, level, "reorder", draw).final for draw in (1, 2)]
    pairs = [(0, 1), (0, 2), (1, 2)]
    assert len(found) == len(pairs)
    for metrics, (first, second) in zip(found, pairs, strict=True):
        assert metrics["first_error"] == error(measurer, ends[first])
        assert metrics["second_error"] == error(measurer, ends[second])
        middle = {name: (ends[first][name] + ends[second][name]) / 2 for name in ends[0]}
        assert metrics["rows"][2]["loss"] == pytest.approx(measurer.evaluate(middle).loss, rel=1e-5)
