"""Reads all results as data frames, from a results folder or from exported CSV files."""

from __future__ import annotations

import csv
import dataclasses
import logging
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from analysis.results.columns import (
    ADDED_LATER,
    CSV_COLUMNS,
    CSV_NAMES,
    FRAMES,
    IDENTITY,
    LEVEL_METRICS,
    OWN_TYPES,
    TREATMENT,
    TYPES,
    Type,
    float_or_nan,
    value_of,
)  # fmt: skip
from analysis.results.select import PANEL
from analysis.results.spreadsheet_text import unescaped
from analysis.results.treatment_names import treatment_names
from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.registry import choose
from lottery_tf.results import files, schemas
from lottery_tf.results.paths import SETTINGS, enclosing_experiment
from lottery_tf.results.result_files import read_history
from lottery_tf.results.store import differences
from lottery_tf.results.stored_result import FINISHED
from lottery_tf.results.walk import finished_with_folders, folders_with

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Results:
    """All results of a folder. `CSV_COLUMNS` lists the columns; accuracies and fractions are in [0, 1].

    A measurement of the error landscape has several rows, one for each point, eigenvalue, limit, layer or bin. The
    column "row" numbers them. `lottery_tf.landscape.measurements.catalogue` explains them, and `select.single` takes
    the first row of each measurement.

    Attributes:
      levels: trained levels. "treatment" is a `treatment_name`, or "dense". A training that diverged has the
        status "diverged", and its metrics are NaN.
      supermasks: heuristic supermasks, one row for each level and kind of weights.
      best_supermasks: the heuristic supermasks that were stored as the best of their source.
      learned_masks: learned Supermasks. A mask whose learning diverged has the status "diverged".
      mask_histories: the history of each learned mask, one row for each evaluation. Training columns are means since
        the evaluation before.
      controls: controls of tickets. "treatment" is the ticket's.
      lines, perturbations, spectra, rays, limits, thresholds, histograms: measurements. "treatment" is the level's.
      folders: the settings of each experiment; "folder" is its path below the results folder.
      exports: the CSV files that were read. They do not hold settings, times and weights.
    """

    levels: pd.DataFrame
    supermasks: pd.DataFrame
    best_supermasks: pd.DataFrame
    learned_masks: pd.DataFrame
    mask_histories: pd.DataFrame
    controls: pd.DataFrame
    lines: pd.DataFrame
    perturbations: pd.DataFrame
    spectra: pd.DataFrame
    rays: pd.DataFrame
    limits: pd.DataFrame
    thresholds: pd.DataFrame
    histograms: pd.DataFrame
    folders: list[dict]
    exports: list[Path]

    def only(self, **chosen: Collection[str]) -> Results:
        """Returns the results that have some values in some columns; no values stand for all.

        Learned masks belong to no schedule, so a choice of schedules keeps them.

        Example:
          results.only(network=["fc", "conv2"], schedule=["half"])

        Raises:
          InputError: no result has one of the values.
        """
        frames = {name: getattr(self, name) for name in FRAMES.values()}
        for column, wanted in chosen.items():
            having = {name: frame for name, frame in frames.items() if column in frame}
            found = dict.fromkeys(sorted({value for frame in having.values() for value in frame[column]}))
            for value in wanted:
                choose(found, value, f"{column} with results")
            if wanted:
                frames |= {name: frame[frame[column].isin(wanted)] for name, frame in having.items()}
        return dataclasses.replace(self, **frames)


def load(path: str | Path) -> Results:
    """Reads all results below a folder: experiments, and CSV files that `analysis.export` wrote.

    If a row of a CSV file equals a result of an experiment or a row of another file, it is read only once.

    Raises:
      InputError: the folder does not exist or holds no results; a CSV file cannot be read, lacks columns or holds an
        invalid value; a result is stored twice; or two folders hold the same experiment with different settings.
    """
    path = Path(path)
    if not path.is_dir():
        raise InputError(f"There is no folder {path}." if not path.exists() else f"{path} is a file, not a folder.")
    folders, exports = list(_folders(path)), []
    rows = {kind: flat(results) for kind, results in by_kind(path).items()}
    for kind, file in _exports(path):
        exports.append(file)
        rows[kind] += _csv(file, CSV_COLUMNS[kind])
    if not any(rows.values()):
        names = ", ".join(CSV_NAMES.values())
        raise InputError(f"{path} holds no finished results, and no exported CSV file ({names}) with rows.")
    frames = {FRAMES[kind]: _frame(kind, results, path) for kind, results in rows.items()}
    return Results(**frames, folders=folders, exports=exports)


def _exports(root: Path) -> Iterator[tuple[str, Path]]:
    """Yields the kind and path of each exported CSV file below a folder. Other files of the same names are skipped."""
    kinds = {name: kind for kind, name in CSV_NAMES.items()}
    for folder, below, names in os.walk(root):
        below[:] = [] if SETTINGS in names else sorted(below)
        for name in sorted(kinds.keys() & {*names}):
            file = Path(folder, name)
            if file.parent == root or _is_export(file, CSV_COLUMNS[kinds[name]]):
                yield kinds[name], file
            else:
                log.warning("%s is left out: it does not have the columns that `analysis.export` writes.", file)


def _is_export(path: Path, columns: tuple[str, ...]) -> bool:
    with open(path, encoding="utf-8", errors="replace") as file:
        return {*columns} - {*ADDED_LATER} <= {*file.readline().strip().split(",")}


def _check_agreement(folders: list[dict]) -> None:
    """Raises InputError if two folders hold the same experiment, but with different settings."""
    first: dict[tuple, dict] = {}
    for folder in folders:
        key = tuple(folder.get(name) for name in PANEL)
        other = first.setdefault(key, folder)
        differ = [name for name, _, _ in differences(folder | {"folder": ""}, other | {"folder": ""})]
        if differ and None not in key:
            raise InputError(
                f"{other['folder']} and {folder['folder']} hold the same network, data set and schedule, but their "
                f"settings differ ({', '.join(differ)}): they cannot be read together. Give --results_dir a folder "
                "that holds only one of them."
            )


def by_kind(root: str | Path) -> dict[str, list[dict]]:
    """Returns the metrics of all finished results below a folder by kind, with an entry for each of `CSV_COLUMNS`.

    Raises:
      InputError: there is no such folder, or two folders in it hold the same experiment with different settings.
    """
    if Path(root).is_dir():
        _check_agreement(list(_folders(Path(root))))
    results: dict[str, list[dict]] = {kind: [] for kind in CSV_COLUMNS}
    for folder, metrics in finished_with_folders(root, kind=None):
        metrics = {"network": experiment_name(folder), "folder": str(folder)} | metrics
        if metrics["kind"] in results:
            results[metrics["kind"]].append(metrics)
        if metrics["kind"] == "learned_mask" and metrics["status"] == FINISHED:
            results["mask_history"].append(metrics | {"rows": _readings(folder)})
    return results


def experiment_name(folder: Path) -> str:
    """Returns the name of the folder of a result's experiment, which stands for the network of a user's model."""
    experiment = enclosing_experiment(Path(os.path.realpath(folder)))
    return experiment.name if experiment else ""


def completed(folder: Path, metrics: Mapping) -> dict:
    """Returns the metrics of a result in a folder, with those that results of older versions and of own models lack."""
    return {"network": experiment_name(folder), **ADDED_LATER, **metrics}


def _readings(folder: Path) -> list[dict]:
    try:
        return read_history(folder)
    except DamagedFile as error:
        log.warning("%s It is left out.", error)
        return []


def flat(results: Iterable[Mapping]) -> list[dict]:
    """Returns one row for each result, or one for each of its "rows" if it has any, numbered by "row"."""
    return [
        {"row": number, **metrics, **row} for metrics in results for number, row in enumerate(metrics.get("rows", [{}]))
    ]


def _folders(root: Path) -> Iterator[dict]:
    """Yields the settings of the experiments below a folder, without searching inside them."""
    for path in folders_with(root, SETTINGS, deeper=False):
        try:
            settings = files.read_json(path / SETTINGS, schemas.Settings)
        except DamagedFile as error:
            log.warning("%s Nothing is known of the settings of its results.", error)
            continue
        precision = settings.get("training", {}).get("precision", ADDED_LATER["precision"])
        yield {"folder": str(path.relative_to(root)), "precision": precision, **settings}


def _csv(path: Path, columns: tuple[str, ...]) -> list[dict]:
    """Reads the rows of an exported CSV file, with every value as text."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            rows, names = list(reader), reader.fieldnames or ()
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise InputError(f"{path} cannot be read as a CSV file: {error}.") from error
    if absent := [column for column in columns if column not in names and column not in ADDED_LATER]:
        raise InputError(f"{path} lacks the columns {', '.join(absent)}; `analysis.export --kind=all` writes them.")
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise InputError(f"{path}: row {number} has more or fewer values than there are columns. Export it again.")
    return [{EXPORT: path} | {name: unescaped(value) for name, value in row.items()} for row in rows]


EXPORT = "file of the export"  # key under which a row of a CSV file keeps the path of its file


def _frame(kind: str, rows: list[dict], path: Path) -> pd.DataFrame:
    """Returns rows as a typed table, sorted so that their order does not depend on where they were stored."""
    columns = CSV_COLUMNS[kind]
    values = {column: [value_of(row, column) for row in rows] for column in columns}
    types = TYPES | OWN_TYPES.get(kind, {})
    frame = pd.DataFrame({column: _typed(column, values[column], types, path) for column in columns})
    sources = pd.Series([str(row.get(EXPORT, "")) for row in rows], dtype=str)
    copies = (sources != "") & frame.duplicated() & ~frame.assign(source=sources).duplicated()
    frame = frame[~copies].reset_index(drop=True)
    rows = [row for row, copy in zip(rows, copies, strict=True) if not copy]
    identity = list(IDENTITY[kind])
    _check_once(kind, frame, rows, path)
    if set(TREATMENT) <= set(columns):
        frame["treatment"] = treatment_names(frame)
    if set(LEVEL_METRICS) <= set(columns):
        frame.loc[frame["status"] != FINISHED, list(LEVEL_METRICS)] = float("nan")
    return frame.sort_values(identity, kind="stable", ignore_index=True)


def _check_once(kind: str, frame: pd.DataFrame, rows: list[dict], path: Path) -> None:
    """Raises InputError if a result is stored twice, and says where."""
    identity = list(IDENTITY[kind])
    repeated = frame.duplicated(identity)
    if not repeated.any():
        return
    first = frame.loc[repeated, identity].to_dict("records")[0]
    texts = frame[identity].astype(str).apply(tuple, axis=1)
    same = texts == texts[repeated].iloc[0]
    sources = [str(rows[row].get("folder") or rows[row].get(EXPORT) or "") for row in frame.index[same]]
    where = " and ".join(dict.fromkeys(filter(None, sources)))
    named = ", ".join(f"{name} {value}" for name, value in first.items() if value != "")
    raise InputError(
        f"{path} holds a {kind.replace('_', ' ')} more than once{f', in {where}' if where else ''}: {named}."
    )


def _typed(column: str, values: list, types: Mapping[str, Type], path: Path) -> pd.Series:
    dtype, convert = types.get(column, (float, float_or_nan))
    converted = []
    for value in values:
        try:
            converted.append(convert(value))
        except (ValueError, TypeError, KeyError):
            raise InputError(f"{path}: {value!r} is not a valid value for the column {column!r}.") from None
    return pd.Series(converted, dtype=dtype)
