"""Weights on disk: those that no later level needs are deleted, unless they are kept by choice."""

from types import SimpleNamespace

import numpy as np
import pytest
from tiny_experiments import on_disk

from lottery_tf.levels.shared_parts import SharedParts
from lottery_tf.levels.stored_weights import drop_earlier_weights
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import level_path
from lottery_tf.results.store import MemoryResults
from lottery_tf.results.stored_result import StoredResult


@pytest.mark.slow
def test_keeping_only_what_is_needed(trainer, tmp_path):
    lean = on_disk(trainer, tmp_path, keep_weights=False)
    wanted = [level.metrics["fingerprint"] for level in lean.levels(Treatment(), 0, 3)]
    with_weights = {path.parent.name for path in lean.results.path.rglob("weights.npz")}
    assert with_weights == {"dense", "level-03"}
    further = list(on_disk(trainer, tmp_path, keep_weights=False).levels(Treatment(), 0, 4))
    assert [level.metrics["fingerprint"] for level in further[:4]] == wanted
    # A level that is lost needs the weights of the one before it, which were dropped: they are trained again too.
    (lean.results.folder(level_path(0, Treatment().name, 3)) / "metrics.json").unlink()
    again = on_disk(trainer, tmp_path, keep_weights=False)
    assert [level.metrics["fingerprint"] for level in again.levels(Treatment(), 0, 3)] == wanted
    assert again.trainings == 3


@pytest.mark.slow
def test_weights_kept_by_choice_stay_and_dropped_ones_come_back(trainer, tmp_path):
    def weights_on_disk():
        return {path.parent.name for path in tmp_path.rglob("weights.npz")}

    kept = {"dense", "level-01", "level-02"}
    list(on_disk(trainer, tmp_path, keep_weights=True).levels(Treatment(), 0, 2))
    list(on_disk(trainer, tmp_path, keep_weights=False).levels(Treatment(), 0, 4))
    assert weights_on_disk() == kept | {"level-04"}, "weights were dropped that an earlier run kept by choice"
    again = on_disk(trainer, tmp_path, keep_weights=True)
    list(again.levels(Treatment(), 0, 4))
    assert again.trainings == 1
    assert weights_on_disk() == kept | {"level-03", "level-04"}


def test_what_was_trained_again_is_deleted_and_what_is_kept_by_choice_stays():
    weights = {"w": np.ones(3)}
    results = MemoryResults()
    for number in range(5):
        metrics = {"level": number, "parent": "", "keep_weights": number in (0, 2)}
        level = StoredResult({"w": np.ones(3, bool)}, metrics, start=weights, final=weights)
        results.write(level_path(0, Treatment().name, number), level)
    network = SimpleNamespace(names=["w"], pruned_fraction={"w": 0.2})
    shared = SharedParts(network, None, None, results, keep_weights=False)

    def with_weights():
        return [n for n in range(5) if results.read(level_path(0, Treatment().name, n), weights=True)]

    drop_earlier_weights(shared, Treatment(), 0, 4, trainings=0)
    assert with_weights() == [0, 1, 2, 4]
    drop_earlier_weights(shared, Treatment(), 0, 4, trainings=4)
    assert with_weights() == [0, 2, 4]
    drop_earlier_weights(shared, Treatment(), 0, 1, trainings=1)
    assert with_weights() == [0, 2, 4], "the dense network keeps its weights"
