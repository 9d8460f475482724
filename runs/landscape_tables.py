"""Stored measurements of the error landscape as text: a table a measure, mean [least, greatest] over seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping, Sequence
from operator import itemgetter

from lottery_tf.landscape.interpolation import MATCHING, STABLE, matching
from lottery_tf.landscape.measurements import flatness, limits
from lottery_tf.landscape.measurements.lines import connection
from lottery_tf.landscape.retraining import WHOLE_NETWORK
from lottery_tf.text_tables import band, text_table

Rows = Sequence[
    Mapping
]  # what was measured for one line of a table, an entry a seed (and direction, or pair of copies)
Column = Callable[[Rows], str]


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """What counts as matching and as linearly connected.

    Attributes:
      tolerance: how much more error than the dense network's still matches, in [0, 1].
      stable: the error barrier, in [0, 1], below which two networks are in one mode.
    """

    tolerance: float = MATCHING
    stable: float = STABLE

    def line(self, metrics: Mapping) -> dict:
        """A stored line and what it says: which ends match, whether it is stable, whether that is as claimed."""
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
        """A stored perturbation with what it says of its end and of the level's own."""
        return {
            **metrics,
            "matches": matching(metrics["end_error"], metrics["dense_error"], self.tolerance),
            "level_matches": matching(metrics["unperturbed_error"], metrics["dense_error"], self.tolerance),
            "same_mode": self._below(metrics["error_barrier"]),
            "mode_before": self._below(metrics["error_barrier_to_before"]),
        }

    def _below(self, barrier: float | None) -> bool:
        return barrier is not None and barrier < self.stable


def count(values: Sequence[bool]) -> str:
    """In how many of all it holds.

    >>> count([True, False])
    '1 of 2'
    """
    return f"{sum(values)} of {len(values)}"


def _numbers(name: str, digits: str = ".2f", factor: float = 1.0) -> Column:
    def column(own: Rows) -> str:
        return band([row[name] for row in own], digits, factor)

    return column


def _points(name: str) -> Column:
    """Shares in percent, differences in percentage points."""
    return _numbers(name, factor=100)


def _text(name: str) -> Column:
    return lambda own: str(own[0][name])


def _counts(name: str) -> Column:
    return lambda own: count([row[name] for row in own])


def table(rows: Rows, key: Callable[[Mapping], Hashable], columns: Mapping[str, Column]) -> str:
    """Rows as text: those with the same key make a line, in the order in which keys come."""
    groups: dict[Hashable, list[Mapping]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return text_table([list(columns), *([column(own) for column in columns.values()] for own in groups.values())])


KEPT = {"kept %": _numbers("kept_fraction", factor=100)}
LINE = {
    "error %": _points("first_error"),
    "of the second %": _points("second_error"),
    "error barrier": _points("error_barrier"),
    "above the chord": _points("error_rise"),
    "loss barrier": _numbers("loss_barrier", ".4f"),
    "first matches": _counts("first_matches"),
    "second matches": _counts("second_matches"),
    "stable": _counts("stable"),
}
CLAIM = {"as claimed": _counts("as_claimed")}


def lines_table(results: Rows, thresholds: Thresholds) -> str:
    """The lines between successive levels."""
    rows = [thresholds.line(metrics) for metrics in results]
    pair = {"levels": lambda own: f"{own[0]['level']}-{own[0]['second_level']}"}
    return table(rows, itemgetter("level"), pair | KEPT | LINE | CLAIM)


def instability_table(results: Rows, thresholds: Thresholds) -> str:
    """The lines between trainings from one start in other orders."""
    rows = [thresholds.line(metrics) for metrics in results]
    return table(rows, itemgetter("level"), {"level": _text("level")} | KEPT | LINE)


def chosen_table(results: Rows, thresholds: Thresholds) -> str:
    """The line between any two results."""
    rows = [thresholds.line(metrics) for metrics in results]
    return table(rows, itemgetter("first", "second"), {"first": _text("first"), "second": _text("second")} | LINE)


def robustness_table(results: Rows, thresholds: Thresholds) -> str:
    """Perturbed rewind points, trained again."""
    rows = [thresholds.perturbation(metrics) for metrics in results]
    columns = {
        "times the projection": lambda own: f"{own[0]['multiple']:g}",
        "length": _numbers("distance"),
        "error %": _points("end_error"),
        "unperturbed %": _points("unperturbed_error"),
        "matches": _counts("matches"),
        "level matches": _counts("level_matches"),
        "barrier to unperturbed": _points("error_barrier"),
        "same mode": _counts("same_mode"),
        "barrier to level before": _points("error_barrier_to_before"),
        "mode of level before": _counts("mode_before"),
    }
    return table(rows, itemgetter("level", "multiple"), {"level": _text("level")} | KEPT | columns)


def flatness_table(results: Rows, thresholds: Thresholds) -> str:
    """Spectra, and below them curvature and error along directions of pruning."""
    spectra = [metrics for metrics in results if metrics["kind"] == "spectrum"]
    rays = [{**metrics, **row} for metrics in results if metrics["kind"] == "ray" for row in metrics["rows"]]
    spectra = [row | {"mean_eigenvalue": row["trace"] / row["size"]} for row in spectra]
    columns = {
        "weights": _numbers("size", ".0f"),
        "top eigenvalue": _numbers("top_eigenvalue", ".3g"),
        "trace": _numbers("trace", ".4g"),
        "standard error": _numbers("trace_standard_error", ".2g"),
        "mean eigenvalue": _numbers("mean_eigenvalue", ".3g"),
    }
    text = table(spectra, itemgetter("level"), {"level": _text("level")} | KEPT | columns)
    ends = [row for row in rays if row["position"] == 1]
    columns = {
        "direction": _text("direction"),
        "length": _numbers("length"),
        "curvature": _numbers("curvature", ".3g"),
        "error % at its end": _points("error"),
    }
    below = table(ends, itemgetter("level", "direction"), {"level": _text("level")} | KEPT | columns)
    return f"{text}\n\nAlong the next round's pruning, without retraining:\n{below}"


def limit_table(results: Rows, thresholds: Thresholds) -> str:
    """Predicted and found limits: a level and a way to prune a line, the methods side by side."""
    found: dict[tuple, dict] = {}
    for metrics in results:
        for row in metrics["rows"]:
            own = found.setdefault((metrics["level"], row["pruned_by"], metrics["seed"]), {**metrics, **row})
            own[row["method"]] = row["pruned_fraction"]
    rows = [dict.fromkeys(limits.METHODS) | row for row in found.values()]
    methods = {f"{method} %": _points(method) for method in limits.METHODS}
    first = {"level": _text("level")} | KEPT | {"pruned by": _text("pruned_by")}
    rows.sort(key=lambda row: (row["level"], flatness.PRUNED_BY.index(row["pruned_by"])))
    return table(rows, itemgetter("level", "pruned_by"), first | methods)


def magnitudes_table(results: Rows, thresholds: Thresholds) -> str:
    """Magnitudes before and after retraining, all layers together."""
    rows = [
        {**metrics, **row}
        for metrics in results
        if metrics["kind"] == "threshold"
        for row in metrics["rows"]
        if row["layer"] == WHOLE_NETWORK
    ]
    columns = {
        "below the next threshold before %": _points("share_before"),
        "after %": _points("share_after"),
        "length of the projection before": _numbers("length_before"),
        "after": _numbers("length_after"),
    }
    return table(rows, itemgetter("level"), {"level": _text("level")} | KEPT | columns)


TABLES: dict[str, tuple[str, Callable[[Rows, Thresholds], str]]] = {  # measure -> its title, what prints it
    "lines": ("Lines between successive levels", lines_table),
    "instability": ("Instability: the same start in another order", instability_table),
    "robustness": ("Robustness: perturbed rewind points, trained again", robustness_table),
    "flatness": ("Flatness at the end of training", flatness_table),
    "limit": ("The largest share of the surviving weights that can be pruned at once", limit_table),
    "magnitudes": ("Surviving magnitudes before and after retraining", magnitudes_table),
    "chosen": ("The line between two results", chosen_table),
}


def note(thresholds: Thresholds, split: str) -> str:
    """What the tables mean."""
    return (
        f"Shares in %, error barriers in points, mean [least, greatest] over seeds; errors at the end of training on "
        f"{split} images.\nError barrier: the greatest error on the line less the mean of its ends', so at least half "
        "of their difference.\nAbove the chord: how far the error rises above the straight line between its ends' "
        "errors."
        f"\nMatching: at most {100 * thresholds.tolerance:g} points above the dense network's error. Stable, the same "
        f"mode: an error barrier below {100 * thresholds.stable:g} points.\n"
        "As claimed: stable if and only if both ends match."
    )
