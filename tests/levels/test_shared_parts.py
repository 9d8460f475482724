"""Levels of a network: found again, or trained again if the weights that later levels need are lost."""

import contextlib

import pytest
from shared import trainer_with
from tiny_experiments import on_disk

from lottery_tf.errors import InputError
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import level_path


@pytest.mark.slow
def test_what_is_loaded_is_locked_and_checked(trainer, tmp_path, monkeypatch):
    held = []

    def train_under_lock(*arguments, **options):
        assert held[0] == "seed-0/large_final-rewind-zero"
        return trainer.train(*arguments, **options)

    experiment = on_disk(trainer_with(trainer, train=train_under_lock), tmp_path)
    lock = experiment.results.lock

    @contextlib.contextmanager
    def lock_and_record(place):
        held.append(place)
        with lock(place):
            yield
        held.remove(place)

    monkeypatch.setattr(experiment.results, "lock", lock_and_record)
    experiment.load(Treatment(), 0, 1)
    assert experiment.trainings == 2 and held == []
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
    assert again.trainings == 1


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
    assert again.trainings == 2
