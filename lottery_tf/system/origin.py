"""Records how a result was made: command, commit, machine, threads and versions. Results are reused if these differ."""

from __future__ import annotations

import functools
import importlib.metadata
import os
import shlex
import subprocess
import sys
from pathlib import Path

from lottery_tf.system.hardware import describe_device, describe_processor

PACKAGES = ("tensorflow", "keras", "numpy")
COMMAND = "LOTTERY_TF_COMMAND"  # environment variable that passes the command line to every process of a command
CHECKOUT = Path(__file__).parents[2]


def origin(**more: str) -> dict[str, dict]:
    """Returns the metrics that record how a result was made; `more` adds to "made_by"."""
    return {"versions": versions(), "made_by": made_by() | more}


def versions() -> dict[str, str]:
    """Returns the versions of the packages that results depend on."""
    return {name: importlib.metadata.version(name) for name in PACKAGES}


def made_by() -> dict[str, str | int | None]:
    """Returns the command line, the commit (None outside a checkout), the device, and TensorFlow's threads."""
    command = os.environ.get(COMMAND) or shlex.join(sys.argv)
    machine = describe_device() if "tensorflow" in sys.modules else describe_processor()
    return {"command": command, "commit": commit(), "machine": machine, "threads": threads()}


@functools.cache
def commit() -> str | None:
    """Returns the current commit, with "-dirty" if files have changed since; None if it is not known."""
    if not (CHECKOUT / ".git").exists():
        return None
    words = ["git", "-C", str(CHECKOUT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def threads() -> int:
    """Returns the number of threads that TensorFlow computes with."""
    tensorflow = sys.modules.get("tensorflow")
    chosen = tensorflow.config.threading.get_intra_op_parallelism_threads() if tensorflow else 0
    return chosen or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
