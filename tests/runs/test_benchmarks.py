"""Every benchmark suite once, on a tiny case: it measures and prints; the speed is not asserted."""

import re
import sys

import pytest

from runs.benchmarks import compaction as suite
from runs.benchmarks import faults, masks, memory, precision, throughput

pytestmark = pytest.mark.slow  # trains, some in processes of their own


def test_throughput(monkeypatch, capsys):
    monkeypatch.setattr(throughput, "CASES", (throughput.TrainingCase("fc", "digits", 2 * throughput.INTERVAL, 20),))
    # One of the three in a process of its own, as all are: TensorFlow takes seconds to load.
    ways = iter((throughput.fit_alone, throughput._fit_here, throughput._fit_here))
    monkeypatch.setattr(throughput, "fit_alone", lambda case, figure: next(ways)(case, figure))
    throughput.run(repeats=1)
    printed = capsys.readouterr().out
    speeds = [float(speed) for speed in re.findall(r"([0-9.]+) steps/s", printed)]
    assert len(speeds) == 6
    assert min(speeds) > 0
    assert "68 MFLOP per step" in printed  # 6 operations a weight and image, but 4 in the first layer
    assert "GFLOP/s" in printed


def test_precision(monkeypatch, capsys):
    monkeypatch.setattr(
        precision, "CASES", (precision.TrainingCase("fc", "digits", precision.INTERVAL, precision.INTERVAL),)
    )
    monkeypatch.setattr(precision, "fit_alone", throughput._fit_here)
    precision.run(repeats=1)
    printed = capsys.readouterr().out
    rows = re.findall(r"float32 +([0-9.]+) +mixed_bfloat16 +([0-9.]+) +ratio ([0-9.]+)", printed)
    assert len(rows) == 4
    for single, half, ratio in rows:
        assert float(half) / float(single) == pytest.approx(float(ratio), abs=0.01)
    assert len(re.findall("validation takes -?[0-9]+% of a run in", printed)) == 2


def test_masks(monkeypatch, capsys):
    monkeypatch.setattr(masks, "CASES", (masks.TrainingCase("fc", "digits", 0, 3),))
    masks.run(repeats=1)
    assert len(re.findall(r"[0-9.]+ x the time of a dense step", capsys.readouterr().out)) == 4


def test_memory(monkeypatch, capsys):
    monkeypatch.setattr(memory, "PAPER", ("fc",))
    peak = memory._peak
    monkeypatch.setattr(memory, "_peak", lambda network, datasets: peak(network, datasets[1:]))  # the embedded digits
    memory.run(repeats=1)
    (gigabytes,) = re.findall(r"run of fc on \w+: ([0-9.]+) GB", capsys.readouterr().out)
    assert 0.2 < float(gigabytes) < 1.5


ENDLESS = """
import subprocess, sys
while True:
    worker = [sys.executable, "-c", "import sys; sys.stdin.read()", "multiprocessing.spawn"]
    subprocess.Popen(worker, stdin=subprocess.PIPE).wait()
"""


def test_studies_are_killed_as_often_as_asked_and_begun_again(monkeypatch):
    """A command that never ends, nor do its workers: only kills make it begin again."""
    finished = []
    monkeypatch.setattr(faults, "finish", finished.append)
    study = [sys.executable, "-c", ENDLESS]
    killed = faults.disturb(study, "local", kills=2, seed=5, seconds=0.2)
    assert sum(killed.values()) == 2
    assert finished == [study]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--suite=speed"], "Unknown suite 'speed'"),
        (["--repeats=0"], "--repeats takes a whole number of at least 1; '0' is not one."),
    ],
)
def test_refused_flags(arguments, message, light_command):
    done = light_command("runs.benchmark", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.slow
def test_the_benchmark_suite_measures_and_prints(monkeypatch, capsys):
    monkeypatch.setattr(suite, "CASES", (suite.TicketCase("fc", 3, 4),))
    monkeypatch.setattr(suite, "SECONDS", 1e-4)
    suite.run(repeats=1)
    rows = [line.replace(",", "").replace(">", " ").split() for line in capsys.readouterr().out.splitlines()[3:]]
    assert [float(row[0]) for row in rows] == pytest.approx([100, 26.3, 6.95, 1.85], abs=0.05)
    assert {int(row[1]) for row in rows} == {266_610}
    assert int(rows[-1][2]) < int(rows[0][2]) == 266_610
    assert int(rows[-1][4]) < int(rows[-1][3]), "the file is smaller"
    assert all(float(row[-1]) < 1e-5 for row in rows)
