"""The files that are sent to a node; without a cluster."""

import dataclasses

import numpy as np
import pytest

from lottery_tf.models.settings import experiment_settings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import experiment_folder
from lottery_tf.results.store import ResultsFolder
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.studies.ray_engine import read_inputs
from lottery_tf.studies.tasks import LevelTask

SETTINGS = experiment_settings("fc", "digits", "20")
DENSE, FIRST, SECOND = (LevelTask(SETTINGS, 0, level, Treatment() if level else None) for level in range(3))


@pytest.fixture
def write(tmp_path):
    """Writes a made-up level made from another one, with its weights or without."""
    results = ResultsFolder(tmp_path / experiment_folder(SETTINGS), dataclasses.asdict(SETTINGS))
    state = {"output/kernel": np.ones((2, 2), np.float32)}
    mask = {"output/kernel": np.ones((2, 2), bool)}

    def write(task, parent, weights=True):
        metrics = {"kind": "level", "fingerprint": f"of {task.level}", "parent": parent, "level": task.level}
        metrics |= {"seed": 0, "kept_fraction": 1.0, "status": "finished"}
        made = StoredResult(mask, metrics, None, state, state)
        results.write(task.result_path, made if weights else made.without_weights())

    return write


def test_a_level_starts_from_the_nearest_one_that_has_its_weights(write, tmp_path):
    write(DENSE, "")
    write(FIRST, "of 0", weights=False)
    assert read_inputs(tmp_path, SECOND, keep_weights=False).keys() == {FIRST.key, DENSE.key}
    write(FIRST, "of 0")
    assert read_inputs(tmp_path, SECOND, keep_weights=False).keys() == {FIRST.key}


def test_a_level_that_lacks_its_place_on_the_page_alone_is_sent_itself(write, tmp_path):
    write(DENSE, "")
    write(FIRST, "of 0", weights=False)
    assert read_inputs(tmp_path, FIRST, keep_weights=False).keys() == {FIRST.key}
    assert read_inputs(tmp_path, FIRST, keep_weights=True).keys() == {DENSE.key}, "its weights are wanted too"
    write(FIRST, "of another")
    assert read_inputs(tmp_path, FIRST, keep_weights=False).keys() == {DENSE.key}, "it is made again"
