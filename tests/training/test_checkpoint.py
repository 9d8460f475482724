"""Checkpoints: an interrupted training ends with the same bits; damaged or foreign ones are not used."""

import dataclasses

import keras
import numpy as np
import pytest
from shared import tiny_network
from short_trainings import SETTINGS, Stopped, half_ticket

from lottery_tf.masking import conversion
from lottery_tf.models import networks
from lottery_tf.models.settings import experiment_settings
from lottery_tf.training.checkpoint import Checkpoint
from lottery_tf.training.trainer import Trainer


@pytest.mark.slow
def test_resnet20_ends_with_the_same_bits_when_interrupted(few_colour_images, tmp_path):
    """With its augmentation, batch norm, weight decay and a drop of the learning rate before and after."""
    training = experiment_settings("resnet20", "cifar10", "6", batch_size=4, eval_interval=2).training
    assert training.learning_rate_drops == (4, 5)
    model = networks.build("resnet20", (8, 8, 3))
    trainer, ticket = Trainer(model, few_colour_images, training), half_ticket(model)
    whole = trainer.train(ticket, 0, 1)

    def stop(history):
        if len(history) == 3:
            raise Stopped

    with pytest.raises(Stopped):
        trainer.train(ticket, 0, 1, checkpoint=Checkpoint(tmp_path, 0), on_history=stop)
    steps = []
    resumed = trainer.train(ticket, 0, 1, checkpoint=Checkpoint(tmp_path, 0), on_steps=steps.append)
    assert steps == [2, 2, 2]
    assert all(whole.final[name].tobytes() == resumed.final[name].tobytes() for name in whole.final)
    np.testing.assert_array_equal(whole.history, resumed.history)
    statistics = [name for name in whole.final if "moving" in name]
    assert len(statistics) == 2 * 21
    assert all((whole.final[name] != ticket.start[name]).any() for name in statistics)
    for name, kept in ticket.mask.items():
        assert whole.final[name][~kept].tobytes() == ticket.start[name][~kept].tobytes()


def dropout_and_batch_norm():
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(12, "relu"),
              keras.layers.BatchNormalization(), keras.layers.Dropout(0.3), keras.layers.Dense(3)]  # fmt: skip
    return conversion.masked(keras.Sequential(layers))


@pytest.mark.slow
@pytest.mark.parametrize("make", [tiny_network, dropout_and_batch_norm])
def test_an_interrupted_training_ends_with_the_same_bits(make, tiny_dataset, tmp_path):
    """A trainer that was never stopped and one whose trainings are, at each reading of the validation loss."""
    model = make()
    ticket = half_ticket(model)
    whole = Trainer(model, tiny_dataset, SETTINGS).train(ticket, 0, 1)
    trainer = Trainer(model, tiny_dataset, SETTINGS)
    for stop_at in (1, 2, 3):
        folder = tmp_path / str(stop_at)
        folder.mkdir()

        def stop(history, stop_at=stop_at):
            if len(history) > stop_at:
                raise Stopped

        with pytest.raises(Stopped):
            trainer.train(ticket, 0, 1, checkpoint=Checkpoint(folder, 0), on_history=stop)
        steps = []
        resumed = trainer.train(ticket, 0, 1, checkpoint=Checkpoint(folder, 0), on_steps=steps.append)
        assert steps[0] == 10 * (stop_at - 1), "it did not start from the snapshot"
        assert sum(steps) == 25
        for a, b in ((whole.final, resumed.final), (whole.best, resumed.best)):
            assert all(a[name].tobytes() == b[name].tobytes() for name in a)
        np.testing.assert_array_equal(whole.history, resumed.history)
        assert dataclasses.replace(whole, final={}, best={}, history=None, seconds=0) == dataclasses.replace(
            resumed, final={}, best={}, history=None, seconds=0
        )


@pytest.mark.slow
def test_a_damaged_snapshot_is_not_used(trainer, tmp_path, caplog):
    ticket = half_ticket(trainer.model)
    whole = trainer.train(ticket, 0, 1, checkpoint=Checkpoint(tmp_path, 0))
    content = bytearray((tmp_path / "snapshot.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "snapshot.npz").write_bytes(content)
    again = trainer.train(ticket, 0, 1, checkpoint=Checkpoint(tmp_path, 3600))
    assert "snapshot.npz is damaged" in caplog.text
    np.testing.assert_array_equal(whole.history, again.history)


@pytest.mark.slow
def test_a_snapshot_of_another_ticket_is_not_taken_up(trainer, tmp_path, caplog):
    other = half_ticket(trainer.model, seed=1)
    trainer.train(half_ticket(trainer.model), 0, 1, checkpoint=Checkpoint(tmp_path, 0))
    taken_up = trainer.train(other, 0, 1, checkpoint=Checkpoint(tmp_path, 3600))
    assert "belongs to another training" in caplog.text
    np.testing.assert_array_equal(taken_up.history, trainer.train(other, 0, 1).history)


def test_a_checkpoint_of_other_arrays_is_not_taken_up(tmp_path, caplog):
    saved = Checkpoint(tmp_path, 0)
    saved.save_if_due("level 1", lambda: {"history": np.zeros((3, 5)), "model/0": np.ones(4)})
    shapes = {"history": (None, 5), "model/0": (4,)}
    assert saved.load("level 1", shapes).keys() == shapes.keys()
    for odd in ({"model/0": (5,)}, {"model/1": (4,)}, {"history": (5,)}, {"history": (None, 4)}):
        assert saved.load("level 1", shapes | odd) is None
        assert f"{tmp_path / 'snapshot.npz'} is damaged: " in caplog.messages.pop()
