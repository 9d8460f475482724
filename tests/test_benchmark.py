"""Every benchmark suite once, on a case that takes a moment: that it measures and prints, not how fast it is."""

import re

import pytest

from runs.suites import compact_training, masks, memory, throughput


def test_throughput(monkeypatch, capsys):
    monkeypatch.setattr(throughput, "CASES", (throughput.Case("fc", "mnist", 12, 20),))
    throughput.run(repeats=1)
    printed = capsys.readouterr().out
    speeds = [float(speed) for speed in re.findall(r"([0-9.]+) steps/s", printed)]
    assert len(speeds) == 5
    assert min(speeds) > 0
    assert "68 MFLOP a step" in printed  # 6 operations a weight and image, but 4 in the first layer
    assert "GFLOP/s" in printed


def test_masks(monkeypatch, capsys):
    monkeypatch.setattr(masks, "CASES", (masks.Case("fc", "mnist", 0, 3),))
    masks.run(repeats=1)
    assert len(re.findall(r"[0-9.]+ x the time of a dense step", capsys.readouterr().out)) == 4


def test_memory(monkeypatch, capsys):
    monkeypatch.setattr(memory, "PAPER", ("fc",))
    memory.run(repeats=1)
    (gigabytes,) = re.findall(r"run of fc on \w+: ([0-9.]+) GB", capsys.readouterr().out)
    assert 0.2 < float(gigabytes) < 1.5


def test_compact_training(monkeypatch, capsys):
    monkeypatch.setattr(compact_training, "CASE", compact_training.Case("digits", "30", 2))
    compact_training.run(repeats=1)
    printed = capsys.readouterr().out
    rows = [line.split() for line in printed.splitlines() if re.match(r" +[0-9]+ ", line)]
    assert [row[1] for row in rows] == ["100.00", "80.04", "64.06"]
    assert {row[-1] for row in rows} == {"1.0000"}, "nothing is left out yet: both ways are the same"
    assert [row[6] for row in rows] == [row[8] for row in rows]
    assert re.search(r"^[0-9.]+ times as fast", printed, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "message"), [(["--suite=speed"], "Unknown suite 'speed'"), (["--repeats=0"], "--repeats is 0")]
)
def test_refused_flags(arguments, message, command):
    done = command("runs.benchmark", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
