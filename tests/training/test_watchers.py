"""Keras's callbacks watch a training; those that would change it are refused or noticed."""

import dataclasses

import keras
import pytest
from examples_of_numbers import SETTINGS
from shared import tiny_network

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.training.training_result import IterationRange
from lottery_tf.training.watchers import Watchers


@pytest.mark.slow
def test_callbacks_watch(tiny_dataset, tmp_path):
    seen = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append((epoch, logs)))
    files = keras.callbacks.CSVLogger(tmp_path / "log.csv", append=True)
    board = keras.callbacks.TensorBoard(tmp_path / "board")
    model = tiny_network()
    experiment = lt.Experiment(model, tiny_dataset, SETTINGS, callbacks=[watch, files, board])
    dense, first = experiment.levels(lt.Treatment(), 0, 1)
    assert [epoch for epoch, _ in seen] == [0, 1, 2] * 2
    assert [logs["val_loss"] for _, logs in seen] == [*dense.history[:, 3], *first.history[:, 3]]
    assert seen[-1][1].keys() == {"iteration", "loss", "accuracy", "val_loss", "val_accuracy"}
    assert watch.params["level"] == 1
    assert {name: watch.params[name] for name in ("verbose", "epochs", "steps")} == {
        "verbose": 1, "epochs": 3, "steps": SETTINGS.eval_interval
    }  # fmt: skip
    assert len((tmp_path / "log.csv").read_text().splitlines()) >= 7
    unwatched = lt.Experiment(tiny_network(), tiny_dataset, SETTINGS, trainer=experiment.trainer)
    assert unwatched.dense(0).metrics["fingerprint"] == dense.metrics["fingerprint"]


@pytest.mark.slow
def test_keras_prints_its_progress(tiny_dataset, capsys):
    experiment = lt.Experiment(tiny_network(), tiny_dataset, SETTINGS, callbacks=[keras.callbacks.ProgbarLogger()])
    experiment.dense(0)
    shown = capsys.readouterr().out
    assert all(f"Epoch {number}/3" in shown for number in (1, 2, 3)) and "val_accuracy" in shown


@pytest.mark.parametrize(("iterations", "first", "last"), [(10, 0, None), (11, 0, None), (11, 3, None), (12, 5, 9)])
def test_callbacks_are_told_of_as_many_epochs_as_there_are_readings(iterations, first, last, tiny_dataset):
    settings = dataclasses.replace(SETTINGS, iterations=iterations, eval_interval=5)
    callback, iteration_range = keras.callbacks.Callback(), IterationRange(first, last)
    Watchers([callback], keras.Sequential([keras.layers.Dense(1)]), settings, {}, iteration_range)
    end = last or iterations
    assert callback.params["epochs"] == 1 + sum(step % 5 == 0 or step == end for step in range(first + 1, end + 1))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["EarlyStopping", "ReduceLROnPlateau", "SwapEMAWeights"])
def test_callbacks_that_would_change_a_training_are_refused(kind, tiny_model, tiny_dataset):
    with pytest.raises(InputError, match=f"{kind} would change the training; callbacks may only watch"):
        lt.Experiment(tiny_model, tiny_dataset, SETTINGS, callbacks=[getattr(keras.callbacks, kind)()])
    with pytest.raises(InputError, match="it must be a Keras Callback"):
        lt.Experiment(tiny_model, tiny_dataset, SETTINGS, callbacks=[print])


@pytest.mark.slow
def test_callbacks_that_change_a_training_are_noticed(tiny_dataset):
    class Meddles(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1 and self.stops:
                self.model.stop_training = True
            elif epoch == 1:
                self.model.layers[-1].bias.assign([1, 2, 3])

    meddles = Meddles()
    experiment = lt.Experiment(tiny_network(), tiny_dataset, SETTINGS, callbacks=[meddles])
    for meddles.stops in (True, False):
        with pytest.raises(InputError, match="A callback stopped the training or changed weights"):
            experiment.dense(0)
