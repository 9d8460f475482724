"""`runs.status` as a user runs it: studies, other results, and damaged files."""

import json
import subprocess
import sys

import pytest
from foreground import wait_for_file
from made_up import write_results
from shared import ROOT

from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies.planning import Request
from lottery_tf.studies.study_folder import StudyFolder
from lottery_tf.system import file_locks


def test_status_names_results_that_no_study_made(light_command, tmp_path):
    write_results(tmp_path, panels=[("fc", "digits", "600")], treatments=[Treatment()], seeds=[0], levels=2)
    done = light_command("runs.status", f"--results_dir={tmp_path}")
    assert done.returncode == 0 and "fc-digits/600: 3 results" in done.stdout
    StudyFolder.for_request(tmp_path, Request(("figure5",), ("fc",), (0,), 1, "digits", "600")).make()
    studies = json.loads(light_command("runs.status", f"--results_dir={tmp_path}", "--json").stdout)
    assert [found["study"] for found in studies][1:] == [None]
    assert studies[1] == {"study": None, "folder": "fc-digits/600", "finished": 1}, "level 2 is beyond the study"


def test_a_damaged_request_is_named_and_hides_no_other_study(command, tmp_path):
    for seed in (0, 1):
        StudyFolder.for_request(tmp_path, Request(("demo",), seeds=(seed,))).make()
    damaged, other = sorted((tmp_path / "studies").iterdir())
    (damaged / "request.json").write_text("{")
    done = command("runs.status", f"--results_dir={tmp_path}", "--json")
    assert done.returncode == 1 and f"{damaged / 'request.json'} is damaged" in done.stderr
    assert [found["study"] for found in json.loads(done.stdout)] == [other.name]


def test_status_of_nothing(command, tmp_path):
    assert "no results folder" in command("runs.status", f"--results_dir={tmp_path / 'none'}").stderr
    assert "holds no study and no results" in command("runs.status", f"--results_dir={tmp_path}").stderr


@pytest.mark.slow
def test_a_study_that_waits_says_so_in_its_status(command, tmp_path):
    lock = tmp_path / "fc-digits/80" / ".study.lock"
    lock.parent.mkdir(parents=True)
    with file_locks.locked(lock):
        waiting = [sys.executable, "-m", "runs.study", "--study=demo", "--schedule=80", f"--results_dir={tmp_path}"]
        process = subprocess.Popen(waiting, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        try:
            wait_for_file(tmp_path, "state.json", process)
            studies = command("runs.status", f"--results_dir={tmp_path}").stdout
        finally:
            process.kill()
            process.communicate()
    assert f"waiting for another study that is running on fc-digits/80 (process {process.pid} on " in studies
    assert "not running" in command("runs.status", f"--results_dir={tmp_path}").stdout
