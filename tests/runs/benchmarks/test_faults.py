"""Studies that are disturbed: who is killed, and how results are compared."""

import os
import shutil
import subprocess
import sys

import made_up
import pytest
from foreground import wait_for

from lottery_tf.errors import InputError
from lottery_tf.pruning.treatments import Treatment
from runs.benchmarks import faults

RESULTS = {"panels": [("fc", "digits", "600")], "treatments": [Treatment()], "seeds": [0], "levels": 2}


def test_descendants_are_children_and_their_children():
    family = subprocess.Popen(["sh", "-c", "sh -c 'sleep 600 & wait' & sleep 601 & wait"], start_new_session=True)
    try:
        wait_for(lambda: len(list(faults.descendants(family.pid))) == 3, family)
        words = sorted(faults._read(process, "cmdline").split(b"\0")[1] for process in faults.descendants(family.pid))
        assert words == [b"-c", b"600", b"601"]
        assert family.pid in faults.descendants(os.getpid()) and not list(faults.descendants(2**22 + 1))
    finally:
        os.killpg(family.pid, 9)
        family.wait()


def test_results_are_compared_without_their_times(tmp_path):
    root = made_up.write_results(tmp_path / "one", **RESULTS)
    wanted = faults.contents(root)
    assert len(wanted) == 3 * 3, "the dense network and two levels: metrics, mask and history"
    assert faults.compared(made_up.write_results(tmp_path / "slow", **RESULTS, seconds=99.0), wanted) == "equal"


def test_what_differs_or_is_missing_is_named(tmp_path):
    root = made_up.write_results(tmp_path / "one", **RESULTS)
    other = made_up.write_results(tmp_path / "other", **RESULTS, accuracy=lambda *where: 0.5 if where[-1] == 2 else 0.9)
    mixed = shutil.copytree(root, tmp_path / "mixed")
    level = "fc-digits/600/seed-0/large_final-rewind-zero/level-02"
    shutil.rmtree(mixed / level)
    shutil.copytree(other / level, mixed / level)
    assert faults.compared(mixed, faults.contents(root)) == f"NOT EQUAL ({level})", "the mask and history are equal"
    shutil.rmtree(mixed / level)
    told = faults.compared(mixed, faults.contents(root))
    assert told.startswith("NOT EQUAL (") and told.count(level) == 3


def test_a_command_that_fails_is_told_with_its_last_words():
    faults.finish(["true"])
    with pytest.raises(InputError, match="ended with 3: no room\n"):
        faults.finish(["sh", "-c", "echo no room >&2; exit 3"])


ENDLESS = """
import subprocess, sys
while True:
    worker = [sys.executable, "-c", "import sys; sys.stdin.read()", "multiprocessing.spawn"]
    subprocess.Popen(worker, stdin=subprocess.PIPE).wait()
"""


@pytest.mark.slow
def test_studies_are_killed_as_often_as_asked_and_begun_again(monkeypatch):
    """A command that never ends, nor do its workers: only kills make it begin again."""
    finished = []
    monkeypatch.setattr(faults, "finish", finished.append)
    study = [sys.executable, "-c", ENDLESS]
    killed = faults.disturb(study, "local", kills=2, seed=5, seconds=0.2)
    assert sum(killed.values()) == 2
    assert finished == [study]
