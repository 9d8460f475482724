"""Controls of levels: how they start, what is stored, and their dependence on the ticket."""

import dataclasses

import numpy as np
import pytest
from shared import trainer_with
from tiny_experiments import experiment_with, on_disk

from lottery_tf.errors import InputError
from lottery_tf.pruning.treatments import Treatment


@pytest.mark.slow
def test_controls_of_a_level(trainer, tmp_path):
    first = on_disk(trainer, tmp_path)
    level = first.level(Treatment(), 0, 2)
    for control, draw in (("reinit", 1), ("reinit", 2), ("random", 1), ("reorder", 1)):
        found = first.control(Treatment(), 0, 2, control, draw)
        metrics = found.metrics
        assert (metrics["kind"], metrics["control"], metrics["draw"], metrics["level"]) == ("control", control, draw, 2)
        assert (metrics["parent"], metrics["criterion"]) == (level.metrics["fingerprint"], "large_final")
        assert found.metrics["kept_fraction_by_layer"] == level.metrics["kept_fraction_by_layer"]
        assert found.metrics["fingerprint"] != level.metrics["fingerprint"]
        assert first.results.folder(f"seed-0/large_final-rewind-zero/level-02-{control}-{draw}").is_dir()
    assert first.trainings == 3 + 4
    again = on_disk(trainer, tmp_path)
    assert [found.metrics["level"] for found in again.controls(Treatment(), 0, 2, "random")] == [1, 2]
    assert again.trainings == 1
    first.results.write(
        "seed-0/large_final-rewind-zero/level-02",
        dataclasses.replace(level, metrics=level.metrics | {"fingerprint": "other"}),
    )
    again.control(Treatment(), 0, 2, "reinit", 2)
    assert again.trainings == 2, "a control of another ticket was taken for this one's"


@pytest.mark.slow
def test_controls_begin_where_their_network_does(experiment):
    treatment = Treatment(rewind_to=10)
    dense, rewound = experiment.dense(0, weights=True), experiment.rewind_point(0, 10)
    level = experiment.level(treatment, 0, 1)
    reinit, random, reorder = (experiment.control(treatment, 0, 1, name) for name in ("reinit", "random", "reorder"))
    of_dense = experiment.control(treatment, 0, 0, "reorder")
    assert [found.history[0, 0] for found in (reinit, random, reorder, of_dense)] == [0, 10, 10, 10]
    assert of_dense.metrics["kept_fraction"] == 1
    for name, value in dense.start.items():
        np.testing.assert_array_equal(reorder.start[name], level.start[name])
        np.testing.assert_array_equal(of_dense.start[name], rewound.final[name])
        if name in level.mask:
            np.testing.assert_array_equal(random.start[name], np.where(random.mask[name], rewound.final[name], 0))
        else:
            np.testing.assert_array_equal(reinit.start[name], value)


@pytest.mark.slow
def test_controls_keep_their_weights_only_where_all_do(trainer, tmp_path):
    lean = on_disk(trainer, tmp_path, keep_weights=False)
    lean.control(Treatment(), 0, 1, "random")
    assert {path.parent.name for path in lean.results.path.rglob("weights.npz")} == {"dense", "level-01"}
    again = on_disk(trainer, tmp_path, keep_weights=True)
    again.control(Treatment(), 0, 1, "random")
    assert again.trainings == 1
    assert (again.results.folder("seed-0/large_final-rewind-zero/level-01-random-1") / "weights.npz").exists()


@pytest.mark.slow
def test_diverged_levels_have_no_controls_and_do_not_stop_one_shot_pruning(trainer):
    def diverging(ticket, seed, level, **options):
        return dataclasses.replace(trainer.train(ticket, seed, level, **options), diverged=level == 2)

    experiment = experiment_with(trainer_with(trainer, train=diverging))
    treatment = Treatment(rounds="oneshot")
    found = [level.metrics["status"] for level in experiment.levels(treatment, 0, 3)]
    assert found == ["finished", "finished", "diverged", "finished"]
    assert [control.metrics["level"] for control in experiment.controls(treatment, 0, 3, "random")] == [1, 3]
    assert [level.metrics["level"] for level in experiment.levels(Treatment(), 0, 3)] == [0, 1, 2]
    with pytest.raises(
        InputError, match="Level 2 of large_final-rewind-zero, seed 0, diverged; it has no later levels"
    ):
        experiment.level(Treatment(), 0, 3)
