"""Measures this project on this machine; each suite prints what it measured, on what, and how often.

Example:
  python -m runs.benchmark --suite=throughput
"""

from __future__ import annotations

import importlib

from absl import flags

from lottery_tf import console
from lottery_tf.command_flags import define_list
from lottery_tf.errors import InputError
from lottery_tf.registry import choose

SUITES = {
    "throughput": "training steps per second, beside plain Keras fit",
    "precision": "training steps per second of convolutional networks in float32 and in bfloat16",
    "masks": "the cost of a step that learns a mask, beside a dense one",
    "memory": "peak memory of a run of each network",
    "compaction": "size and inference time of trained tickets, before and after `compact`",
    "study": "whole studies on both engines beside single runs, and what scheduling costs (ten minutes and more)",
    "faults": "studies killed again and again, and a full disk (many minutes)",
}
SUITE = define_list("suite", ["throughput"], "; ".join(f"{name}: {what}" for name, what in SUITES.items()) + ".")
REPEATS = flags.DEFINE_integer("repeats", 3, "How often each figure is measured; the median is printed.")


def main() -> None:
    """Runs the suites one after the other; each prints what it measures."""
    for suite in SUITE.value:
        choose(SUITES, suite, "suite")
    if REPEATS.value < 1:
        raise InputError(f"--repeats is {REPEATS.value}; it must be at least 1.")
    for suite in SUITE.value:
        importlib.import_module(f"runs.benchmarks.{suite}").run(REPEATS.value)


if __name__ == "__main__":
    console.run(main)
