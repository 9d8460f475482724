"""Writes a results folder as one table: a row a trained level, or a supermask.

Examples:
  python -m analysis.export --results_dir results --out results.csv
  python -m analysis.export --results_dir results --kind=supermask --out supermasks.csv
  python -m analysis.export --results_dir results --kind=learned_mask --out learned_masks.csv
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from absl import flags

from lottery_tf import files
from lottery_tf.errors import InputError
from lottery_tf.names import choose
from lottery_tf.store import finished
from runs import cli

RESULTS_DIR = flags.DEFINE_string("results_dir", "results", "Folder of all results.")
OUT = flags.DEFINE_string("out", "results.csv", "The CSV file to write.")

COLUMNS = {  # kind of result -> the columns of its table
    "level": (
        "network", "dataset", "schedule", "seed", "criterion", "mask1", "mask0", "level", "kept_fraction",
        "early_stop_iteration", "early_stop_val_loss", "test_accuracy", "final_test_accuracy", "iterations", "seconds",
        "status",
    ),
    "supermask": (
        "network", "dataset", "schedule", "seed", "source", "criterion", "mask1", "mask0", "level", "kept_fraction",
        "weights", "validation_accuracy", "test_accuracy",
    ),
    "best_supermask": (
        "network", "dataset", "schedule", "seed", "source", "criterion", "mask1", "mask0", "level", "kept_fraction",
        "weights", "rescale", "validation_accuracy", "test_accuracy",
    ),
    "learned_mask": (
        "network", "dataset", "seed", "weights", "g", "rescale", "initial_logit", "l1", "chosen_kept_fraction", "optimizer",
        "learning_rate", "batch_size", "iterations", "best_iteration", "best_val_accuracy", "test_accuracy",
        "most_likely_test_accuracy", "kept_fraction_of_most_likely", "pruned_fraction", "final_test_accuracy", "final_most_likely_test_accuracy",
        "final_pruned_fraction", "seconds", "status",
    ),
}  # fmt: skip
KIND = flags.DEFINE_string("kind", "level", f"What is exported: {', '.join(COLUMNS)}.")


def write_csv(results: Iterable[dict], path: Path, kind: str = "level") -> int:
    """Writes the columns of a kind of result; a value that is missing (a diverged training's) is left empty.

    Args:
      results: metrics, as `lottery_tf.finished` gives them; those with "rows" give a line for each.
      path: the file to write.
      kind: a key of `COLUMNS`.

    Returns:
      The number of rows.

    Raises:
      InputError: nothing to write, or nowhere to write it; a file that is there is left as it was.
    """
    flat = [metrics | row for metrics in results for row in metrics.get("rows", [{}])]
    if not flat:
        raise InputError(f"There is no result of the kind {kind!r} to export.")
    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent} to write {path.name} in.")
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS[kind])
    writer.writerows([row.get(column) for column in COLUMNS[kind]] for row in flat)
    files.replace(path, file.getvalue().encode())
    return len(flat)


def main() -> None:
    choose(COLUMNS, KIND.value, "kind of result")
    count = write_csv(finished(RESULTS_DIR.value, KIND.value), Path(OUT.value), KIND.value)
    cli.log.info("%d rows in %s", count, OUT.value)


if __name__ == "__main__":
    cli.run(main)
