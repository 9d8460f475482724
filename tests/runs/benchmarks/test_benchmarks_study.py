"""Whole studies beside single runs: the arithmetic of the printed numbers, and scheduling; no speed is asserted."""

import re

import pytest

from lottery_tf.errors import InputError
from lottery_tf.studies.planning import Request
from runs.benchmarks import study, throughput

VALIDATED, SINGLE = "x fit with validation,", "of the single runs"


def test_speeds_are_steps_by_seconds(monkeypatch):
    """Two seeds of the dense network and three levels of three treatments, 12,000 steps each."""
    steps, seconds = 2 * (1 + 3 * 3) * 12_000, iter([120.0, 100.0, 200.0])
    monkeypatch.setattr(study, "_is_available", lambda root, dataset: False)
    monkeypatch.setattr(study, "_seconds", lambda *commands: next(seconds))
    speeds = iter([2000.0, 1000.0])
    monkeypatch.setattr(throughput, "fit_alone", lambda case, figure: next(speeds))
    first, *lines = (" ".join(line.split()) for line in study.throughput(repeats=1).splitlines())
    assert first.startswith("fc on digits, batch 60") and f" {steps:,} steps" in first
    assert lines == [
        "Keras fit, nothing validated 2000.0 steps/s",
        "Keras fit, validated every 100 1000.0 steps/s",
        f"two single runs, one thread each 2000.0 steps/s [2000.0, 2000.0] 1.00 x fit, 2.00 {VALIDATED} 100% {SINGLE}",
        f"study, local 2400.0 steps/s [2400.0, 2400.0] 1.20 x fit, 2.40 {VALIDATED} 120% {SINGLE}",
        f"study, ray 1200.0 steps/s [1200.0, 1200.0] 0.60 x fit, 1.20 {VALIDATED} 60% {SINGLE}",
    ]


def test_a_command_that_fails_is_told():
    assert study._seconds(["true"], ["true"]) > 0
    with pytest.raises(InputError, match="A run failed; try it by hand: true"):
        study._seconds(["true"], ["false"])


@pytest.mark.slow
def test_scheduling_is_measured_with_every_task(monkeypatch):
    """Of the dense network and three lines of Figure 5, for one seed."""
    monkeypatch.setattr(study, "WHOLE_STUDY", Request(("figure5",), ("fc",), (0,), 24))
    told = study.scheduling()
    assert told.startswith(f"{1 + 3 * 24} tasks: planned in ")
    seconds = [float(number) for number in re.findall(r"([\d.]+) s\b", told)]
    assert len(seconds) == 3 and min(seconds[1:]) > 0
