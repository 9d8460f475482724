"""Whole studies as a user runs them, with and without failures, on this machine and on Ray."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from foreground import wait_for
from forks import python_with_kills
from shared import HANG_SECONDS, ROOT

from runs.benchmarks import faults

pytestmark = pytest.mark.slow  # runs studies, and kills them

TINY = ("--study=demo", "--seeds=0,1", "--levels=2", "--schedule=80", "--eval_interval=20", "--snapshot_seconds=0.1")
TASKS = 2 * (1 + 3 * 2 + 2)  # the dense network, levels, sets of Supermasks
RUN = "fc-digits/80"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A tiny study run to its end: the folder and what was printed."""
    folder = tmp_path_factory.mktemp("study") / "results"
    (folder.parent / "temporary").mkdir()
    env = os.environ | {"TMPDIR": str(folder.parent / "temporary")}
    done = subprocess.run(faults.command(folder, *TINY), cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    return folder, done.stdout, done.stderr


@pytest.fixture
def study(command, tmp_path):
    """Runs the tiny study in a folder of its own."""
    return lambda *flags, folder="results": command("runs.study", *TINY, f"--results_dir={tmp_path / folder}", *flags)


def test_a_study_ends_with_a_table_and_a_picture(undisturbed):
    folder, printed, _ = undisturbed
    assert f"Figure: {folder / RUN / 'lottery.png'}" in printed
    assert f"{TASKS} finished of {TASKS} tasks." in printed
    assert "large_final-rewind-zero" in printed and "64.06" in printed
    assert "Supermask: large_final_same_sign x signed constant, never trained" in printed
    assert (folder / RUN / "lottery.png").read_bytes().startswith(b"\x89PNG")


def test_the_picture_is_drawn_while_it_trains(start, tmp_path):
    """However long it takes to load the plotting library: there are more levels than the test waits for."""
    many = [flag for flag in TINY if "levels" not in flag] + ["--levels=40"]
    process = start(faults.command(tmp_path, *many), start_new_session=True)
    announced = next(line for line in process.stderr if "it is drawn again as levels finish" in line)
    assert str(tmp_path / RUN / "lottery.png") in announced
    assert (tmp_path / RUN / "lottery.png").read_bytes().startswith(b"\x89PNG")
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 130 and "it is drawn again" not in rest


def test_a_study_leaves_no_temporary_files(undisturbed):
    assert list((undisturbed[0].parent / "temporary").iterdir()) == []


def test_a_study_gives_the_bits_of_single_runs(undisturbed, warm_command, tmp_path):
    flags = (
        "--criterion=large_final,magnitude_increase,random --seeds=0,1 --levels=2 --iterations=80 --eval_interval=20"
    )
    common = ("--threads=1", f"--results_dir={tmp_path}")
    done = warm_command("runs.lottery", *flags.split(), *common)
    assert done.returncode == 0, done.stderr
    flags = "--criterion=large_final_same_sign --seeds=0,1 --levels=2 --iterations=80 --eval_interval=20"
    done = warm_command("runs.supermask", *flags.split(), *common)
    assert done.returncode == 0, done.stderr
    assert faults.compared(tmp_path, faults.contents(undisturbed[0])) == "equal"


def test_a_second_time_nothing_is_left_to_do(undisturbed, command):
    folder, *_ = undisturbed
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("checksums.json")}
    done = command("runs.study", *TINY, f"--results_dir={folder}")
    assert done.returncode == 0 and f"{TASKS} finished of {TASKS} tasks." in done.stdout
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("checksums.json")} == before


def test_each_run_has_a_log(undisturbed):
    (log,) = undisturbed[0].glob(f"studies/demo-*/logs/{RUN}/seed-1/random-rewind-zero.log")
    text = log.read_text()
    assert [text.count(f"level-0{level} begins on") for level in (1, 2, 3)] == [1, 1, 0]
    assert text.count("finished after") == 2


def test_status_from_outside(undisturbed, command):
    folder, *_ = undisturbed
    done = command("runs.status", f"--results_dir={folder}", "--json")
    (found,) = json.loads(done.stdout)
    assert (found["units"], found["finished"], found["waiting"], found["runs"]) == (TASKS, TASKS, 0, False)
    assert found["failed"] == found["running"] == {} and found["machine"]
    assert f"100% of {TASKS} tasks" in command("runs.status", f"--results_dir={folder}").stdout


def test_the_iterations_of_masks_are_those_of_every_learned_mask(command, tmp_path):
    flags = ("--study=table1", "--networks=fc", "--seeds=0", "--dataset=digits", "--schedule=20", "--mask_iterations=7")
    planned = command("runs.study", *flags, "--dry_run", f"--results_dir={tmp_path}").stdout
    assert f"1 training, 20 learned masks, 12 sets of Supermasks, {20 + 20 * 7} steps" in planned


def test_a_dry_run_says_what_is_there_and_does_nothing(undisturbed, command, tmp_path):
    folder, *_ = undisturbed
    more = [flag for flag in TINY if "levels" not in flag] + ["--levels=5", "--dry_run"]
    done = command("runs.study", *more, f"--results_dir={folder}")
    assert done.returncode == 0, done.stderr
    wanted = TASKS + 2 * 3 * 3
    assert done.stdout.splitlines()[1].split() == ["demo", str(wanted), str(TASKS), str(wanted - TASKS), "0"]
    assert f"{wanted - TASKS} trainings, {80 * (wanted - TASKS):,} steps" in done.stdout
    assert "measured here" in done.stdout
    command("runs.study", *more, f"--results_dir={tmp_path / 'none'}")
    assert not (tmp_path / "none").exists()


KILLS = {  # while the checkpoint of a training is written for the n-th time, as one is at every reading
    "a worker in a dense network": ("seed-0/dense.partial/snapshot.npz", 2, ""),
    "a worker in a level": ("seed-1/large_final-rewind-zero/level-02.partial/snapshot.npz", 1, ""),
    "the study": ("seed-0/random-rewind-zero/level-01.partial/snapshot.npz", 3, "{results}/studies/*/state.json"),
}


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_killed_again_and_again_a_study_ends_with_the_same_bits(engine, undisturbed, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    (kills := tmp_path / "kills").mkdir()
    named = {name: (*kill[:2], kill[2].format(results=tmp_path / "results")) for name, kill in KILLS.items()}
    monkeypatch.setenv("PYTHONPATH", python_with_kills(kills, named))
    study = faults.command(tmp_path / "results", *TINY, f"--engine={engine}", "--snapshot_seconds=0")
    killed = subprocess.run(study, cwd=ROOT, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (kills / "the study").exists()
    faults.finish(study)
    assert {path.name for path in kills.iterdir()} <= {"sitecustomize.py", "__pycache__"}, "a kill has not happened"
    assert not [path for path in temporary.rglob("*") if "lottery_tf" in path.name or "autograph" in path.name]
    assert faults.compared(tmp_path / "results", faults.contents(undisturbed[0])) == "equal"


@pytest.mark.slow
def test_a_node_that_is_gone_is_done_without(undisturbed, tmp_path):
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        second = cluster.add_node(num_cpus=1)
        flags = ("--engine=ray", f"--address={cluster.address}")
        planned = faults.command(tmp_path, *TINY, *flags, "--dry_run")
        plan = subprocess.run(planned, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert f"on the Ray cluster at {cluster.address}" in plan and "fc, trainings: 2 at once" in plan
        process = subprocess.Popen(faults.command(tmp_path, *TINY, *flags), cwd=ROOT, stdout=subprocess.PIPE, text=True)
        level = tmp_path / RUN / "seed-0/large_final-rewind-zero/level-01"
        wait_for(level.exists, process)
        cluster.remove_node(second, allow_graceful=False)
        printed, _ = process.communicate(timeout=HANG_SECONDS)
        assert process.returncode == 0 and f"{TASKS} finished of {TASKS} tasks." in printed
    finally:
        cluster.shutdown()
    assert faults.compared(tmp_path, faults.contents(undisturbed[0])) == "equal"


def test_ctrl_c_stops_and_says_how_to_go_on(start, tmp_path):
    long = [flag for flag in TINY if "schedule" not in flag] + ["--schedule=100000"]
    process = start(faults.command(tmp_path, *long), start_new_session=True)
    checkpoint = tmp_path / "fc-digits/100000/seed-0/dense.partial/snapshot.npz"
    wait_for(checkpoint.exists, process)
    workers = faults.workers(process.pid, "local")
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 130 and "run the same command again to continue" in messages
    assert workers and not any(Path(f"/proc/{worker}").exists() for worker in workers)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stops_while_it_reads_the_data_too_and_leaves_nothing_behind(sent, start, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    process = start(faults.command(tmp_path / "results", *TINY), start_new_session=True)
    wait_for(lambda: faults.workers(process.pid, "local"), process)
    # As a terminal does: what is typed, or its end, reaches every process of the command.
    os.killpg(process.pid, sent)
    _, messages = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 130 and "run the same command again to continue" in messages
    assert "Traceback" not in messages
    assert list((tmp_path / "temporary").iterdir()) == []


def test_what_is_damaged_missing_or_of_another_parent_is_put_right_and_nothing_else(undisturbed, study, tmp_path):
    """All at once: to start a study takes longer than this work."""
    shutil.copytree(undisturbed[0], tmp_path / "results")
    run = tmp_path / "results" / RUN
    before = {path: path.stat().st_mtime_ns for path in run.rglob("checksums.json")}
    damaged = run / "seed-1/random-rewind-zero/level-02/mask.npz"
    damaged.write_bytes(b"rubbish")
    give_another_parent(run / "seed-1/magnitude_increase-rewind-zero/level-02")
    # As if killed between dropping a weight's checksum and the file.
    left_over = run / "seed-0/random-rewind-zero/level-01/weights.npz"
    left_over.write_bytes(b"left over")
    # As if killed before a treatment's page for TensorBoard was written, or written anew after its last level.
    missing, of_the_level_before = sorted((run / "seed-0").glob("*-*/events.out.tfevents.*"))[:2]
    missing.unlink()
    os.utime(of_the_level_before, (0, 0))

    done = study("--workers=1")
    assert done.returncode == 0 and f"{damaged} is damaged" in done.stderr
    changed = {str(path.parent.relative_to(run)) for path in before if path.stat().st_mtime_ns != before[path]}
    # The levels before have to be trained again for their weights, which were dropped.
    assert changed == {
        f"seed-1/{criterion}-rewind-zero/level-0{level}"
        for criterion in ("random", "magnitude_increase")
        for level in (1, 2)
    }
    assert not left_over.exists()
    for folder in (missing.parent, of_the_level_before.parent):
        (page,) = folder.glob("events.out.tfevents.*")
        assert page.stat().st_mtime_ns > (folder / "level-02" / "metrics.json").stat().st_mtime_ns
    assert faults.compared(tmp_path / "results", faults.contents(undisturbed[0])) == "equal"


def give_another_parent(level):
    """Has a level say that it was made from a parent with other bits."""
    metrics = json.loads((level / "metrics.json").read_text()) | {"parent": "another"}
    (level / "metrics.json").write_text(json.dumps(metrics))
    sums = json.loads((level / "checksums.json").read_text())
    sums["metrics.json"] = hashlib.sha256((level / "metrics.json").read_bytes()).hexdigest()
    (level / "checksums.json").write_text(json.dumps(sums))


def test_a_failure_is_told_and_stops_nothing_else(undisturbed, study, tmp_path):
    blocked = tmp_path / "results" / RUN / "seed-0" / "random-rewind-zero"
    shutil.copytree(undisturbed[0], tmp_path / "results")
    shutil.rmtree(blocked)
    blocked.write_text("a file where a folder should be")
    done = study("--workers=1")
    assert done.returncode == 1
    assert f"{TASKS - 2} finished, 1 failed, 1 left out of {TASKS} tasks." in done.stdout
    assert f"{blocked}/" in done.stdout and "Not a directory." in done.stdout and "Traceback" not in done.stdout
    (log,) = (tmp_path / "results").glob(f"studies/*/logs/{RUN}/seed-0/random-rewind-zero.log")
    assert log.read_text().count("failed\nTraceback") == 2, "it should have been tried twice"
    blocked.unlink()
    assert study("--workers=1").returncode == 0
    assert faults.compared(tmp_path / "results", faults.contents(undisturbed[0])) == "equal"


def test_weights_that_were_dropped_come_back_where_all_are_kept(undisturbed, study, tmp_path):
    shutil.copytree(undisturbed[0], tmp_path / "results")
    assert study("--keep=all", "--workers=1").returncode == 0
    assert len(list((tmp_path / "results").rglob("level-*/weights.npz"))) == 2 * 3 * 2


@pytest.mark.slow
def test_two_studies_at_once_do_nothing_twice(undisturbed, tmp_path):
    processes = [
        subprocess.Popen(faults.command(tmp_path, *TINY, *flags), cwd=ROOT, stdout=subprocess.DEVNULL)
        for flags in (("--workers=1",), ("--workers=1", "--retries=0"))
    ]
    assert [process.wait(timeout=HANG_SECONDS) for process in processes] == [0, 0]
    begun = "".join(log.read_text() for log in tmp_path.glob("studies/*/logs/**/*.log"))
    assert begun.count(" begins on ") == TASKS
    assert faults.compared(tmp_path, faults.contents(undisturbed[0])) == "equal"


@pytest.mark.slow
def test_different_studies_at_once_do_what_they_share_once(tmp_path):
    """A demo and a figure 5 of digits share the dense network and large_final with rewinding and zeros."""
    short = ("--networks=fc", "--seeds=0", "--levels=1", "--dataset=digits", "--schedule=20", "--eval_interval=10")
    processes = [
        subprocess.Popen(
            faults.command(tmp_path, f"--study={name}", *short, "--workers=1"), cwd=ROOT, stdout=subprocess.DEVNULL
        )
        for name in ("demo", "figure5")
    ]
    assert [process.wait(timeout=HANG_SECONDS) for process in processes] == [0, 0]
    begun = "".join(log.read_text() for log in tmp_path.glob("studies/*/logs/**/*.log"))
    assert begun.count("dense begins on ") == begun.count("large_final-rewind-zero/level-01 begins on ") == 1
    assert begun.count(" begins on ") == 1 + 3 + 2 + 2
    states = sorted(tmp_path.glob("studies/*/state.json"))
    assert [json.loads(path.read_text())["counts"]["finished"] for path in states] == [1 + 3 + 2, 1 + 3]


def test_a_full_disk_ends_it_and_room_lets_it_go_on(undisturbed, tmp_path):
    outcome = faults.full_disk(tmp_path, faults.contents(undisturbed[0]), (*TINY, "--workers=1"))
    if outcome.startswith("not tried"):
        pytest.skip(outcome)
    assert "exit status 1" in outcome and "The disk is full" in outcome
    assert outcome.endswith("after freeing space: equal")
