"""What results record about the program and machine that made them."""

import os
import subprocess

import pytest

import lottery_tf as lt
from lottery_tf.results.store import ResultsFolder
from lottery_tf.results.walk import finished
from lottery_tf.system import origin


def test_a_result_says_what_made_it(warm_command, tmp_path):
    arguments = ("--iterations=20", "--eval_interval=20", "--levels=1", "--threads=1", f"--results_dir={tmp_path}")
    assert warm_command("runs.lottery", *arguments).returncode == 0
    made_by = [metrics["made_by"] for metrics in finished(tmp_path)]
    assert made_by[0] == made_by[1]
    assert made_by[0]["command"] == " ".join(["python -m runs.lottery", *arguments])
    assert made_by[0]["machine"] == origin.made_by()["machine"]


@pytest.mark.slow
def test_it_does_not_tell_results_apart(tiny_model, tiny_dataset, tmp_path, monkeypatch):
    """Neither is anything trained again, nor does any number differ."""

    def level(command):
        monkeypatch.setenv(origin.COMMAND, command)
        results = ResultsFolder(tmp_path / "results", {})
        training = lt.TrainingSettings(iterations=4, batch_size=20, eval_interval=2)
        experiment = lt.Experiment(tiny_model, tiny_dataset, training, results=results)
        return experiment, experiment.dense(seed=0).metrics

    _, first = level("one")
    experiment, second = level("another")
    assert (experiment.trainings, first) == (0, second)
    assert second["made_by"]["command"] == "one"


def test_the_commit_is_the_one_that_is_checked_out(tmp_path, monkeypatch):
    own = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}

    def git(*words):
        done = subprocess.run(
            ["git", *words], cwd=tmp_path, env=os.environ | own, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    monkeypatch.setattr(origin, "CHECKOUT", tmp_path)
    assert origin.commit.__wrapped__() is None
    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-q", "-m", "first")
    assert origin.commit.__wrapped__() == git("rev-parse", "HEAD")
    (tmp_path / "file").write_text("another")
    assert origin.commit.__wrapped__() == git("rev-parse", "HEAD") + "-dirty"
