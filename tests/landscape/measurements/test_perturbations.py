"""Perturbed rewind points: as long as the projection of pruning."""

import dataclasses

import numpy as np
import pytest
from measured_levels import SETTINGS, measured, trained_levels

from lottery_tf.pruning.treatments import Treatment

pytestmark = pytest.mark.slow  # networks are trained and measured


def test_perturbations_are_as_long_as_the_projection(measurer_at):
    measurer = measurer_at()
    trained = trained_levels(measurer)
    own, following = measurer.level(trained, 1), measurer.level(trained, 2)
    removed = np.concatenate([own.start[name][own.mask[name] & ~following.mask[name]] for name in own.mask])
    projection = np.sqrt(np.sum(removed.astype(np.float64) ** 2))
    found = measured(measurer, trained, "robustness", [1])
    assert [metrics["multiple"] for metrics in found] == [0.5, 2.0]
    for metrics in found:
        assert metrics["projection"] == pytest.approx(projection, rel=1e-12)
        assert metrics["distance"] == pytest.approx(metrics["multiple"] * projection, rel=1e-12)
        assert metrics["unperturbed_error"] == pytest.approx(1 - trained.levels[1]["final_test_accuracy"], abs=1e-6)
        rows = {name: [row for row in metrics["rows"] if row["line"] == name] for name in ("unperturbed", "before")}
        assert rows["before"][0]["error"] == pytest.approx(1 - trained.levels[0]["final_test_accuracy"], abs=1e-6)
        assert rows["before"][-1]["error"] == rows["unperturbed"][-1]["error"] == metrics["end_error"]


@pytest.mark.parametrize("rewind_to", [0, 10])
def test_a_perturbation_that_rounds_to_nothing_ends_where_the_level_does(rewind_to, measurer_at):
    """Training goes the level's own way: in its order, from its rewind point."""
    measurer = measurer_at(settings=dataclasses.replace(SETTINGS, multiples=(1e-12,)))
    (metrics,) = measured(measurer, trained_levels(measurer, Treatment(rewind_to=rewind_to)), "robustness", [2])
    losses = [row["loss"] for row in metrics["rows"] if row["line"] == "unperturbed"]
    assert losses == pytest.approx([losses[0]] * 5, rel=1e-6)
    assert abs(metrics["loss_barrier"]) < 1e-6
    assert metrics["end_error"] == metrics["unperturbed_error"]
