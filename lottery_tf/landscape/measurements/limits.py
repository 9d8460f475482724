"""Measures the largest fraction of a level's weights that can be pruned at once (kind "limit").

`landscape.pruning_limit` has the theory and the formulas. A row has these fields: "pruned_by" and "method", as in
`row_names`; "pruned_fraction", the largest fraction of the kept weights by this method. It is 0 if the level itself
does not match. The search with retraining is stored as a result of its own, because it needs trainings.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

from lottery_tf.landscape import pruning_limit
from lottery_tf.landscape.measurements.flatness import level_spectrum, one_shot, stored_density
from lottery_tf.landscape.measurements.measurer import Job, LandscapeMeasurer, TrainedLevels
from lottery_tf.landscape.measurements.row_names import (
    FOUND,
    FOUND_RETRAINED,
    ISOTROPIC,
    PRUNED_BY,
    QUADRATIC,
    SUBSPACE,
)
from lottery_tf.landscape.measurements.settings import EVALUATION, SPECTRUM_SETTINGS
from lottery_tf.landscape.pruning_limit import PruningLimit, projected
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Ticket, Weights
from lottery_tf.results.stored_result import StoredResult


def jobs(measurer: LandscapeMeasurer, trained: TrainedLevels, wanted: Sequence[int] | None = None) -> Iterator[Job]:
    """Yields a job for the limits of each level; with `retrained_precision` also one for the search with retraining."""
    for level in trained.available_levels(wanted):
        name = f"{trained.title(level)} limit"
        yield Job(name, functools.partial(_limit, measurer, trained, level))
        if (precision := measurer.settings.retrained_precision) is not None:
            for criterion in PRUNED_BY:
                job = functools.partial(_retrained, measurer, trained, level, criterion, precision)
                yield Job(f"{name} with retraining, {criterion}", job)


def _limit(measurer: LandscapeMeasurer, trained: TrainedLevels, level: int) -> StoredResult:
    """Finds or measures a level's limits without retraining, by each criterion and method."""

    def measure(result: StoredResult) -> dict:
        allowed = measurer.allowed_error(trained.seed)
        error, loss = measurer.evaluate(result.final).error, measurer.curvature.loss
        allowance = pruning_limit.loss_allowance(
            measurer.evaluate, loss, result.final, result.mask, allowed, seed=trained.seed
        )
        matches = error <= allowed
        rows = [
            {"pruned_by": criterion, "method": method, "pruned_fraction": float(answer()) if matches else 0.0}
            for criterion in PRUNED_BY
            for method, answer in _answers(measurer, trained, level, result, criterion, allowance).items()
        ]
        return {"end_error": error, "allowed_error": allowed, "loss_allowance": allowance, "rows": rows}

    settings = (*EVALUATION, *SPECTRUM_SETTINGS, "tolerance", "precision")
    return measurer.measure_level(trained, level, ["limit"], measure, parents=[level, 0], settings=settings)


def _answers(
    measurer: LandscapeMeasurer,
    trained: TrainedLevels,
    level: int,
    result: StoredResult,
    criterion: str,
    allowance: float,
) -> Mapping[str, Callable[[], float]]:
    """Returns the methods without retraining, as functions that return the limit of pruning by a criterion."""
    mask_at = one_shot(measurer, trained, result, criterion)
    stored = level_spectrum(measurer, trained, level).metrics
    hessian, density = measurer.curvature.at(result.final, result.mask), stored_density(stored)
    allowed = measurer.allowed_error(trained.seed)
    limit = PruningLimit(result.final, result.mask, mask_at, measurer.settings.precision)
    return {
        QUADRATIC: lambda: limit.along_projection(hessian.increase, allowance),
        ISOTROPIC: lambda: limit.all_alike(stored["trace"] / stored["size"], allowance),
        SUBSPACE: lambda: limit.subspace_meets(density, allowance) if allowance > 0 else 0.0,
        FOUND: lambda: limit.found(measurer.evaluate, allowed),
    }


def _retrained(
    measurer: LandscapeMeasurer, trained: TrainedLevels, level: int, criterion: str, precision: float
) -> StoredResult:
    """Finds a limit by bisection over trainings from the rewind point, with the next level's order of images."""
    parts = ("limit", "retrained", criterion)
    result_path = trained.measurement_path(level, *parts)

    def measure(result: StoredResult) -> dict:
        allowed = measurer.allowed_error(trained.seed)
        start = measurer.starting_weights(trained, level)

        def end(kept: Mask) -> Weights:
            ticket, count = Ticket(projected(start, kept), kept), sum(int(mask.sum()) for mask in kept.values())
            return measurer.train(trained, level + 1, ticket, result_path, f"{count}-kept").final

        limit = PruningLimit(result.final, result.mask, one_shot(measurer, trained, result, criterion), precision)
        pruned_fraction = limit.found(measurer.evaluate, allowed, end)
        row = {"pruned_by": criterion, "method": FOUND_RETRAINED, "pruned_fraction": pruned_fraction}
        return {"end_error": measurer.evaluate(result.final).error, "allowed_error": allowed, "rows": [row]}

    settings = (*EVALUATION, "tolerance", "retrained_precision")
    return measurer.measure_level(trained, level, parts, measure, parents=[level, 0], settings=settings)
