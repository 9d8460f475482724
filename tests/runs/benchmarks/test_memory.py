"""Peak memory: of a process of known size, of a training, and of one that fails."""

import re
import subprocess
import sys

import pytest

from lottery_tf.errors import InputError
from runs.benchmarks import memory

pytestmark = pytest.mark.slow  # starts commands


def test_memory(monkeypatch, capsys):
    monkeypatch.setattr(memory, "PAPER", ("fc",))
    peak = memory._peak
    monkeypatch.setattr(memory, "_peak", lambda network, datasets: peak(network, datasets[1:]))  # the embedded digits
    memory.run(repeats=1)
    (gigabytes,) = re.findall(r"training of fc on \w+: ([0-9.]+) GB", capsys.readouterr().out)
    assert 0.2 < float(gigabytes) < 1.5


@pytest.mark.parametrize(
    ("code", "least", "exit_code"), [("b'x' * 300_000_000", 300_000_000, 0), ("import sys; sys.exit(3)", 1_000_000, 3)]
)
def test_the_peak_is_that_of_the_process(code, least, exit_code):
    launched = [sys.executable, "-c", memory.LAUNCHER, sys.executable, "-c", code]
    told = subprocess.run(launched, capture_output=True, text=True, check=True).stdout
    ended, peak = map(int, told.split())
    assert ended == exit_code and least < peak < least + 100_000_000


def test_a_run_that_fails_on_every_data_set_is_told():
    with pytest.raises(InputError, match="A training of conv3 failed; to see why, run .*--network=conv3 --data"):
        memory._peak("conv3", ("mnist", "digits"))
