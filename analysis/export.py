"""Exports a results folder to CSV files, one row for each trained level, Supermask, control or measured point.

The same results give the same bytes on every machine, also if runs were interrupted. Times, which differ from run to
run, are only exported with --times.

Examples:
  python -m analysis.export --results_dir results --out results.csv
  python -m analysis.export --results_dir results --kind=supermask --out supermasks.csv
  python -m analysis.export --results_dir results --kind=all --out exported
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from absl import flags

from analysis.common_flags import define_results_to_read
from analysis.results.columns import CSV_COLUMNS, CSV_NAMES, value_of
from analysis.results.load import by_kind, flat
from analysis.results.spreadsheet_text import escaped
from lottery_tf.command_line import console
from lottery_tf.command_line.command_flags import define_path
from lottery_tf.errors import InputError
from lottery_tf.registry import choose
from lottery_tf.results import files

ALL = "all"
SECONDS = "seconds"
TIMED = ("level", "learned_mask", "control")  # kinds of results that store how long each took


def define_flags() -> None:
    """Defines the command's flags."""
    define_results_to_read()
    define_path("out", "results.csv", "The CSV file to write; with --kind=all, the folder for one file of each kind.")
    flags.DEFINE_string("kind", "level", f"The kind of results to export: {', '.join(CSV_COLUMNS)}, or {ALL}.")
    flags.DEFINE_bool("times", False, f"Adds the column {SECONDS!r} to the kinds {', '.join(TIMED)}.")


def write_csv(results: Iterable[dict], path: Path, kind: str = "level", times: bool = False) -> int:
    """Writes the results of one kind to a CSV file. Missing values, as of diverged trainings, are left empty.

    Args:
      results: metrics, as `lottery_tf.finished` yields them. Results with "rows" give one line for each row.
      path: the file to write. It stays unchanged if this fails.
      kind: a key of `CSV_COLUMNS`.
      times: whether to add a column "seconds", for the kinds that store times.

    Returns:
      The number of rows.

    Raises:
      InputError: there is nothing to write, or `path` is a folder.
    """
    rows = flat(results)
    if not rows:
        raise InputError(f"There is no result of the kind {kind!r} to export.")
    if path.is_dir():
        raise InputError(f"{path} is a folder; a single kind of result is exported to a file.")
    columns = (*CSV_COLUMNS[kind], SECONDS) if times and kind in TIMED else CSV_COLUMNS[kind]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([escaped(value_of(row, column)) for column in columns] for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    files.replace(path, file.getvalue().encode())
    return len(rows)


def write_all(root: str | Path, folder: Path, times: bool = False) -> dict[Path, int]:
    """Writes all kinds of results to a folder, which `analysis.results.load.load` can read in place of `root`.

    Returns:
      The number of rows of each file.

    Raises:
      InputError: there is no results folder, it holds no results, or `folder` is a file. Also if `folder` holds an
        earlier export of a kind that has no results now: it would be read as if it belonged to these results.
    """
    results_of_kinds = {kind: results for kind, results in by_kind(root).items() if results}
    if not results_of_kinds:
        raise InputError(f"There is no result in {root} to export.")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; --kind={ALL} needs a folder.")
    folder.mkdir(parents=True, exist_ok=True)
    if stale := [name for kind, name in CSV_NAMES.items() if kind not in results_of_kinds and (folder / name).exists()]:
        raise InputError(f"{folder} holds {stale[0]}, but {root} has no results of this kind. Choose another folder.")
    return {
        folder / CSV_NAMES[kind]: write_csv(results, folder / CSV_NAMES[kind], kind, times)
        for kind, results in results_of_kinds.items()
    }


def main() -> None:
    """Writes the results of one kind to a CSV file, or those of all kinds to a folder."""
    given = flags.FLAGS
    choose({**CSV_COLUMNS, ALL: None}, given.kind, "kind of result")
    root, out = given.results_dir, Path(given.out)
    if given.kind == ALL:
        counts = write_all(root, out, given.times)
    else:
        counts = {out: write_csv(by_kind(root)[given.kind], out, given.kind, given.times)}
    for path, count in counts.items():
        console.log.info("%d rows in %s", count, path)


if __name__ == "__main__":
    define_flags()
    console.run(main)
