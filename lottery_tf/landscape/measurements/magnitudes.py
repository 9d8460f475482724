"""Measures the magnitudes of kept weights before and after retraining (`landscape.retraining`).

Kind "threshold": one row for each layer, and one for all layers together, with the share of the weights at or below the
next round's threshold before and after retraining. Kind "histogram": one row for each layer and bin, with the number of
weights whose magnitude lies between "bin_from" and "bin_to" before and after retraining.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from lottery_tf.landscape.measurements.measurer import Job, LandscapeMeasurer, TrainedLevels
from lottery_tf.landscape.retraining import below_threshold, magnitude_histogram
from lottery_tf.pruning import kept_counts
from lottery_tf.results.files import finite
from lottery_tf.results.stored_result import StoredResult


def jobs(measurer: LandscapeMeasurer, trained: TrainedLevels, wanted: Sequence[int] | None = None) -> Iterator[Job]:
    """Yields the jobs for thresholds and histograms of each level from 1 on."""
    for level in trained.available_levels(wanted, least=1):
        for kind in ROW_MAKERS:
            yield Job(f"{trained.title(level)} {kind}", functools.partial(_measured, measurer, trained, level, kind))


def _measured(measurer: LandscapeMeasurer, trained: TrainedLevels, level: int, kind: str) -> StoredResult:
    rows, settings = ROW_MAKERS[kind]
    earlier = trained.treatment.parent(level)

    def measure(result: StoredResult) -> dict:
        return {"rows": rows(measurer, trained, level, measurer.level(trained, earlier), result)}

    return measurer.measure_level(trained, level, [kind], measure, parents=[earlier, level], settings=settings)


def _thresholds(
    measurer: LandscapeMeasurer, trained: TrainedLevels, level: int, before: StoredResult, result: StoredResult
) -> list[dict]:
    sizes = {name: kept.size for name, kept in result.mask.items()}
    following = kept_counts.counts_after(sizes, measurer.experiment.pruned_fraction, level + 1)
    found = below_threshold(before.final, result.final, result.mask, following, trained.treatment.scope)
    return [dataclasses.asdict(row) | {"threshold": finite(row.threshold)} for row in found]


def _histograms(
    measurer: LandscapeMeasurer, trained: TrainedLevels, level: int, before: StoredResult, result: StoredResult
) -> list[dict]:
    rows = []
    for name in result.mask:
        found = magnitude_histogram(before.final, result.final, result.mask, name, measurer.settings.bins)
        edges = [{"bin_from": float(low), "bin_to": float(high)} for low, high in pairwise(found.edges)]
        counts = zip(edges, found.before, found.after, strict=True)
        rows += [{"layer": name, **edge, "before": int(old), "after": int(new)} for edge, old, new in counts]
    return rows


Rows = Callable[[LandscapeMeasurer, TrainedLevels, int, StoredResult, StoredResult], list[dict]]
ROW_MAKERS: dict[str, tuple[Rows, tuple[str, ...]]] = {  # kind -> function that makes its rows, settings that matter
    "threshold": (_thresholds, ()),
    "histogram": (_histograms, ("bins",)),
}
