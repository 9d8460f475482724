"""The limit of pruning a level, against brute force and against trainings."""

import contextlib
import dataclasses

import numpy as np
import pytest
from measured_levels import SETTINGS, error, measured, trained_levels

from lottery_tf.landscape.measurements import flatness, row_names
from lottery_tf.landscape.measurements.measurer import LandscapeMeasurer
from lottery_tf.models.settings import PruningSettings
from lottery_tf.pruning.treatments import Ticket, Treatment
from lottery_tf.training.training_result import IterationRange

pytestmark = pytest.mark.slow  # networks are trained and measured


def test_the_limit_found_is_where_brute_force_stops_matching(measurer_at):
    measurer = measurer_at(settings=dataclasses.replace(SETTINGS, tolerance=0.05))
    trained = trained_levels(measurer)
    (metrics,) = measured(measurer, trained, "limit", [0])
    own = measurer.level(trained, 0)
    allowed = error(measurer, own.final) + 0.05
    found = {(row["pruned_by"], row["method"]): row["pruned_fraction"] for row in metrics["rows"]}
    assert metrics["loss_allowance"] > 0
    for criterion in row_names.PRUNED_BY:
        mask_at = flatness.one_shot(measurer, trained, own, criterion)

        def matches(share, mask_at=mask_at):
            pruned = {name: np.where(kept, own.final[name], 0) for name, kept in mask_at(share).items()}
            return error(measurer, own.final | pruned) <= allowed

        share = found[criterion, "found"]
        assert matches(share)
        assert not matches(share + 1 / 64), "the width at which bisection to 0.02 ends"
    assert found["large_final", "found"] > found["random", "found"]
    for (_, method), share in found.items():
        assert 0 <= share < 1, method


def test_nothing_can_be_pruned_of_what_does_not_match(measurer_at):
    measurer = measurer_at(
        pruning=PruningSettings(dense=0.95, output=0.5), settings=dataclasses.replace(SETTINGS, tolerance=0)
    )
    trained = trained_levels(measurer, Treatment("small_final"), last=2)
    (metrics,) = measured(measurer, trained, "limit", [2])
    assert metrics["end_error"] > metrics["allowed_error"]
    assert {row["pruned_fraction"] for row in metrics["rows"]} == {0.0}


@pytest.mark.parametrize("level", [0, 1])
def test_the_limit_with_retraining_is_where_trainings_stop_matching(level, measurer_at):
    """From the rewind point, where the dense network itself did not begin."""
    measurer = measurer_at(settings=dataclasses.replace(SETTINGS, tolerance=0.05, retrained_precision=0.1))
    trained = trained_levels(measurer, Treatment(rewind_to=10))
    _, *found = measured(measurer, trained, "limit", [level])
    own, rewound = measurer.level(trained, level), measurer.experiment.rewind_point(0, 10).final
    assert [metrics["rows"][0]["pruned_by"] for metrics in found] == ["large_final", "random"]
    for metrics in found:
        (row,) = metrics["rows"]
        mask_at = flatness.one_shot(measurer, trained, own, row["pruned_by"])

        def ends_at(share, mask_at=mask_at):
            kept = mask_at(share)
            start = rewound | {name: np.where(mask, rewound[name], 0) for name, mask in kept.items()}
            ended = measurer.experiment.trainer.train(
                Ticket(start, kept), 0, level + 1, iteration_range=IterationRange(10)
            )
            return error(measurer, ended.final)

        assert row["method"] == "found after retraining"
        assert 0 < row["pruned_fraction"] < 0.9
        assert ends_at(row["pruned_fraction"]) <= metrics["allowed_error"]
        assert ends_at(row["pruned_fraction"] + 1 / 16) > metrics["allowed_error"]


class Stop(Exception):
    pass


@pytest.mark.slow
def test_a_search_with_retraining_that_was_stopped_goes_on_where_it_was(measurer_at, tmp_path):
    settings = dataclasses.replace(SETTINGS, tolerance=0.05, retrained_precision=0.1)

    def search(name, stop_after=None):
        measurer, steps = measurer_at(tmp_path / name, settings), []

        def on_steps(count):
            steps.append(count)
            if stop_after is not None and sum(steps) > stop_after:
                raise Stop

        trained = trained_levels(measurer)
        own = LandscapeMeasurer(measurer.experiment, settings, snapshot_seconds=0, on_steps=on_steps)
        with contextlib.suppress(Stop):
            (*_, found) = measured(own, trained, "limit", [1])
            return found["rows"], steps
        return None, steps

    rows, steps = search("whole")
    assert sum(steps) > 4 * 30, "a search is several trainings"
    search("stopped", stop_after=75)
    again, left = search("stopped")
    assert again == rows
    # What a checkpoint has is reported as one count; of the first two trainings only the last steps are done again.
    assert left[:2] == [20, 10] and left[2:4] == [20, 10]
