"""Stored measurements are found again to the bit, and made anew if they belong to other levels or are damaged."""

import dataclasses

import pytest
from measured_levels import LAST, SETTINGS, measured, trained_levels

from lottery_tf.landscape.measurements.catalogue import MEASUREMENTS
from lottery_tf.landscape.measurements.measurer import TrainedLevels
from lottery_tf.results.walk import finished

pytestmark = pytest.mark.slow  # networks are trained and measured


def without_times(folder, kind):
    return [{name: value for name, value in metrics.items() if name != "seconds"} for metrics in finished(folder, kind)]


MEASURED_KINDS = ("line", "perturbation", "spectrum", "ray", "limit", "threshold", "histogram")


def everything(measurer, trained):
    return [metrics for name in MEASUREMENTS for metrics in measured(measurer, trained, name, [1])]


@pytest.mark.slow
def test_measurements_are_found_again_and_the_same_to_the_bit(measurer_at, tmp_path):
    measurer = measurer_at(tmp_path / "a")
    made = everything(measurer, trained_levels(measurer))
    assert measurer.made == len(made)
    again = measurer_at(tmp_path / "a")
    assert everything(again, trained_levels(again)) == made
    assert (again.made, again.experiment.trainings) == (0, 0)
    other = measurer_at(tmp_path / "b")
    everything(other, trained_levels(other))
    for kind in MEASURED_KINDS:
        stored = without_times(tmp_path / "a", kind)
        assert stored == without_times(tmp_path / "b", kind)
        assert stored
        assert all(metrics["criterion"] == "large_final" and metrics["parent"] for metrics in stored)
    places = {path.parent.name for path in tmp_path.rglob("metrics.json")}
    assert {"level-01-line-level-02", "level-01-line-level-01-reorder-1", "level-01-perturbation-0.5-1"} <= places


def test_what_was_made_of_other_levels_or_settings_is_made_anew(measurer_at, tmp_path):
    measurer = measurer_at(tmp_path)
    trained = trained_levels(measurer)
    measured(measurer, trained, "lines")
    other = TrainedLevels(trained.treatment, 0, [*trained.levels[:-1], trained.levels[-1] | {"fingerprint": "another"}])
    measured(measurer, other, "lines")
    assert measurer.made == LAST + 1
    finer = measurer_at(tmp_path, dataclasses.replace(SETTINGS, points=6))
    assert [len(metrics["rows"]) for metrics in measured(finer, trained, "lines")] == [6] * LAST
    wider = measurer_at(tmp_path, dataclasses.replace(SETTINGS, points=6, tolerance=0.1, bins=7))
    measured(wider, trained, "lines")
    assert wider.made == 0, "neither tolerance nor bins are of account for a line"


def test_a_damaged_measurement_is_made_anew(measurer_at, tmp_path, caplog):
    measurer = measurer_at(tmp_path)
    trained = trained_levels(measurer)
    expected = measured(measurer, trained, "lines")
    (tmp_path / "seed-0" / "large_final-rewind-zero" / "level-01-line-level-02" / "metrics.json").write_text("{}")
    found = measured(measurer, trained, "lines")
    assert measurer.made == LAST + 1
    assert "is damaged" in caplog.text
    assert [metrics["rows"] for metrics in found] == [metrics["rows"] for metrics in expected]


def test_weights_that_were_dropped_are_trained_again(measurer_at, tmp_path):
    measurer = measurer_at(tmp_path, keep_weights=False)
    trained = trained_levels(measurer)
    assert not (tmp_path / "seed-0" / "large_final-rewind-zero" / "level-01" / "weights.npz").exists()
    again = measurer_at(tmp_path)
    found = measured(again, trained_levels(again), "lines")
    assert again.experiment.trainings == LAST - 1, "the last level had its weights"
    fresh = measurer_at()
    expected = measured(fresh, trained_levels(fresh), "lines")
    assert [metrics["rows"] for metrics in found] == [metrics["rows"] for metrics in expected]
    assert [metrics["parent"] for metrics in found] == [metrics["parent"] for metrics in expected]
    assert trained.levels[1]["fingerprint"] in found[0]["parent"]


def test_levels_that_are_not_there_are_left_out(measurer_at):
    measurer = measurer_at()
    trained = trained_levels(measurer)
    short = TrainedLevels(trained.treatment, 0, trained.levels[:2])
    assert [metrics["level"] for metrics in measured(measurer, short, "lines")] == [0]
    assert measured(measurer, short, "robustness", [1, 2]) == []
    assert [metrics["level"] for metrics in measured(measurer, short, "magnitudes")] == [1, 1]
