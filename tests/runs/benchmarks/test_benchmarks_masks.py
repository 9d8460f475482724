"""The suite of learned masks on a tiny case: it measures and prints; the speed is not asserted."""

import re

import pytest

from runs.benchmarks import masks

pytestmark = pytest.mark.slow  # learns masks


def test_masks(monkeypatch, capsys):
    monkeypatch.setattr(masks, "CASES", (masks.TrainingCase("fc", "digits", 0, 3),))
    masks.run(repeats=1)
    assert len(re.findall(r"^(?:dense|learned) .*  [0-9.]+ +[0-9.]+$", capsys.readouterr().out, re.MULTILINE)) == 4
