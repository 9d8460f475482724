"""Stored measurements of the error landscape as tables of text: mean [minimum, maximum] over seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping, Sequence
from operator import itemgetter

from lottery_tf.command_line.text_tables import mean_and_range, text_table
from lottery_tf.landscape.interpolation import MATCHING, STABLE, matching
from lottery_tf.landscape.measurements import row_names
from lottery_tf.landscape.measurements.lines import connection
from lottery_tf.landscape.retraining import WHOLE_NETWORK

Rows = Sequence[Mapping]  # measurements of each seed (and direction, or pair of copies) behind one line of a table
Column = Callable[[Rows], str]


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """The thresholds of matching and of linear mode connectivity.

    Attributes:
      tolerance: a network matches if its error is at most this much above the dense network's; in [0, 1].
      stable: two networks are in one mode if the error barrier between them is below this; in [0, 1].
    """

    tolerance: float = MATCHING
    stable: float = STABLE

    def line(self, metrics: Mapping) -> dict:
        """Adds to a stored line which of its ends match, whether it is stable, and whether this is as claimed."""
        joined = connection(metrics, self.tolerance)
        first, second = joined.matching
        return {
            **metrics,
            "first_matches": first,
            "second_matches": second,
            "stable": joined.path.stable(self.stable),
            "as_claimed": joined.as_claimed(self.stable),
            "error_rise": joined.path.error_rise,
        }

    def perturbation(self, metrics: Mapping) -> dict:
        """Adds to a stored perturbation whether its end and the level match, and which networks share its mode."""
        return {
            **metrics,
            "matches": matching(metrics["end_error"], metrics["dense_error"], self.tolerance),
            "level_matches": matching(metrics["unperturbed_error"], metrics["dense_error"], self.tolerance),
            "same_mode": self._below(metrics["error_barrier"]),
            "mode_before": self._below(metrics["error_barrier_to_before"]),
        }

    def _below(self, barrier: float | None) -> bool:
        return barrier is not None and barrier < self.stable


def _numbers(name: str, digits: str = ".2f", factor: float = 1.0) -> Column:
    return lambda rows: mean_and_range([row[name] for row in rows], digits, factor)


def _percent(name: str) -> Column:
    """Returns a column of fractions, in percent or percentage points."""
    return _numbers(name, factor=100)


def _text(name: str) -> Column:
    return lambda rows: str(rows[0][name])


def _counts(name: str) -> Column:
    """Returns a column that shows in how many rows a field is true, such as "1 of 2"."""
    return lambda rows: f"{sum(row[name] for row in rows)} of {len(rows)}"


LEVEL_COLUMN = {"level": _text("level")}
KEPT_COLUMN = {"kept %": _percent("kept_fraction")}
LINE = {
    "error %": _percent("first_error"),
    "error of the second %": _percent("second_error"),
    "error barrier": _percent("error_barrier"),
    "above the chord": _percent("error_rise"),
    "loss barrier": _numbers("loss_barrier", ".4f"),
    "first matches": _counts("first_matches"),
    "second matches": _counts("second_matches"),
    "stable": _counts("stable"),
}
LEVELS_LINE = {
    "levels": lambda rows: f"{rows[0]['level']}-{rows[0]['second_level']}",
    **KEPT_COLUMN,
    **LINE,
    "as claimed": _counts("as_claimed"),
}
PERTURBATION = {
    **LEVEL_COLUMN,
    **KEPT_COLUMN,
    "times the projection": lambda rows: f"{rows[0]['multiple']:g}",
    "length": _numbers("distance"),
    "error %": _percent("end_error"),
    "unperturbed %": _percent("unperturbed_error"),
    "matches": _counts("matches"),
    "level matches": _counts("level_matches"),
    "barrier to unperturbed": _percent("error_barrier"),
    "same mode": _counts("same_mode"),
    "barrier to level before": _percent("error_barrier_to_before"),
    "mode of level before": _counts("mode_before"),
}
SPECTRUM_COLUMNS = {
    **LEVEL_COLUMN,
    **KEPT_COLUMN,
    "weights": _numbers("size", ".0f"),
    "top eigenvalue": _numbers("top_eigenvalue", ".3g"),
    "trace": _numbers("trace", ".4g"),
    "standard error": _numbers("trace_standard_error", ".2g"),
    "mean eigenvalue": _numbers("mean_eigenvalue", ".3g"),
}
RAY = {
    **LEVEL_COLUMN,
    **KEPT_COLUMN,
    "direction": _text("direction"),
    "length": _numbers("length"),
    "curvature": _numbers("curvature", ".3g"),
    "error % at its end": _percent("error"),
}
LIMIT = {
    **LEVEL_COLUMN,
    **KEPT_COLUMN,
    "pruned by": _text("pruned_by"),
    **{f"{method} %": _percent(method) for method in row_names.METHODS},
}
MAGNITUDES = {
    **LEVEL_COLUMN,
    **KEPT_COLUMN,
    "below the next threshold before %": _percent("share_before"),
    "after %": _percent("share_after"),
    "length of the projection before": _numbers("length_before"),
    "after": _numbers("length_after"),
}


def table(rows: Rows, columns: Mapping[str, Column], *key: str) -> str:
    """Returns rows as text. Rows with equal values in the fields of the key make one line; lines keep their order."""
    groups: dict[Hashable, list[Mapping]] = {}
    for row in rows:
        groups.setdefault(itemgetter(*key)(row), []).append(row)
    return text_table([list(columns), *([column(group) for column in columns.values()] for group in groups.values())])


def _unrolled(results: Rows, kind: str) -> list[dict]:
    """Returns the rows of all measurements of a kind, each together with the metrics of its measurement."""
    return [{**metrics, **row} for metrics in results if metrics["kind"] == kind for row in metrics["rows"]]


def lines_table(results: Rows, thresholds: Thresholds) -> str:
    """Returns the table of lines between successive levels."""
    return table([*map(thresholds.line, results)], LEVELS_LINE, "level")


def instability_table(results: Rows, thresholds: Thresholds) -> str:
    """Returns the table of lines between trainings of one ticket that differ in the order of images."""
    return table([*map(thresholds.line, results)], LEVEL_COLUMN | KEPT_COLUMN | LINE, "level")


def chosen_table(results: Rows, thresholds: Thresholds) -> str:
    """Returns the table of the line between any two results."""
    ends = {"first": _text("first"), "second": _text("second")}
    return table([*map(thresholds.line, results)], ends | LINE, "first", "second")


def robustness_table(results: Rows, thresholds: Thresholds) -> str:
    """Returns the table of networks that were retrained from perturbed rewind points."""
    return table([*map(thresholds.perturbation, results)], PERTURBATION, "level", "multiple")


def flatness_table(results: Rows, thresholds: Thresholds) -> str:
    """Returns the table of spectra, and below it the table of curvature and error along directions of pruning."""
    spectra = [row | {"mean_eigenvalue": row["trace"] / row["size"]} for row in results if row["kind"] == "spectrum"]
    ends = [row for row in _unrolled(results, "ray") if row["position"] == 1]
    below = table(ends, RAY, "level", "direction")
    return (
        f"{table(spectra, SPECTRUM_COLUMNS, 'level')}\n\nAlong the next round's pruning, without retraining:\n{below}"
    )


def limit_table(results: Rows, thresholds: Thresholds) -> str:
    """Returns the table of predicted and found limits: a line for each level and way to prune, a column a method."""
    found: dict[tuple, dict] = {}
    for row in _unrolled(results, "limit"):
        limits = found.setdefault((row["level"], row["pruned_by"], row["seed"]), dict.fromkeys(row_names.METHODS) | row)
        limits[row["method"]] = row["pruned_fraction"]
    order = row_names.PRUNED_BY
    rows = sorted(found.values(), key=lambda row: (row["level"], order.index(row["pruned_by"])))
    return table(rows, LIMIT, "level", "pruned_by")


def magnitudes_table(results: Rows, thresholds: Thresholds) -> str:
    """Returns the table of magnitudes before and after retraining, over all layers together."""
    rows = [row for row in _unrolled(results, "threshold") if row["layer"] == WHOLE_NETWORK]
    return table(rows, MAGNITUDES, "level")


# measurement -> title and function of its table
MEASUREMENT_TABLES: dict[str, tuple[str, Callable[[Rows, Thresholds], str]]] = {
    "lines": ("Lines between successive levels", lines_table),
    "instability": ("Instability: one ticket trained with two orders of images", instability_table),
    "robustness": ("Robustness: networks retrained from perturbed rewind points", robustness_table),
    "flatness": ("Flatness at the end of training", flatness_table),
    "limit": ("The largest share of the kept weights that can be pruned at once", limit_table),
    "magnitudes": ("Magnitudes of kept weights before and after retraining", magnitudes_table),
    "chosen": ("The line between two results", chosen_table),
}


def table_of(measurement: str, about: str, results: Rows, thresholds: Thresholds) -> str:
    """Returns the title and the table of a measurement, or a sentence if nothing could be measured."""
    title, write = MEASUREMENT_TABLES[measurement]
    below = write(results, thresholds) if results else "No level to measure is finished."
    return f"{title}: {about}\n{below}"


def note(thresholds: Thresholds, split: str) -> str:
    """Returns the explanation printed below the tables."""
    return (
        "Fractions in %, error barriers in percentage points; mean [minimum, maximum] over seeds. Errors are those at "
        f"the end of training, on {split} images.\nError barrier: the highest error on the line minus the mean error "
        "of its ends; it is at least half the difference between them.\nAbove the chord: how far the error rises above "
        f"the straight line between the errors of the two ends.\nMatching: the error is at most "
        f"{100 * thresholds.tolerance:g} points above the dense network's. Stable, same mode: the error barrier is "
        f"below {100 * thresholds.stable:g} points.\nAs claimed: the line is stable if and only if both ends match."
    )
