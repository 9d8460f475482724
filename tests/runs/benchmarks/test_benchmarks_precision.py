"""The suite of precisions on a tiny case: it measures and prints; the speed is not asserted."""

import re

import pytest

from runs.benchmarks import precision, throughput

pytestmark = pytest.mark.slow  # trains in half precision


def test_precision(monkeypatch, capsys):
    monkeypatch.setattr(
        precision, "CASES", (precision.TrainingCase("fc", "digits", precision.INTERVAL, precision.INTERVAL),)
    )
    monkeypatch.setattr(precision, "fit_alone", throughput._fit_here)
    precision.run(repeats=1)
    printed = capsys.readouterr().out
    rows = re.findall(r"  ([0-9.]+) +([0-9.]+) +([0-9.]+)$", printed, re.MULTILINE)
    assert len(rows) == 4
    for single, half, ratio in rows:
        assert float(half) / float(single) == pytest.approx(float(ratio), abs=0.01)
    assert len(re.findall("validation takes -?[0-9]+% of a training in", printed)) == 2
