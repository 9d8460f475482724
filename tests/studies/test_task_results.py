"""Whether the TensorBoard page of a treatment is up to date."""

import os

from lottery_tf.models.settings import experiment_settings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies.task_results import page_is_current
from lottery_tf.studies.tasks import LevelTask


def test_a_page_is_missing_until_it_was_written_after_the_level(tmp_path):
    task = LevelTask(experiment_settings("fc", "digits", "20"), 0, 2, Treatment())
    page = tmp_path / task.key / "../events.out.tfevents.1"
    (tmp_path / task.key).mkdir(parents=True)
    (tmp_path / task.key / "metrics.json").write_text("{}")
    assert not page_is_current(tmp_path, task)
    page.write_text("")
    assert page_is_current(tmp_path, task)
    os.utime(page, (0, 0))
    assert not page_is_current(tmp_path, task), "it is of the level before"


def test_a_page_that_somebody_is_writing_anew_is_missing(tmp_path, monkeypatch):
    task = LevelTask(experiment_settings("fc", "digits", "20"), 0, 2, Treatment())
    (tmp_path / task.key).mkdir(parents=True)
    (tmp_path / task.key / "metrics.json").write_text("{}")
    gone = tmp_path / task.key / "../events.out.tfevents.1"
    monkeypatch.setattr(type(gone), "glob", lambda self, pattern: [gone])
    assert not page_is_current(tmp_path, task)
