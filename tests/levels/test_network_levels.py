"""Levels of a network: found again, or trained again if the weights that later levels need are lost."""

import contextlib

import numpy as np
import pytest
from shared import trainer_with
from tiny_experiments import experiment_with, on_disk

from lottery_tf.errors import InputError
from lottery_tf.masking import model_weights
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import level_path


def test_the_dense_network_is_trained_once_a_seed(experiment):
    for criterion in ("large_final", "random"):
        list(experiment.levels(Treatment(criterion), seed=0, levels=2))
    assert experiment.trained == 1 + 2 * 2
    list(experiment.levels(Treatment("random"), seed=1, levels=2))
    assert experiment.trained == 5 + 1 + 2


def test_what_is_loaded_is_locked_and_checked(trainer, tmp_path, monkeypatch):
    held = []

    def train_under_lock(*arguments, **options):
        assert held[0] == "seed-0/large_final-rewind-zero"
        return trainer.train(*arguments, **options)

    experiment = on_disk(trainer_with(trainer, train=train_under_lock), tmp_path)
    lock = experiment.results.lock

    @contextlib.contextmanager
    def noted(place):
        held.append(place)
        with lock(place):
            yield
        held.remove(place)

    monkeypatch.setattr(experiment.results, "lock", noted)
    experiment.load(Treatment(), 0, 1)
    assert experiment.trained == 2 and held == []
    alone = Treatment(rounds="oneshot", chosen_kept_fraction=0.5)
    for call in (experiment.load, experiment.level):
        with pytest.raises(InputError, match="The level is 3; the treatment .* has level 1 only"):
            call(alone, 0, 3)
        with pytest.raises(InputError, match="(level|number) is -1; it must be at least 0"):
            call(Treatment(), 0, -1)


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_a_lost_level_alone_is_trained_again_to_the_same_bits(lost, trainer, tmp_path):
    before = on_disk(trainer, tmp_path)
    wanted = [level.metrics["fingerprint"] for level in before.levels(Treatment(), 0, 3)]
    (before.results.folder(level_path(0, Treatment().name, lost)) / "mask.npz").write_bytes(b"")
    again = on_disk(trainer, tmp_path)
    assert [level.metrics["fingerprint"] for level in again.levels(Treatment(), 0, 3)] == wanted
    assert again.trained == 1


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
    assert again.trained == 3


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
    assert again.trained == 1
    assert weights_on_disk() == kept | {"level-03", "level-04"}


@pytest.mark.slow
def test_children_of_another_parent_are_trained_again(trainer, tmp_path):
    """A level that was replaced by one with other bits (another machine's, say) takes its descendants with it."""
    own = on_disk(trainer, tmp_path)
    list(own.levels(Treatment(), 0, 3))
    level = own.results.read(level_path(0, Treatment().name, 1), weights=True)
    for name in level.mask:
        level.final[name] = level.final[name][::-1].copy()
    level.metrics["fingerprint"] = "other"
    own.results.write(level_path(0, Treatment().name, 1), level)
    again = on_disk(trainer, tmp_path)
    list(again.levels(Treatment(), 0, 3))
    assert again.trained == 2


def snapshots_of_the_dense_training(experiment, iterations):
    """The dense network's weights as its training passes through some iterations."""
    passed = {}

    def passes(history):
        if history[-1, 0] in iterations:
            passed[int(history[-1, 0])] = model_weights.get_weights(experiment.model)

    dense = experiment.dense(0, weights=True)
    experiment.trainer.train(dense.ticket, 0, 0, on_history=passes)
    return passed


@pytest.mark.parametrize("treatment", [Treatment(rewind_to=5), Treatment("random", "reshuffle", rewind_to=10)])
def test_late_rewinding_goes_back_to_where_the_dense_training_passed(treatment, experiment):
    passed = snapshots_of_the_dense_training(experiment, (5, 10))[treatment.rewind_to]
    for level in list(experiment.levels(treatment, 0, 2))[1:]:
        assert level.history[:, 0].tolist() == list(range(treatment.rewind_to, 16, 5))
        assert level.metrics["iterations"] == 15
        for name, value in passed.items():
            if name not in level.mask:
                assert level.start[name].tobytes() == value.tobytes()
                continue
            kept = level.mask[name]
            own = (level.start[name][kept], value[kept])
            if treatment.mask1 == "reshuffle":
                own = tuple(map(np.sort, own))
            assert own[0].tobytes() == own[1].tobytes()


@pytest.mark.slow
def test_the_rewind_point_is_stored_and_shared(trainer, tmp_path):
    first = on_disk(trainer, tmp_path)
    for criterion in ("large_final", "random"):
        list(first.levels(Treatment(criterion, rewind_to=5), 0, 1))
    assert first.trained == 1 + 1 + 2
    metrics = first.rewind_point(0, 5).metrics
    assert (metrics["kind"], metrics["iterations"]) == ("rewind", 5)
    again = on_disk(trainer, tmp_path)
    wanted = again.rewind_point(0, 5).metrics["fingerprint"]
    (first.results.folder("seed-0/rewind-5") / "weights.npz").write_bytes(b"")
    assert again.rewind_point(0, 5).metrics["fingerprint"] == wanted
    assert again.trained == 1


@pytest.mark.parametrize("iteration", [15, 400])
def test_a_rewind_point_beyond_the_training_is_refused(iteration, experiment):
    with pytest.raises(InputError, match=f"rewind_to is {iteration}; it must be below the 15 iterations"):
        list(experiment.levels(Treatment(rewind_to=iteration), 0, 1))
    with pytest.raises(InputError, match=f"rewind_to is {iteration}"):
        experiment.rewind_point(0, iteration)


def test_own_initial_weights(trainer, tiny_model):
    state = {name: np.full_like(value, 0.01) for name, value in model_weights.get_weights(tiny_model).items()}
    experiment = experiment_with(trainer, initial=lambda seed: state)
    dense, _ = experiment.levels(Treatment(), 0, 1)
    assert all((value == np.float32(0.01)).all() for value in dense.start.values())
