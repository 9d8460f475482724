"""Whole studies beside single runs: the arithmetic of the printed numbers, and scheduling; no speed is asserted."""

import itertools
import types

import pytest

from lottery_tf.errors import InputError
from lottery_tf.studies.planning import Request
from runs.benchmarks import study


def test_speeds_are_steps_by_seconds(monkeypatch):
    """Two seeds of the dense network and three levels of three treatments, 12,000 steps each."""
    steps, seconds = 2 * (1 + 3 * 3) * 12_000, iter([120.0, 100.0, 200.0])
    monkeypatch.setattr(study, "_is_available", lambda root, dataset: False)
    monkeypatch.setattr(study, "_seconds", lambda *commands: next(seconds))
    speeds = iter([2000.0, 1000.0])
    monkeypatch.setattr(study, "fit_alone", lambda case, figure: next(speeds))
    first, *lines = (" ".join(line.split()) for line in study.throughput(repeats=1).splitlines())
    assert first.startswith("fc on digits, batch 60") and f" {steps:,} steps" in first
    assert lines == [
        "steps/s x fit x fit with validation x the single commands",
        "Keras fit, nothing validated 2000.0 [2000.0, 2000.0] 1.00 2.00 1.00",
        "Keras fit, validated every 100 1000.0 [1000.0, 1000.0] 0.50 1.00 0.50",
        "two single commands, one thread each 2000.0 [2000.0, 2000.0] 1.00 2.00 1.00",
        "study, local 2400.0 [2400.0, 2400.0] 1.20 2.40 1.20",
        "study, ray 1200.0 [1200.0, 1200.0] 0.60 1.20 0.60",
    ]


def test_commands_at_the_same_time_are_timed_by_the_clock_and_one_that_fails_is_told(monkeypatch):
    monkeypatch.setattr(study, "time", types.SimpleNamespace(perf_counter=iter([1.0, 3.5, 5.0]).__next__))
    assert study._seconds(["true"], ["true"]) == 2.5
    with pytest.raises(InputError, match="A command failed; try it by hand: true"):
        study._seconds(["true"], ["false"])


@pytest.mark.slow
def test_scheduling_is_measured_with_every_task(monkeypatch):
    """Of the dense network and three lines of Figure 5, for one seed."""
    monkeypatch.setattr(study, "WHOLE_STUDY", Request(("figure5",), ("fc",), (0,), 24))
    monkeypatch.setattr(study, "time", types.SimpleNamespace(perf_counter=itertools.count().__next__))
    printed = study.scheduling()
    assert printed.startswith(f"{1 + 3 * 24} tasks: planned in 1.00 s; dry run 1.00 s and status 1.00 s with half")
    assert f"{1000 / (1 + 3 * 24):.2f} ms for each task" in printed
