"""Writes a results folder as one table: a row a trained level.

Example:
  python -m analysis.export --results_dir results --out results.csv
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

from absl import flags

from lottery_tf.errors import InputError
from lottery_tf.store import finished
from runs import cli

RESULTS_DIR = flags.DEFINE_string("results_dir", "results", "Folder of all results.")
OUT = flags.DEFINE_string("out", "results.csv", "The CSV file to write.")

COLUMNS = (
    "network",
    "dataset",
    "schedule",
    "seed",
    "criterion",
    "mask1",
    "mask0",
    "level",
    "kept_fraction",
    "early_stop_iteration",
    "early_stop_val_loss",
    "test_accuracy",
    "final_test_accuracy",
    "iterations",
    "seconds",
    "status",
)


def write_csv(levels: Iterable[dict], path: Path) -> int:
    """Writes `COLUMNS` of each level's metrics; a value that is missing (a diverged training's) is left empty.

    Returns:
      The number of rows.
    """
    rows = [[metrics.get(column) for column in COLUMNS] for metrics in levels]
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])
    return len(rows)


def main() -> None:
    count = write_csv(finished(RESULTS_DIR.value), Path(OUT.value))
    if count == 0:
        raise InputError(f"There is no trained level in {RESULTS_DIR.value}.")
    cli.log.info("%d trained levels in %s", count, OUT.value)


if __name__ == "__main__":
    cli.run(main)
