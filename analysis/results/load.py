"""All that was measured, as tables: read from a results folder, or from the CSV files that it was exported to."""

from __future__ import annotations

import csv
import dataclasses
import logging
import math
import os
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from analysis.results.select import PANEL
from analysis.results.spreadsheet_text import unescaped
from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results import files
from lottery_tf.results.paths import DENSE, SETTINGS
from lottery_tf.results.result_files import read_history
from lottery_tf.results.store import differences
from lottery_tf.results.stored_result import HISTORY_COLUMNS
from lottery_tf.results.walk import finished_with_folders, folders_with

log = logging.getLogger(__name__)


TREATMENT = {
    field.name: field.default for field in dataclasses.fields(Treatment)
}  # its parts, as they are in the paper

ADDED_LATER = {"precision": "float32", "decay": "none"}  # column -> what older results were made with, which do not say
MASK_SETTINGS = (
    "network", "dataset", "seed", "weights", "g", "rescale", "initial_logit", "l1", "chosen_kept_fraction", "optimizer",
    "learning_rate", "batch_size", "iterations", "decay", "precision",
)  # fmt: skip

OF_A_LEVEL = ("network", "dataset", "schedule", "precision", "seed", *TREATMENT, "level", "kept_fraction")

CSV_COLUMNS = {  # kind of result -> the columns of its table
    "level": (
        "network", "dataset", "schedule", "precision", "seed", *TREATMENT, "level", "kept_fraction", "early_stop_iteration",
        "early_stop_val_loss", "test_accuracy", "final_test_accuracy", "iterations", "status",
    ),
    "supermask": (
        "network", "dataset", "schedule", "precision", "seed", "source", "criterion", "mask1", "mask0", "scope", "level",
        "kept_fraction", "weights", "validation_accuracy", "test_accuracy",
    ),
    "best_supermask": (
        "network", "dataset", "schedule", "precision", "seed", "source", "criterion", "mask1", "mask0", "scope", "level",
        "kept_fraction", "weights", "rescale", "validation_accuracy", "test_accuracy",
    ),
    "learned_mask": (
        *MASK_SETTINGS, "best_iteration", "best_val_accuracy", "test_accuracy", "most_likely_test_accuracy",
        "kept_fraction_of_most_likely", "pruned_fraction", "final_test_accuracy", "final_most_likely_test_accuracy",
        "final_pruned_fraction", "status",
    ),
    "mask_history": (*MASK_SETTINGS, "row", *HISTORY_COLUMNS),
    "control": (
        "network", "dataset", "schedule", "precision", "seed", *TREATMENT, "level", "control", "draw", "kept_fraction",
        "early_stop_iteration", "early_stop_val_loss", "test_accuracy", "final_test_accuracy", "iterations", "status",
    ),
    "line": (
        *OF_A_LEVEL, "relation", "first", "second", "second_level", "second_kept_fraction", "first_error",
        "second_error", "dense_error", "error_barrier", "loss_barrier", "row", "position", "loss", "error",
    ),
    "perturbation": (
        *OF_A_LEVEL, "multiple", "draw", "projection", "distance", "end_error", "unperturbed_error", "dense_error",
        "error_barrier", "loss_barrier", "error_barrier_to_before", "loss_barrier_to_before", "row", "line", "position",
        "loss", "error",
    ),
    "spectrum": (
        *OF_A_LEVEL, "size", "top_eigenvalue", "trace", "trace_standard_error", "gradient_length", "row", "found_by",
        "eigenvalue", "weight",
    ),
    "ray": (
        *OF_A_LEVEL, "next_pruned_fraction", "row", "direction", "length", "curvature", "position", "loss", "error",
    ),
    "limit": (
        *OF_A_LEVEL, "end_error", "allowed_error", "loss_allowance", "pruned_by", "method", "pruned_fraction",
    ),
    "threshold": (
        *OF_A_LEVEL, "row", "layer", "weights", "threshold", "share_before", "share_after", "length_before",
        "length_after",
    ),
    "histogram": (*OF_A_LEVEL, "row", "layer", "bin_from", "bin_to", "before", "after"),
}  # fmt: skip

PLURALS = {"spectrum": "spectra", "mask_history": "mask_histories"}

FRAMES = {kind: PLURALS.get(kind, f"{kind}s") for kind in CSV_COLUMNS}  # kind of result -> what its table is called

CSV_NAMES = {kind: f"{name}.csv" for kind, name in FRAMES.items()}

LANDSCAPE = ("line", "perturbation", "spectrum", "ray", "limit", "threshold", "histogram")  # measured of trained levels


FINISHED = "finished"  # the status of a training that did not diverge

IDENTITY = {  # what tells one result of a kind from another
    "level": ("network", "dataset", "schedule", "precision", "seed", *TREATMENT, "level"),
    "supermask": (
        "network", "dataset", "schedule", "precision", "seed", "source", "criterion", "mask1", "mask0", "scope", "level", "weights",
    ),
    "best_supermask": (
        "network", "dataset", "schedule", "precision", "seed", "source", "criterion", "mask1", "mask0", "scope", "weights",
    ),
    "learned_mask": MASK_SETTINGS,
    "mask_history": (*MASK_SETTINGS, "row"),
    "control": ("network", "dataset", "schedule", "precision", "seed", *TREATMENT, "level", "control", "draw"),
    "line": (*OF_A_LEVEL, "relation", "first", "second", "row"),
    "perturbation": (*OF_A_LEVEL, "multiple", "draw", "row"),
    "limit": (*OF_A_LEVEL, "pruned_by", "method"),
    **dict.fromkeys(("spectrum", "ray", "threshold", "histogram"), (*OF_A_LEVEL, "row")),
}  # fmt: skip


LEVEL_METRICS = ("test_accuracy", "final_test_accuracy", "early_stop_iteration", "early_stop_val_loss")


@dataclasses.dataclass(frozen=True)
class Results:
    """All results of a folder; `CSV_COLUMNS` has the columns, shares are in [0, 1].

    A measurement of the error landscape has a row for each of its points, eigenvalues, answers, layers or bins, numbered
    by "row"; `lottery_tf.landscape.measurements.catalogue` says what they are, and `single` takes a row a measurement.

    Attributes:
      levels: trained levels. "treatment" is the name of the treatment, or "dense". What diverged has the status
        "diverged" and no measures (NaN).
      supermasks: heuristic supermasks, a row for each level and kind of weights.
      best_supermasks: the heuristic supermasks that were stored as the best of their ladders.
      learned_masks: learned Supermasks; what diverged has the status "diverged".
      mask_histories: what was read while masks were learned, a row a reading; training columns are means since the one
        before.
      controls: controls of tickets; "treatment" is that of the ticket.
      lines, perturbations, spectra, rays, limits, thresholds, histograms: measurements; "treatment" is that of the level.
      folders: the settings of each folder of runs, with its place below the results folder as "folder".
      exports: the CSV files that were read, which say nothing of settings, times and weights.
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


def load(path: str | Path) -> Results:
    """Reads all results below a folder: folders of runs, and CSV files that `analysis.export` wrote.

    A row of a CSV file that equals a result of the runs, or a row of another file, counts once.

    Raises:
      InputError: no such folder, nothing in it, a CSV file that cannot be read or lacks columns, a value that cannot
        be, a result that is there twice, or runs of one name that were made with other settings.
    """
    path = Path(path)
    if not path.is_dir():
        raise InputError(f"There is no folder {path}." if not path.exists() else f"{path} is a file, not a folder.")
    folders, exports = list(_folders(path)), []
    rows = {kind: flat(found) for kind, found in by_kind(path).items()}
    for kind, file in _exports(path):
        exports.append(file)
        rows[kind] += _csv(file, CSV_COLUMNS[kind])
    if not any(rows.values()):
        raise InputError(f"{path} holds no finished results, nor any of {', '.join(CSV_NAMES.values())} with rows.")
    frames = {FRAMES[kind]: _frame(kind, found, path) for kind, found in rows.items()}
    return Results(**frames, folders=folders, exports=exports)


def _exports(root: Path) -> Iterator[tuple[str, Path]]:
    """The exported CSV files below a folder with their kinds; tables of the same names, below it, are none."""
    kinds = {name: kind for kind, name in CSV_NAMES.items()}
    for folder, below, names in os.walk(root):
        below[:] = [] if SETTINGS in names else sorted(below)
        for name in sorted(kinds.keys() & {*names}):
            file = Path(folder, name)
            if file.parent == root or _is_export(file, CSV_COLUMNS[kinds[name]]):
                yield kinds[name], file
            else:
                log.warning("%s is left out: it has not the columns that `analysis.export` writes.", file)


def _is_export(path: Path, columns: tuple[str, ...]) -> bool:
    with open(path, encoding="utf-8", errors="replace") as file:
        return {*columns} - {*ADDED_LATER} <= {*file.readline().strip().split(",")}


def _check_agreement(folders: list[dict]) -> None:
    """Raises InputError where two folders would be taken for one run and were made with different settings."""
    first: dict[tuple, dict] = {}
    for folder in folders:
        key = tuple(folder.get(name) for name in PANEL)
        other = first.setdefault(key, folder)
        differ = [name for name, _, _ in differences(folder | {"folder": ""}, other | {"folder": ""})]
        if differ and None not in key:
            raise InputError(
                f"{other['folder']} and {folder['folder']} hold the same network, data set and schedule with other "
                f"settings ({', '.join(differ)}): they cannot be read together. Give --results_dir a folder of one of them."
            )


def by_kind(root: str | Path) -> dict[str, list[dict]]:
    """The metrics of all finished results below a folder by their kind, every kind of `CSV_COLUMNS` among them.

    Raises:
      InputError: there is no such folder, or runs of one name in it were made with other settings.
    """
    if Path(root).is_dir():
        _check_agreement(list(_folders(Path(root))))
    found: dict[str, list[dict]] = {kind: [] for kind in CSV_COLUMNS}
    for place, metrics in finished_with_folders(root, kind=None):
        metrics = {"network": run_name(place), "place": str(place)} | metrics
        if metrics["kind"] in found:
            found[metrics["kind"]].append(metrics)
        if metrics["kind"] == "learned_mask" and metrics["status"] == FINISHED:
            found["mask_history"].append(metrics | {"rows": _readings(place)})
    return found


def run_name(place: Path) -> str:
    """The name of the folder of runs that a result lies in, for models of one's own, whose results need not say theirs."""
    return next((path.name for path in place.resolve().parents if (path / SETTINGS).exists()), "")


def _readings(place: Path) -> list[dict]:
    try:
        return [dict(zip(HISTORY_COLUMNS, row, strict=True)) for row in read_history(place).tolist()]
    except DamagedFile as error:
        log.warning("%s It is left out.", error)
        return []


def flat(results: Iterable[Mapping]) -> list[dict]:
    """The metrics of results, with a row for each of their "rows" where they have any; "row" is its number."""
    return [
        {"row": number, **metrics, **row} for metrics in results for number, row in enumerate(metrics.get("rows", [{}]))
    ]


def _folders(root: Path) -> Iterator[dict]:
    """The settings of the folders of runs below a folder; those of their results are not entered."""
    for path in folders_with(root, SETTINGS, deeper=False):
        settings = files.read_json(path / SETTINGS)
        precision = settings.get("training", {}).get("precision", ADDED_LATER["precision"])
        yield {"folder": str(path.relative_to(root)), "precision": precision, **settings}


def _csv(path: Path, columns: tuple[str, ...]) -> list[dict]:
    """The rows of an exported CSV file, every value as text."""
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
            raise InputError(f"{path}: row {number} has not as many values as there are columns. Export it again.")
    return [{EXPORT: path} | {name: unescaped(value) for name, value in row.items()} for row in rows]


EXPORT = "place of the export"  # what the rows of a CSV file say besides its columns


def value_of(row: Mapping, column: str) -> object:
    """A column of a result; older results do not say what was not to be chosen then: it was as in the paper."""
    return row.get(column, (TREATMENT | ADDED_LATER).get(column))


def _frame(kind: str, rows: list[dict], path: Path) -> pd.DataFrame:
    """Rows as a table whose columns have their types, in an order that does not depend on where they lay."""
    columns = CSV_COLUMNS[kind]
    values = {column: [value_of(row, column) for row in rows] for column in columns}
    types = TYPES | OWN_TYPES.get(kind, {})
    frame = pd.DataFrame({column: _typed(column, values[column], types, path) for column in columns})
    sources = pd.Series([str(row.get(EXPORT, "")) for row in rows], dtype=str)
    copies = (sources != "") & frame.duplicated() & ~frame.assign(source=sources).duplicated()
    frame, rows = (
        frame[~copies].reset_index(drop=True),
        [row for row, copy in zip(rows, copies, strict=True) if not copy],
    )
    identity = list(IDENTITY[kind])
    if twice := frame[frame.duplicated(identity)].to_dict("records"):
        found = ", ".join(f"{name} {twice[0][name]}" for name in identity if twice[0][name] != "")
        texts = frame[identity].astype(str).apply(tuple, axis=1)
        same = texts == texts[frame.duplicated(identity)].iloc[0]
        found_in = [rows[row].get("place") or rows[row].get(EXPORT) for row in frame.index[same]]
        places = " and ".join(dict.fromkeys(str(each) for each in found_in if each))
        raise InputError(
            f"{path} holds a {kind.replace('_', ' ')} more than once{f', in {places}' if places else ''}: {found}."
        )
    if set(TREATMENT) <= set(columns):
        names = [treatment_name(**row) for row in frame[list(TREATMENT)].to_dict("records")]
        frame["treatment"] = pd.Series(names, dtype=str)
    if set(LEVEL_METRICS) <= set(columns):
        frame.loc[frame["status"] != FINISHED, list(LEVEL_METRICS)] = float("nan")
    return frame.sort_values(identity, kind="stable", ignore_index=True)


def treatment_name(criterion: str, chosen_kept_fraction: float, **fields) -> str:
    """`Treatment.name` of functions that need not be there to import; "dense" of a dense network, "" of none.

    >>> rest = {name: TREATMENT[name] for name in TREATMENT if name != "criterion"}
    >>> treatment_name("my_module:mine", **rest | {"chosen_kept_fraction": math.nan})
    'my_module+mine-rewind-zero'
    """
    kept = None if math.isnan(chosen_kept_fraction) else chosen_kept_fraction
    # The property asks for the fields alone; a Treatment itself would import the functions to check them.
    named = types.SimpleNamespace(criterion=criterion, chosen_kept_fraction=kept, **fields)
    return criterion if criterion in (DENSE, "") else Treatment.name.fget(named)


def _typed(column: str, values: list, types: Mapping[str, Type], path: Path) -> pd.Series:
    dtype, convert = types.get(column, (float, _float_or_nan))
    converted = []
    for value in values:
        try:
            converted.append(convert(value))
        except (ValueError, TypeError, KeyError):
            raise InputError(f"{path}: {value!r} is no value for the column {column!r}.") from None
    return pd.Series(converted, dtype=dtype)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _float_or_nan(value: float | str | None) -> float:
    return float("nan") if value in (None, "") else float(value)


def _share(value: float | str | None) -> float:
    number = _float_or_nan(value)
    if not (math.isnan(number) or 0 <= number <= 1):
        raise ValueError
    return number


def _count(value: int | str) -> int:
    number = int(value)
    if number < 0:
        raise ValueError
    return number


def _flag(value: bool | str) -> bool:
    return {"True": True, "False": False}[str(value)]


Type = tuple[type, Callable]

TYPES: dict[str, Type] = {  # column -> its type and how a value is read; all others are numbers
    **dict.fromkeys(
        (
            "network", "dataset", "schedule", "source", "criterion", "mask1", "mask0", "scope", "rounds", "weights",
            "g",
            "initial_logit",  # a number, or one for each of several layers
            "optimizer", "decay", "precision", "status", "control", "relation", "first", "second", "line", "found_by", "direction", "pruned_by",
            "method", "layer",
        ),
        (str, _text),
    ),
    **dict.fromkeys(("seed", "level", "rewind_to", "draw", "second_level", "row"), (int, _count)),
    **{
        column: (float, _share)
        for columns in CSV_COLUMNS.values()
        for column in columns
        if column.endswith(("accuracy", "fraction"))
    },
    "rescale": (bool, _flag),
}  # fmt: skip

OWN_TYPES: dict[str, dict[str, Type]] = {  # kind of result -> those of its columns that mean something else elsewhere
    "threshold": {"weights": (int, int)},
}
