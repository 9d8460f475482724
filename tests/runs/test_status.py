"""`runs.status` as a user runs it: studies, other results, and damaged files."""

import json

from made_up import write_results

from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies.planning import Request
from lottery_tf.studies.study_folder import StudyFolder


def test_status_names_results_that_no_study_made(light_command, tmp_path):
    write_results(tmp_path, panels=[("fc", "digits", "600")], treatments=[Treatment()], seeds=[0], levels=2)
    done = light_command("runs.status", f"--results_dir={tmp_path}")
    assert done.returncode == 0 and "fc-digits/600: 3 results" in done.stdout
    StudyFolder.for_request(tmp_path, Request(("figure5",), ("fc",), (0,), 1, "digits", "600")).make()
    told = json.loads(light_command("runs.status", f"--results_dir={tmp_path}", "--json").stdout)
    assert [found["study"] for found in told][1:] == [None]
    assert told[1] == {"study": None, "folder": "fc-digits/600", "finished": 1}, "level 2 is beyond the study"


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
