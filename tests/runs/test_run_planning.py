"""What commands would do: `--dry_run` of each, how long it takes in words, and what else lies in a results folder."""

import hashlib
import json

import pytest
from made_up import write_results

from lottery_tf.models.settings import run_settings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies.costs import START_SECONDS
from lottery_tf.studies.planning import Request
from lottery_tf.studies.planning import plan as study_plan
from lottery_tf.studies.study_folder import StudyFolder
from runs import planning
from runs.planning import LONG, Outlook, duration, plan_of, pruning_tasks

SHORT = ("--iterations=40", "--seeds=0-1")


@pytest.mark.parametrize(
    ("module", "flags", "to_do"),
    [
        ("runs.lottery", ("--levels=2", "--rewind_to=0,10"), "12 trainings, 380 steps"),
        ("runs.lottery", ("--levels=1", "--controls=reinit,random", "--control_draws=2"), "12 trainings, 480 steps"),
        ("runs.lottery", ("--rounds=oneshot", "--kept_fraction=0.5,0.2"), "6 trainings, 240 steps"),
        ("runs.learn_mask", ("--weights=initial,signed_constant",), "4 learned masks, 160 steps"),
        ("runs.supermask", ("--criterion=random", "--levels=3"), "2 trainings, 4 sets of supermasks, 80 steps"),
        ("runs.supermask", ("--criterion=random", "--levels=3", "--source=iterative"),
         "8 trainings, 4 sets of supermasks, 320 steps"),
        ("runs.landscape", ("--levels=3",), "8 trainings, 320 steps"),
    ],
)  # fmt: skip
def test_a_dry_run_counts_what_is_to_do_and_does_nothing(module, flags, to_do, light_command, tmp_path):
    done = light_command(module, *SHORT, *flags, "--dry_run", f"--results_dir={tmp_path / 'none'}")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"To do: {to_do}: about " in done.stdout
    assert not (tmp_path / "none").exists()


def test_what_is_there_is_not_to_do(tmp_path):
    write_results(tmp_path, panels=[("fc", "digits", "600")], treatments=[Treatment()], seeds=[0], levels=2)
    tasks = list(pruning_tasks(run_settings("fc", "digits", "600"), [0, 1], [Treatment()], 3))
    outlook = Outlook.for_plan(plan_of("lottery", tasks), tmp_path)
    there = {work.key for work in tasks} - {work.key for work in outlook.to_do}
    assert there == {f"fc-digits/600/seed-0/{place}" for place in
                     ("dense", "large_final-rewind-zero/level-01", "large_final-rewind-zero/level-02")}  # fmt: skip
    assert outlook.steps == 600 * 5
    found = Outlook.for_plan(plan_of("lottery", tasks[:3]), tmp_path)
    assert found.announced() == "All 3 results are finished; nothing to do."


def test_more_work_takes_longer_and_long_work_says_how_to_shorten_it(tmp_path):
    def outlook(*arguments, **options):
        return Outlook.for_plan(study_plan(Request(*arguments, **options)), tmp_path)

    short, long = outlook(("figure3",), ("fc",), (0,), schedule="100"), outlook(("paper",))
    assert short.seconds(short.to_do) < LONG < long.seconds(long.to_do)
    assert "shorter" not in short.announced()
    told = long.announced()
    assert "months on this machine" in told
    for flag in ("--seeds=0 (about", "--networks=fc (about", "--schedule=tenth (about", "--engine=ray"):
        assert flag in told
    fc = outlook(("paper",), ("fc",))
    assert f"--networks=fc (about {duration(fc.seconds(fc.to_do))})" in told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0, "1 second"), (1.4, "1 second"), (89, "90 seconds"), (90, "2 minutes"), (5400, "2 hours"), (129_600, "2 days"),
     (23_700_000, "9 months"), (2e8, "6 years")],
)  # fmt: skip
def test_durations_are_told_as_one_says_them(seconds, told):
    assert duration(seconds) == told


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


def test_a_study_takes_further_criteria(light_command, tmp_path):
    """One's own too, in every study that trains treatments."""
    flags = ("--study=demo,figure5,table1", "--networks=fc", "--seeds=0", "--levels=2", "--schedule=100",
                 "--dataset=digits", "--dry_run", f"--results_dir={tmp_path}")  # fmt: skip
    mine = "lottery_tf.pruning.criteria:movement"
    usual, more = (
        study_plan(Request(("demo", "figure5"), ("fc",), (0,), 2, "digits", "100", criterion=criterion))
        for criterion in ((), (mine,))
    )
    assert {key.split("/")[3] for key in more.tasks.keys() - usual.tasks.keys()} == {
        "lottery_tf.pruning.criteria+movement-rewind-zero"
    }
    counts = [
        light_command("runs.study", *flags, *criterion).stdout.splitlines()[1:4]
        for criterion in ([], [f"--criterion={mine}"])
    ]
    units = [{line.split()[0]: int(line.split()[1]) for line in lines} for lines in counts]
    assert {name: units[1][name] - units[0][name] for name in units[0]} == {"demo": 2, "figure5": 2, "table1": 0}
    refused = light_command("runs.study", *flags, "--criterion=movment")
    assert (refused.returncode, "did you mean 'movement'" in refused.stderr) == (2, True)


def test_status_names_results_that_no_study_made(light_command, tmp_path):
    write_results(tmp_path, panels=[("fc", "digits", "600")], treatments=[Treatment()], seeds=[0], levels=2)
    done = light_command("runs.status", f"--results_dir={tmp_path}")
    assert done.returncode == 0 and "fc-digits/600: 3 results" in done.stdout
    StudyFolder.for_request(tmp_path, Request(("figure5",), ("fc",), (0,), 1, "digits", "600")).make()
    told = json.loads(light_command("runs.status", f"--results_dir={tmp_path}", "--json").stdout)
    assert [found["study"] for found in told][1:] == [None]
    assert told[1] == {"study": None, "folder": "fc-digits/600", "finished": 1}, "level 2 is beyond the study"


def test_half_precision_counts_as_fast_as_it_was_timed(tmp_path, monkeypatch):
    plan = study_plan(
        Request(("figure5",), ("conv2",), (0,), 1, schedule="9000", changes={"precision": "mixed_bfloat16"})
    )
    usual, timed = (Outlook.for_plan(plan, tmp_path, timed=timed) for timed in (False, True))
    monkeypatch.setattr(planning, "precision_gain", lambda network, precision, batch_size: 4.0)
    left = [outlook.seconds(outlook.to_do) - START_SECONDS for outlook in (usual, timed)]
    assert left[0] == pytest.approx(4 * left[1])


@pytest.mark.slow
def test_half_precision_is_timed_in_a_process_of_its_own():
    assert planning.precision_gain("fc", "float32", 60) == 1
    assert 0.01 < planning.precision_gain("fc", "mixed_bfloat16", 60) < 10
