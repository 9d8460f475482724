"""What a study leaves beside its results, as it is seen from outside."""

import fcntl
import os

import pytest

from lottery_tf import file_locks
from lottery_tf.errors import DamagedFile
from lottery_tf.models.settings import run_settings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies.planning import Request
from lottery_tf.studies.study_folder import StudyFolder
from lottery_tf.studies.task_results import page_is_current
from lottery_tf.studies.tasks import LevelTask


@pytest.fixture
def folder(tmp_path):
    folder = StudyFolder.for_request(tmp_path, Request(("demo",), seeds=(0,)))
    folder.make()
    return folder


def test_a_study_is_seen_to_run_as_long_as_it_does(folder):
    assert not folder.is_running
    with file_locks.locked(folder.lock), folder.shown_running():
        assert folder.is_running
    assert not folder.is_running


def test_one_who_looks_whether_a_study_runs_does_not_seem_to_run_it(folder, monkeypatch):
    looked, take = [], fcntl.flock

    def flock(file, operation):
        take(file, operation)
        if operation & fcntl.LOCK_SH:  # the instant in which somebody looks
            with open(folder.lock, "a") as beginning:
                take(beginning, fcntl.LOCK_EX | fcntl.LOCK_NB)
            looked.append(file)

    with file_locks.locked(folder.lock), folder.shown_running():
        pass
    monkeypatch.setattr(fcntl, "flock", flock)
    assert not folder.is_running and len(looked) == 1


def test_a_request_comes_back_and_a_damaged_one_is_named(folder):
    assert StudyFolder.open(folder.path).request == folder.request
    for rubbish in ("{", "[]", '{"no": "such"}', '{"studies": ["none"]}'):
        (folder.path / "request.json").write_text(rubbish)
        with pytest.raises(DamagedFile, match=r"demo-.*/request\.json is damaged"):
            StudyFolder.open(folder.path)


def test_a_page_is_missing_until_it_was_written_after_the_level(tmp_path):
    task = LevelTask(run_settings("fc", "digits", "20"), 0, 2, Treatment())
    page = tmp_path / task.key / "../events.out.tfevents.1"
    (tmp_path / task.key).mkdir(parents=True)
    (tmp_path / task.key / "metrics.json").write_text("{}")
    assert not page_is_current(tmp_path, task)
    page.write_text("")
    assert page_is_current(tmp_path, task)
    os.utime(page, (0, 0))
    assert not page_is_current(tmp_path, task), "it is of the level before"


def test_a_page_that_somebody_is_writing_anew_is_missing(tmp_path, monkeypatch):
    task = LevelTask(run_settings("fc", "digits", "20"), 0, 2, Treatment())
    (tmp_path / task.key).mkdir(parents=True)
    (tmp_path / task.key / "metrics.json").write_text("{}")
    gone = tmp_path / task.key / "../events.out.tfevents.1"
    monkeypatch.setattr(type(gone), "glob", lambda self, pattern: [gone])
    assert not page_is_current(tmp_path, task)
