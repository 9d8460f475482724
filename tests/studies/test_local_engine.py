"""A process of the local engine: what it reports of its task."""

import math

import numpy as np
import pytest

import lottery_tf as lt
from lottery_tf.models.settings import experiment_settings
from lottery_tf.results.paths import experiment_folder
from lottery_tf.results.stored_result import HISTORY_COLUMNS
from lottery_tf.studies.engines import Resources
from lottery_tf.studies.local_engine import Capacity, LocalEngine
from lottery_tf.studies.planning import mask_training
from lottery_tf.studies.shared_datasets import dataset_folder, save_dataset
from lottery_tf.studies.tasks import LearnedMaskTask, LevelTask
from lottery_tf.studies.worker import Ending, WorkerSettings

pytestmark = pytest.mark.slow  # does what a study's workers do: trains

SETTINGS = experiment_settings("fc", "digits", "20", eval_interval=10)
MASK_TRAINING = mask_training(SETTINGS)


def test_a_process_of_an_engine_tells_the_last_reading_of_its_task(digits, tmp_path):
    save_dataset(digits, dataset_folder(tmp_path / "data", "digits", "fc"))
    engine = LocalEngine(tmp_path, tmp_path / "data", WorkerSettings(), tmp_path / "logs", Capacity(1, math.inf))
    slot = engine.slot(Resources(threads=1, memory=0))
    try:
        assert slot.reading is None
        readings = []
        for task in (LevelTask(SETTINGS, 0), LearnedMaskTask("fc", "digits", lt.MaskSettings(), MASK_TRAINING, 0)):
            slot.start(task, [])
            readings.append(slot.reading)
            assert engine.wait([slot], 300.0) == [slot] and slot.result().ending is Ending.FINISHED
            readings.append(slot.reading)
    finally:
        slot.stop()
    before, dense, between, mask = readings
    assert before is between is None  # a reading of the task before is none of this task
    history = np.loadtxt(tmp_path / experiment_folder(SETTINGS) / "seed-0/dense/history.csv", delimiter=",", skiprows=1)
    assert dense == (history[-1, HISTORY_COLUMNS.index("validation_accuracy")], 1.0)
    assert 0 < mask.validation_accuracy < 1 and mask.kept_fraction is None
