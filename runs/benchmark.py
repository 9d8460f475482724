"""Measures this project on this machine. Each suite prints its numbers, the machine, and the number of repeats.

Example:
  python -m runs.benchmark --suite=throughput
"""

from __future__ import annotations

import importlib

from absl import flags

from lottery_tf.command_line import console
from lottery_tf.command_line.command_flags import define_list
from lottery_tf.registry import choose

SUITES = {
    "throughput": "training steps per second, compared with plain Keras fit",
    "precision": "training steps per second of convolutional networks in float32 and in bfloat16 (15 minutes)",
    "masks": "the time of a step that learns a mask, compared with a dense training step",
    "memory": "peak memory of a training of each network",
    "compaction": "size and inference time of trained tickets, before and after `compact`",
    "study": "whole studies on both engines compared with single commands, and scheduling (over ten minutes)",
    "faults": "studies that are killed at random moments, a full disk and a lost Ray cluster (many minutes)",
}
SUITE = define_list("suite", ["throughput"], "; ".join(f"{name}: {what}" for name, what in SUITES.items()) + ".")
REPEATS = flags.DEFINE_integer("repeats", 3, "How often each number is measured; the median is printed.", lower_bound=1)


def main() -> None:
    """Runs the suites one after the other; each prints its measurements."""
    for suite in SUITE.value:
        choose(SUITES, suite, "suite")
    for suite in SUITE.value:
        importlib.import_module(f"runs.benchmarks.{suite}").run(REPEATS.value)


if __name__ == "__main__":
    console.run(main)
