"""The files that a study leaves beside its results."""

import fcntl
import hashlib
import json

import pytest

from lottery_tf.errors import DamagedFile
from lottery_tf.studies.planning import Request
from lottery_tf.studies.study_folder import StudyFolder
from lottery_tf.system import file_locks


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


def test_a_request_of_before_has_the_folder_of_before(tmp_path):
    """By what was hashed when requests had ten fields."""
    older = {"studies": ["demo"], "networks": None, "seeds": [0, 1], "levels": 2, "dataset": None, "schedule": "80",
             "eval_interval": 20, "learning_rate": None, "warmup_iterations": None,
             "mask_iterations": None}  # fmt: skip
    digest = hashlib.sha256((json.dumps(older, indent=1) + "\n").encode()).hexdigest()[:8]
    request = Request(("demo",), seeds=(0, 1), levels=2, schedule="80", eval_interval=20)
    assert StudyFolder.for_request(tmp_path, request).path.name == f"demo-{digest}"
    other = Request(("demo",), seeds=(0, 1), levels=2, schedule="80", eval_interval=20, criterion=("movement",))
    assert StudyFolder.for_request(tmp_path, other).path.name != f"demo-{digest}"


def test_what_a_study_is_asked_for_is_read_again(tmp_path):
    changes = {"batch_size": 32, "learning_rate_drops": [5, 7], "precision": "mixed_bfloat16"}
    request = Request(("figure3",), ("resnet20",), (0,), criterion=("movement",), changes=changes)
    folder = StudyFolder.for_request(tmp_path, request)
    folder.make()
    again = StudyFolder.open(folder.path)
    assert again.plan() == folder.plan()
    (training,) = {work.settings.training for work in again.plan().tasks.values()}
    assert (training.batch_size, training.learning_rate_drops, training.precision) == (32, (5, 7), "mixed_bfloat16")
