"""What commands would do: `--dry_run` of each, and durations in words."""

import pytest
from made_up import write_results

from lottery_tf.models.settings import experiment_settings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies.costs import START_SECONDS
from lottery_tf.studies.planning import Request
from lottery_tf.studies.planning import plan as study_plan
from runs.display import plan_estimate
from runs.display.plan_estimate import LONG, PlanEstimate, duration, plan_of, pruning_tasks

SHORT = ("--iterations=40", "--seeds=0-1")


@pytest.mark.parametrize(
    ("module", "flags", "to_do"),
    [
        ("runs.lottery", ("--levels=2", "--rewind_to=0,10"), "12 trainings, 380 steps"),
        ("runs.lottery", ("--levels=1", "--controls=reinit,random", "--control_draws=2"), "12 trainings, 480 steps"),
        ("runs.lottery", ("--rounds=oneshot", "--kept_fraction=0.5,0.2"), "6 trainings, 240 steps"),
        ("runs.learn_mask", ("--weights=initial,signed_constant",), "4 learned masks, 160 steps"),
        ("runs.supermask", ("--criterion=random", "--levels=3"), "2 trainings, 4 sets of Supermasks, 80 steps"),
        ("runs.supermask", ("--criterion=random", "--levels=3", "--source=iterative"),
         "8 trainings, 4 sets of Supermasks, 320 steps"),
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
    tasks = list(pruning_tasks(experiment_settings("fc", "digits", "600"), [0, 1], [Treatment()], 3))
    estimate = PlanEstimate.for_plan(plan_of("lottery", tasks), tmp_path)
    there = {work.key for work in tasks} - {work.key for work in estimate.to_do}
    assert there == {f"fc-digits/600/seed-0/{place}" for place in
                     ("dense", "large_final-rewind-zero/level-01", "large_final-rewind-zero/level-02")}  # fmt: skip
    assert estimate.steps == 600 * 5
    found = PlanEstimate.for_plan(plan_of("lottery", tasks[:3]), tmp_path)
    assert found.summary() == "All 3 results are finished; nothing to do."


@pytest.mark.slow
def test_more_work_takes_longer_and_long_work_says_how_to_shorten_it(tmp_path):
    def estimate(*arguments, **options):
        return PlanEstimate.for_plan(study_plan(Request(*arguments, **options)), tmp_path)

    short, long = estimate(("figure3",), ("fc",), (0,), schedule="100"), estimate(("paper",))
    assert short.seconds(short.to_do) < LONG < long.seconds(long.to_do)
    assert "shorter" not in short.summary()
    text = long.summary()
    assert "months on this machine" in text
    for flag in ("--seeds=0 (about", "--networks=fc (about", "--schedule=tenth (about", "--engine=ray"):
        assert flag in text
    fc = estimate(("paper",), ("fc",))
    assert f"--networks=fc (about {duration(fc.seconds(fc.to_do))})" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1 second"), (1.4, "1 second"), (89, "90 seconds"), (90, "2 minutes"), (5400, "2 hours"), (129_600, "2 days"),
     (23_700_000, "9 months"), (2e8, "6 years")],
)  # fmt: skip
def test_durations_are_written_as_one_says_them(seconds, text):
    assert duration(seconds) == text


def test_half_precision_counts_as_fast_as_it_was_timed(tmp_path, monkeypatch):
    plan = study_plan(
        Request(("figure5",), ("conv2",), (0,), 1, schedule="9000", changes={"precision": "mixed_bfloat16"})
    )
    usual, timed = (PlanEstimate.for_plan(plan, tmp_path, timed=timed) for timed in (False, True))
    monkeypatch.setattr(plan_estimate, "precision_gain", lambda network, precision, batch_size: 4.0)
    left = [estimate.seconds(estimate.to_do) - START_SECONDS for estimate in (usual, timed)]
    assert left[0] == pytest.approx(4 * left[1])


@pytest.mark.slow
def test_half_precision_is_timed_in_a_process_of_its_own():
    assert plan_estimate.precision_gain("fc", "float32", 60) == 1
    assert 0.01 < plan_estimate.precision_gain("fc", "mixed_bfloat16", 60) < 10
