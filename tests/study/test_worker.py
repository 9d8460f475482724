"""A worker in this process: what it gives back for each kind of work, and for work that goes wrong."""

import dataclasses
import errno
import os

import numpy as np
import pytest

import lottery_tf as lt
from lottery_tf.heuristics import Ladder
from lottery_tf.settings import run_settings
from lottery_tf.study.studies import mask_training
from lottery_tf.study.work import ControlWork, LadderWork, LevelWork, MaskWork, RewindWork
from lottery_tf.study.worker import End, Setup, Worker, is_full, map_dataset, save_dataset

SETTINGS = run_settings("fc", "digits", "20", eval_interval=10)


@pytest.fixture
def lines():
    return []


@pytest.fixture
def worker(digits, tmp_path, lines):
    return Worker(tmp_path, lambda name, network: digits, Setup(), on_line=lambda work, line: lines.append(line))


def test_levels_are_those_of_an_experiment(worker, digits, lines):
    dense = worker.perform(LevelWork(SETTINGS, 0), [])
    first = worker.perform(LevelWork(SETTINGS, 0, 1, lt.Treatment("movement")), [dense.metrics])
    experiment = lt.Experiment(lt.build("fc"), digits, SETTINGS.training, SETTINGS.pruning)
    wanted = list(experiment.levels(lt.Treatment("movement"), 0, 1))
    assert [dense.metrics["fingerprint"], first.metrics["fingerprint"]] == [w.metrics["fingerprint"] for w in wanted]
    assert [("begins" in line, "finished" in line) for line in lines] == [(True, False), (False, True)] * 2


def test_rewind_points_and_controls(worker):
    point = worker.perform(RewindWork(SETTINGS, 0, 10), [])
    assert (point.metrics["kind"], point.metrics["iterations"]) == ("rewind", 10)
    control = worker.perform(ControlWork(SETTINGS, 0, 1, lt.Treatment(rewind_to=10), "random", 2), [])
    assert [control.metrics[name] for name in ("kind", "control", "draw", "level")] == ["control", "random", 2, 1]


def test_a_rewind_point_that_diverges_is_a_result(worker):
    wild = dataclasses.replace(SETTINGS, training=dataclasses.replace(SETTINGS.training, learning_rate=1e30))
    for _ in range(2):
        point = worker.perform(RewindWork(wild, 0, 10), [])
        assert point.end is End.FINISHED and point.metrics["status"] == "diverged"


def test_supermasks_found_and_learned(worker):
    ladder = worker.perform(LadderWork(SETTINGS, 0, Ladder("oneshot", "large_final"), 2), [])
    assert [row["level"] for row in ladder.metrics["rows"]] == [1, 1, 2, 2]
    mask = worker.perform(MaskWork("fc", "digits", lt.MaskSettings(), mask_training(SETTINGS), 0), [])
    assert mask.metrics["kind"] == "learned_mask" and mask.metrics["iterations"] == 20


def test_a_training_that_diverges_is_a_result_and_nothing_follows_on_it(worker, lines):
    wild = dataclasses.replace(SETTINGS, training=dataclasses.replace(SETTINGS.training, learning_rate=1e30))
    dense = worker.perform(LevelWork(wild, 0), [])
    assert dense.end is End.FINISHED and dense.metrics["status"] == "diverged"
    after = worker.perform(LevelWork(wild, 0, 1, lt.Treatment()), [])
    assert after.end is End.FAILED and "diverged: nothing follows it" in after.error
    assert "diverged after" in lines[1] and "Traceback" in lines[-1]


def test_a_full_disk_is_told_from_other_errors():
    assert is_full(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert is_full(RuntimeError("events.out; No space left on device"))
    assert not is_full(OSError(errno.EACCES, os.strerror(errno.EACCES)))


def test_a_data_set_comes_back_from_its_arrays(digits, tmp_path):
    save_dataset(digits, tmp_path / "digits")
    found = map_dataset(tmp_path / "digits")
    assert found.fingerprint == digits.fingerprint and found.name == "digits"
    assert lt.Dataset(found.train, found.validation, found.test).fingerprint == digits.fingerprint
    assert isinstance(found.train.images, np.memmap)
