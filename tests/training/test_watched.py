"""What shows a training while it runs: events on disk, Keras's callbacks, and the caller's function."""

import keras
import numpy as np
from event_files import read, scalars

from lottery_tf.training.watched import watched


class Epochs(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_epoch_end(self, epoch, logs=None):
        self.seen.append((epoch, logs["val_loss"]))


def test_a_reading_reaches_events_callbacks_and_the_function(trainer, tmp_path):
    epochs, readings = Epochs(), []
    history = np.array([(0, np.nan, np.nan, 2.5, 0.1), (5, 2.0, 0.2, 1.5, 0.6)])
    with watched(trainer, tmp_path, {"seed": 3}, [epochs], readings.append) as (_, report):
        report(history[:1])
        report(history)
    assert epochs.seen == [(0, 2.5), (1, 1.5)]
    assert [reading["seed"] for reading in readings] == [3, 3]
    assert list(readings[1].values())[1:] == history[1].tolist()
    assert list(readings[1])[1:] == list(trainer.columns)
    assert scalars(read(tmp_path), "validation_loss") == {0: 2.5, 5: 1.5}


def test_results_in_memory_have_no_events(trainer, tmp_path):
    readings = []
    with watched(trainer, None, {}, [], readings.append) as (_, report):
        report(np.array([(0, np.nan, np.nan, 2.5, 0.1)]))
    assert len(readings) == 1 and not list(tmp_path.iterdir())
