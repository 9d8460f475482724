"""What retraining does to magnitudes, as stored measurements: see `retraining`.

Kind "threshold": a row a layer, and one for all of them, with the share of its weights at or below the next round's
threshold before and after retraining. Kind "histogram": a row a layer and bin, with the weights whose magnitude lies
between "bin_from" and "bin_to", before and after.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from lottery_tf.landscape.measurements.measurer import Job, LandscapeMeasurer, TrainedLevels, level_identity
from lottery_tf.landscape.retraining import below_threshold, magnitude_histogram
from lottery_tf.pruning import kept_counts
from lottery_tf.results.files import finite
from lottery_tf.results.paths import level_name
from lottery_tf.results.stored_result import StoredResult


def jobs(measurer: LandscapeMeasurer, run: TrainedLevels, wanted: Sequence[int] | None = None) -> Iterator[Job]:
    """The thresholds and histograms of each level from 1 on."""
    for level in run.available_levels(wanted, least=1):
        for kind in ROW_MAKERS:
            yield Job(f"{run.name} {level_name(level)} {kind}", functools.partial(_stored, measurer, run, level, kind))


def _stored(measurer: LandscapeMeasurer, run: TrainedLevels, level: int, kind: str) -> StoredResult:
    rows, names = ROW_MAKERS[kind]
    earlier = run.treatment.parent(level)

    def measure() -> dict:
        own, before = measurer.level(run, level), measurer.level(run, earlier)
        return {"rows": rows(measurer, run, level, before, own)}

    result_path, parents = run.measurement_path(level_name(level), kind), [run.levels[earlier], run.levels[level]]
    return measurer.find_or_measure(
        result_path, kind, level_identity(run, level), parents, measurer.settings.subset(*names), measure
    )


def _thresholds(
    measurer: LandscapeMeasurer, run: TrainedLevels, level: int, before: StoredResult, own: StoredResult
) -> list[dict]:
    sizes = {name: kept.size for name, kept in own.mask.items()}
    following = kept_counts.counts_after(sizes, measurer.experiment.pruned_fraction, level + 1)
    found = below_threshold(before.final, own.final, own.mask, following, run.treatment.scope)
    return [dataclasses.asdict(row) | {"threshold": finite(row.threshold)} for row in found]


def _histograms(
    measurer: LandscapeMeasurer, run: TrainedLevels, level: int, before: StoredResult, own: StoredResult
) -> list[dict]:
    rows = []
    for name in own.mask:
        found = magnitude_histogram(before.final, own.final, own.mask, name, measurer.settings.bins)
        edges = [{"bin_from": float(low), "bin_to": float(high)} for low, high in pairwise(found.edges)]
        counts = zip(edges, found.before, found.after, strict=True)
        rows += [{"layer": name, **edge, "before": int(old), "after": int(new)} for edge, old, new in counts]
    return rows


Rows = Callable[[LandscapeMeasurer, TrainedLevels, int, StoredResult, StoredResult], list[dict]]
ROW_MAKERS: dict[str, tuple[Rows, tuple[str, ...]]] = {  # kind -> what makes its rows, the settings they depend on
    "threshold": (_thresholds, ()),
    "histogram": (_histograms, ("bins",)),
}
