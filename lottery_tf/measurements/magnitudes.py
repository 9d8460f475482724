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

from lottery_tf import masks
from lottery_tf.files import finite
from lottery_tf.landscape.retraining import below_threshold, magnitude_histogram
from lottery_tf.measurements.bench import Bench, Job, Run, identity, level_name
from lottery_tf.store import Result


def jobs(bench: Bench, run: Run, wanted: Sequence[int] | None = None) -> Iterator[Job]:
    """The thresholds and histograms of each level from 1 on."""
    for level in run.numbers(wanted, least=1):
        for kind in KINDS:
            yield Job(f"{run.name} {level_name(level)} {kind}", functools.partial(_stored, bench, run, level, kind))


def _stored(bench: Bench, run: Run, level: int, kind: str) -> Result:
    rows, names = KINDS[kind]
    earlier = run.treatment.parent(level)

    def measure() -> dict:
        own, before = bench.level(run, level), bench.level(run, earlier)
        return {"rows": rows(bench, run, level, before, own)}

    place, parents = run.beside(level_name(level), kind), [run.levels[earlier], run.levels[level]]
    return bench.stored(place, kind, identity(run, level), parents, bench.settings.some(*names), measure)


def _thresholds(bench: Bench, run: Run, level: int, before: Result, own: Result) -> list[dict]:
    sizes = {name: kept.size for name, kept in own.mask.items()}
    following = masks.counts_after(sizes, bench.experiment.pruned_fraction, level + 1)
    found = below_threshold(before.final, own.final, own.mask, following, run.treatment.scope)
    return [dataclasses.asdict(row) | {"threshold": finite(row.threshold)} for row in found]


def _histograms(bench: Bench, run: Run, level: int, before: Result, own: Result) -> list[dict]:
    rows = []
    for name in own.mask:
        found = magnitude_histogram(before.final, own.final, own.mask, name, bench.settings.bins)
        edges = [{"bin_from": float(low), "bin_to": float(high)} for low, high in pairwise(found.edges)]
        counts = zip(edges, found.before, found.after, strict=True)
        rows += [{"layer": name, **edge, "before": int(old), "after": int(new)} for edge, old, new in counts]
    return rows


Rows = Callable[[Bench, Run, int, Result, Result], list[dict]]
KINDS: dict[str, tuple[Rows, tuple[str, ...]]] = {  # kind -> what makes its rows, the settings they depend on
    "threshold": (_thresholds, ()),
    "histogram": (_histograms, ("bins",)),
}
