"""What a study shows beside its progress bar: how much is done, and how accurate the networks are."""

import collections
import io
import types

import pytest
from tqdm import tqdm

import lottery_tf as lt
from lottery_tf.models.settings import experiment_settings
from lottery_tf.studies.engines import Reading
from lottery_tf.studies.planning import mask_training
from lottery_tf.studies.scheduler import TaskState
from lottery_tf.studies.tasks import HeuristicMasksTask, LearnedMaskTask, LevelTask
from lottery_tf.studies.worker import Ending, Outcome
from lottery_tf.supermasks.mask_sources import MaskSource
from runs.display import study_progress
from runs.display.study_progress import StudyProgress

SETTINGS = experiment_settings("fc", "digits", "20")
DENSE, SEVENTH = LevelTask(SETTINGS, 0), LevelTask(SETTINGS, 0, 7, lt.Treatment())
MASK = LearnedMaskTask("fc", "digits", lt.MaskSettings(), mask_training(SETTINGS), 0)
SUPERMASKS = HeuristicMasksTask(SETTINGS, 0, MaskSource("oneshot", "large_final"), 2)


@pytest.fixture
def shown(monkeypatch, tmp_path):
    """Shows running tasks, each with its last reading, on a made-up terminal; returns the last state of the bar."""
    terminal = io.StringIO()
    monkeypatch.setattr(study_progress, "tqdm", lambda **options: tqdm(**options | on(terminal)))
    folder = types.SimpleNamespace(write_state=lambda state: None, log_path=lambda task: tmp_path / "log")
    progress = StudyProgress(folder)

    def show(*running, ended=(), states=(TaskState.FINISHED,)):
        slots = [types.SimpleNamespace(task=task, since=0, slot=slot(reading)) for task, reading in running]
        with progress.shown(made_up_scheduler(states, {each.task.key: each for each in slots})):
            for task, metrics in ended:
                progress.end(task, Outcome(Ending.FINISHED, {"seconds": 1, "best_iteration": 1} | metrics))
        return terminal.getvalue().splitlines()[-1].split("\r")[-1].rpartition("| ")[2].strip()

    return show


def on(terminal):
    return {"disable": False, "file": terminal, "dynamic_ncols": False, "ncols": 200}


def slot(reading):
    return types.SimpleNamespace(steps=10, reading=reading)


def made_up_scheduler(states, running):
    return types.SimpleNamespace(
        plan=types.SimpleNamespace(tasks=dict.fromkeys(range(9))),
        counts=collections.Counter(states),
        running=running,
        steps=0,
        seconds_left=170.0,
        fraction_done=0.5,
        errors={},
    )


def test_the_last_reading_of_the_task_that_has_run_longest_is_shown(shown):
    readings = [(DENSE, None), (SEVENTH, Reading(0.9731, 0.2107)), (LevelTask(SETTINGS, 1), Reading(0.5, 1.0))]
    assert shown(*readings) == "1 of 9; about 3 minutes left; level 7: validation 97.3%, kept 21.1%; 0 steps/s"


def test_a_mask_that_is_learned_has_no_kept_fraction_before_its_end(shown):
    assert "; learned mask: validation 61.0%; " in shown((MASK, Reading(0.61, None)))


def test_where_no_reading_is_known_the_last_result_is_shown(shown):
    """As on a cluster, and between two tasks. Sets of Supermasks have many accuracies."""
    level = {"test_accuracy": 0.9, "kept_fraction": 0.2107}
    rows = [{"weights": weights, "validation_accuracy": 1, "test_accuracy": 1, "kept_fraction": 1}
            for weights in ("initial", "signed_constant")]  # fmt: skip
    ended = [(SEVENTH, level), (SUPERMASKS, {"rows": rows})]
    assert "; level 7: test 90.0%, kept 21.1%; " in shown((DENSE, None), ended=ended)
    learned = {"test_accuracy": 0.8, "pruned_fraction": 0.5}
    assert "; learned mask: test 80.0%, kept 50.0%; " in shown((DENSE, None), ended=[(MASK, learned)])


def test_tasks_that_failed_are_counted_and_nothing_is_said_of_none(shown):
    states = (TaskState.FAILED, TaskState.LEFT_OUT, TaskState.LEFT_OUT)
    assert shown(states=states) == "0 of 9; 1 failed; 2 left out"
