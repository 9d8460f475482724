"""The columns of each kind of result: their names, order and types, and those that identify a result."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping

from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.stored_result import HISTORY_COLUMNS
from lottery_tf.supermasks.mask_settings import MaskSettings

TREATMENT = {field.name: field.default for field in dataclasses.fields(Treatment)}  # column -> its value in the paper
EXPERIMENT_AND_SEED = ("network", "dataset", "schedule", "precision", "seed")
LEVEL_COLUMNS = (*EXPERIMENT_AND_SEED, *TREATMENT, "level", "kept_fraction")
MASK_SOURCE = (*EXPERIMENT_AND_SEED, "source", "criterion", "mask1", "mask0", "scope")
FIRST_MASK_SETTINGS = (
    "network", "dataset", "seed", "weights", "g", "rescale", "initial_logit", "l1", "chosen_kept_fraction", "optimizer",
    "learning_rate", "batch_size", "iterations", "decay", "weight_multiplier", "precision",
)  # fmt: skip
FURTHER_MASK_SETTINGS = {  # fields of `MaskSettings` that were added to it -> their defaults
    field.name: field.default
    for field in dataclasses.fields(MaskSettings)
    if field.name not in (*FIRST_MASK_SETTINGS, "kept_fraction")  # which is the column chosen_kept_fraction
}
MASK_SETTINGS = (*FIRST_MASK_SETTINGS, *FURTHER_MASK_SETTINGS)
MASK_TRAINING = ("iterations", "batch_size", "optimizer", "learning_rate", "decay", "weight_multiplier", "precision")
MASK_IDENTITY = (  # what a learned mask is, apart from its network, its seed and how it was learned
    "weights", "g", "rescale", "l1", "initial_logit", "chosen_kept_fraction", *FURTHER_MASK_SETTINGS,
)  # fmt: skip
ADDED_LATER = {  # column that older results lack -> the value they had
    "precision": "float32",
    "decay": "none",
    "l1": 0.0,
    "weight_multiplier": 1.0,
    **FURTHER_MASK_SETTINGS,
}
TRAINING_COLUMNS = (
    "early_stop_iteration", "early_stop_val_loss", "test_accuracy", "final_test_accuracy", "iterations", "status",
)  # fmt: skip
LEVEL_METRICS = TRAINING_COLUMNS[:4]  # missing for a training that diverged
ONE_SHOT_SOURCE = "oneshot"  # the source of the heuristic supermasks of Figure 7
SUMMARY = ["mean", "min", "max"]  # over seeds: in these columns, by the pandas functions of these names

CSV_COLUMNS = {  # kind of result -> the columns of its table
    "level": (*LEVEL_COLUMNS, *TRAINING_COLUMNS),
    "supermask": (*MASK_SOURCE, "level", "kept_fraction", "weights", "validation_accuracy", "test_accuracy"),
    "best_supermask": (
        *MASK_SOURCE, "level", "kept_fraction", "weights", "rescale", "validation_accuracy", "test_accuracy",
    ),
    "learned_mask": (
        *MASK_SETTINGS, "best_iteration", "best_val_accuracy", "test_accuracy", "most_likely_test_accuracy",
        "kept_fraction_of_most_likely", "pruned_fraction", "final_test_accuracy", "final_most_likely_test_accuracy",
        "final_pruned_fraction", "status",
    ),
    "mask_history": (*MASK_SETTINGS, "row", *HISTORY_COLUMNS),
    "control": (*EXPERIMENT_AND_SEED, *TREATMENT, "level", "control", "draw", "kept_fraction", *TRAINING_COLUMNS),
    "line": (
        *LEVEL_COLUMNS, "relation", "first", "second", "second_level", "second_kept_fraction", "first_error",
        "second_error", "dense_error", "error_barrier", "loss_barrier", "row", "position", "loss", "error",
    ),
    "perturbation": (
        *LEVEL_COLUMNS, "multiple", "draw", "projection", "distance", "end_error", "unperturbed_error", "dense_error",
        "error_barrier", "loss_barrier", "error_barrier_to_before", "loss_barrier_to_before", "row", "line", "position",
        "loss", "error",
    ),
    "spectrum": (
        *LEVEL_COLUMNS, "size", "top_eigenvalue", "trace", "trace_standard_error", "gradient_length", "row", "found_by",
        "eigenvalue", "weight",
    ),
    "ray": (
        *LEVEL_COLUMNS, "next_pruned_fraction", "row", "direction", "length", "curvature", "position", "loss", "error",
    ),
    "limit": (
        *LEVEL_COLUMNS, "end_error", "allowed_error", "loss_allowance", "pruned_by", "method", "pruned_fraction",
    ),
    "threshold": (
        *LEVEL_COLUMNS, "row", "layer", "weights", "threshold", "share_before", "share_after", "length_before",
        "length_after",
    ),
    "histogram": (*LEVEL_COLUMNS, "row", "layer", "bin_from", "bin_to", "before", "after"),
}  # fmt: skip
PLURALS = {"spectrum": "spectra", "mask_history": "mask_histories"}
FRAMES = {kind: PLURALS.get(kind, f"{kind}s") for kind in CSV_COLUMNS}  # kind of result -> name of its table
CSV_NAMES = {kind: f"{name}.csv" for kind, name in FRAMES.items()}

IDENTITY = {  # kind of result -> the columns that identify a result
    "level": (*EXPERIMENT_AND_SEED, *TREATMENT, "level"),
    "supermask": (*MASK_SOURCE, "level", "weights"),
    "best_supermask": (*MASK_SOURCE, "weights"),
    "learned_mask": MASK_SETTINGS,
    "mask_history": (*MASK_SETTINGS, "row"),
    "control": (*EXPERIMENT_AND_SEED, *TREATMENT, "level", "control", "draw"),
    "line": (*LEVEL_COLUMNS, "relation", "first", "second", "row"),
    "perturbation": (*LEVEL_COLUMNS, "multiple", "draw", "row"),
    "limit": (*LEVEL_COLUMNS, "pruned_by", "method"),
    **dict.fromkeys(("spectrum", "ray", "threshold", "histogram"), (*LEVEL_COLUMNS, "row")),
}
LANDSCAPE = tuple(  # kinds of results that are measured of trained levels
    kind for kind in CSV_COLUMNS if IDENTITY[kind][: len(LEVEL_COLUMNS)] == LEVEL_COLUMNS
)


def value_of(row: Mapping, column: str) -> object:
    """Returns a column of a result. Settings that older results do not store had the values of the paper."""
    return row.get(column, (TREATMENT | ADDED_LATER).get(column))


def _text(value: object) -> str:
    return "" if value is None else str(value)


def float_or_nan(value: float | str | None) -> float:
    """Converts a value to a number; a missing value becomes NaN."""
    return float("nan") if value in (None, "") else float(value)


def _fraction(value: float | str | None) -> float:
    number = float_or_nan(value)
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

TEXT_COLUMNS = (
    "network", "dataset", "schedule", "precision", "source", "criterion", "mask1", "mask0", "scope", "rounds",
    "weights", "g", "initial_logit",  # the logit is one number, or one for each layer
    "optimizer", "decay", "status", "control", "relation", "first", "second", "line", "found_by", "direction",
    "pruned_by", "method", "layer",
)  # fmt: skip
COUNTS = ("seed", "level", "rewind_to", "draw", "second_level", "row")
FRACTION_COLUMNS = [name for names in CSV_COLUMNS.values() for name in names if name.endswith(("accuracy", "fraction"))]
BY_DEFAULT: dict[type, Type] = {str: (str, _text), bool: (bool, _flag)}  # type of a setting -> the type of its column
TYPES: dict[str, Type] = {  # column -> its type and the function that reads a value; other columns are floats
    **dict.fromkeys(TEXT_COLUMNS, (str, _text)),
    **dict.fromkeys(COUNTS, (int, _count)),
    **dict.fromkeys(FRACTION_COLUMNS, (float, _fraction)),
    "rescale": (bool, _flag),
    **{
        name: BY_DEFAULT[type(default)]
        for name, default in FURTHER_MASK_SETTINGS.items()
        if type(default) in BY_DEFAULT
    },
}
OWN_TYPES: dict[str, dict[str, Type]] = {  # kind of result -> types of columns that mean something else in other kinds
    "threshold": {"weights": (int, int)}
}
