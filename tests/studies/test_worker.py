"""A worker in this process: what it returns for each kind of task, and for tasks that fail."""

import dataclasses
import errno
import os

import numpy as np
import pytest

import lottery_tf as lt
from lottery_tf import errors
from lottery_tf.errors import InputError
from lottery_tf.models.settings import experiment_settings
from lottery_tf.results import paths
from lottery_tf.studies.planning import mask_training
from lottery_tf.studies.tasks import ControlTask, HeuristicMasksTask, LearnedMaskTask, LevelTask, RewindPointTask
from lottery_tf.studies.worker import Ending, Worker, WorkerSettings
from lottery_tf.supermasks import learning, mask_settings
from lottery_tf.supermasks.mask_sources import MaskSource
from lottery_tf.supermasks.masked_model import MaskedModel

pytestmark = pytest.mark.slow  # does what a study's workers do: trains

SETTINGS = experiment_settings("fc", "digits", "20", eval_interval=10)
MASK_TRAINING = mask_training(SETTINGS)


@pytest.fixture
def lines():
    return []


@pytest.fixture
def worker(digits, tmp_path, lines):
    return Worker(
        tmp_path, lambda name, network: digits, WorkerSettings(), on_line=lambda task, line: lines.append(line)
    )


def test_levels_are_those_of_an_experiment(worker, digits, lines):
    dense = worker.perform(LevelTask(SETTINGS, 0), [])
    first = worker.perform(LevelTask(SETTINGS, 0, 1, lt.Treatment("movement")), [dense.metrics])
    experiment = lt.Experiment(lt.build("fc"), digits, SETTINGS.training, SETTINGS.pruning)
    wanted = list(experiment.levels(lt.Treatment("movement"), 0, 1))
    assert [dense.metrics["fingerprint"], first.metrics["fingerprint"]] == [w.metrics["fingerprint"] for w in wanted]
    assert [("begins" in line, "finished" in line) for line in lines] == [(True, False), (False, True)] * 2


def test_rewind_points_and_controls(worker):
    point = worker.perform(RewindPointTask(SETTINGS, 0, 10), [])
    assert (point.metrics["kind"], point.metrics["iterations"]) == ("rewind", 10)
    control = worker.perform(ControlTask(SETTINGS, 0, 1, lt.Treatment(rewind_to=10), "random", 2), [])
    assert [control.metrics[name] for name in ("kind", "control", "draw", "level")] == ["control", "random", 2, 1]


def test_a_rewind_point_that_diverges_is_a_result(worker):
    wild = dataclasses.replace(SETTINGS, training=dataclasses.replace(SETTINGS.training, learning_rate=1e30))
    for _ in range(2):
        point = worker.perform(RewindPointTask(wild, 0, 10), [])
        assert point.ending is Ending.FINISHED and point.metrics["status"] == "diverged"


def test_supermasks_found_and_learned(worker):
    mask_source = worker.perform(HeuristicMasksTask(SETTINGS, 0, MaskSource("oneshot", "large_final"), 2), [])
    assert [row["level"] for row in mask_source.metrics["rows"]] == [1, 1, 2, 2]
    mask = worker.perform(LearnedMaskTask("fc", "digits", lt.MaskSettings(), MASK_TRAINING, 0), [])
    assert mask.metrics["kind"] == "learned_mask" and mask.metrics["iterations"] == 20


def test_masks_that_differ_in_values_alone_share_a_program_and_have_the_bits_of_their_own(
    worker, digits, tmp_path, monkeypatch
):
    made = []
    monkeypatch.setattr(
        learning,
        "MaskedModel",
        lambda *network, **options: made.append(options) or MaskedModel(*network, **options),
    )
    settings = lt.MaskSettings("signed_constant", initial_logit=2.0)
    for each, seed in ((lt.MaskSettings(initial_logit=-1.0), 0), (settings, 1)):
        assert worker.perform(LearnedMaskTask("fc", "digits", each, MASK_TRAINING, seed), []).ending is Ending.FINISHED
    assert len(made) == 1, "a program was compiled for each"
    alone = lt.MaskLearner(lt.build("fc"), digits, settings, MASK_TRAINING).learn(1)
    common = mask_settings.common_settings("fc", "digits", MASK_TRAINING) | {"data": digits.fingerprint}
    results = lt.ResultsFolder(tmp_path / paths.learned_masks_folder("fc", "digits"), common)
    found = results.read(paths.learned_mask_path(settings.name, MASK_TRAINING, 1), weights=True)
    np.testing.assert_array_equal(found.history, alone.history)
    assert {name: value.tobytes() for name, value in found.final.items()} == {
        name: value.tobytes() for name, value in alone.final.items()
    }
    assert {**found.metrics, **alone.metrics, "seconds": 0} == {**found.metrics, "seconds": 0}


def test_what_is_compiled_differently_is_not_shared(digits):
    learner = lt.MaskLearner(lt.build("fc"), digits, lt.MaskSettings(), MASK_TRAINING)
    others = (lt.MaskSettings(rescale=True), lt.MaskSettings(l1=1e-7), lt.MaskSettings(g="rounded"))
    assert all(learner.with_settings(other).model is not learner.model for other in others)
    assert learner.with_settings(lt.MaskSettings("signed_constant", initial_logit=5.0)).model is learner.model
    with pytest.raises(InputError, match="missing or unknown: dense_1/kernel"):
        learner.with_settings(lt.MaskSettings(initial_logit=(("dense_2/kernel", 1.0), ("output/kernel", 0.0))))


def test_a_training_that_diverges_is_a_result_and_nothing_follows_on_it(worker, lines):
    wild = dataclasses.replace(SETTINGS, training=dataclasses.replace(SETTINGS.training, learning_rate=1e30))
    dense = worker.perform(LevelTask(wild, 0), [])
    assert dense.ending is Ending.FINISHED and dense.metrics["status"] == "diverged"
    after = worker.perform(LevelTask(wild, 0, 1, lt.Treatment()), [])
    assert after.ending is Ending.FAILED and "diverged; it has no later levels" in after.error
    assert "diverged after" in lines[1] and "Traceback" in lines[-1]


def test_a_full_disk_is_told_from_other_errors():
    assert errors.is_full(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert errors.is_full(RuntimeError("events.out; No space left on device"))
    assert not errors.is_full(OSError(errno.EACCES, os.strerror(errno.EACCES)))
