"""Measures the peak memory of a short training of each network, as the operating system reports it."""

from __future__ import annotations

import subprocess
import sys
import tempfile

from lottery_tf.errors import InputError
from lottery_tf.models.table_s1 import NETWORKS

PAPER = (
    "fc",
    "conv2",
    "conv4",
    "conv6",
)  # a step of the deeper networks takes seconds, a reading of the validation loss minutes

# The peak of a forked process includes the memory of its parent at the fork, so the parent must be small.
LAUNCHER = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))
"""


def run(repeats: int) -> None:
    """Prints the peak memory of a training of each network. It ignores `repeats`, because the peak hardly varies."""
    for network in PAPER:
        table = NETWORKS[network]
        datasets = ("mnist" if table.image_shape[-1] == 1 else "cifar10", "digits")
        dataset, peak = _peak(network, datasets)
        print(f"Peak memory of a training of {network} on {dataset}: {peak / 1e9:.2f} GB", flush=True)


def _peak(network: str, datasets: tuple[str, ...]) -> tuple[str, int]:
    """Returns the first available data set, and the peak memory in bytes of 101 iterations of two trainings."""
    for dataset in datasets:
        with tempfile.TemporaryDirectory() as folder:
            lottery = [sys.executable, "-m", "runs.lottery", f"--network={network}", f"--dataset={dataset}"]
            arguments = [*lottery, "--iterations=101", "--levels=1", f"--results_dir={folder}"]
            done = subprocess.run(
                [sys.executable, "-c", LAUNCHER, *arguments], capture_output=True, text=True, check=True
            )
        exit_code, peak = map(int, done.stdout.split())
        if exit_code == 0:
            return dataset, peak
    raise InputError(f"A training of {network} failed; to see why, run {' '.join(arguments)}")
