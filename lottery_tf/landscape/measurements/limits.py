"""The largest share that can be pruned at once, as a stored measurement (kind "limit"): predicted, and found by search.

A row is one of several answers for one way to prune: "pruned_by" a criterion of `flatness.PRUNED_BY`; "method" one of
`METHODS`; "pruned_fraction" the share of the surviving weights. All are 0 where the level itself does not match. See
`pruning_limit` for the theory. What the search with retraining finds is a result of its own, for it takes trainings.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

from lottery_tf.landscape import pruning_limit
from lottery_tf.landscape.measurements.flatness import (
    PRUNED_BY,
    SPECTRUM_SETTINGS,
    level_spectrum,
    one_shot,
    stored_density,
)
from lottery_tf.landscape.measurements.measurer import (
    EVALUATION_SETTINGS,
    Job,
    LandscapeMeasurer,
    TrainedLevels,
    level_identity,
)
from lottery_tf.landscape.pruning_limit import projected
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Ticket, Weights
from lottery_tf.results.paths import level_name
from lottery_tf.results.stored_result import StoredResult

ALONG, ALIKE, MEETS = "along the projection", "all directions alike", "subspace meets bowl"
FOUND, FOUND_RETRAINED = "found", "found after retraining"
METHODS = (ALONG, ALIKE, MEETS, FOUND, FOUND_RETRAINED)


def jobs(measurer: LandscapeMeasurer, run: TrainedLevels, wanted: Sequence[int] | None = None) -> Iterator[Job]:
    """The limits of each level, and where a precision is set for it what the search with retraining finds."""
    for level in run.available_levels(wanted):
        name = f"{run.name} {level_name(level)} limit"
        yield Job(name, functools.partial(_limit, measurer, run, level))
        if (precision := measurer.settings.retrained_precision) is not None:
            for criterion in PRUNED_BY:
                job = functools.partial(_retrained, measurer, run, level, criterion, precision)
                yield Job(f"{name} with retraining, {criterion}", job)


def _limit(measurer: LandscapeMeasurer, run: TrainedLevels, level: int) -> StoredResult:
    result_path, parents = run.measurement_path(level_name(level), "limit"), [run.levels[level], run.levels[0]]
    settings = measurer.settings.subset(*EVALUATION_SETTINGS, *SPECTRUM_SETTINGS, "tolerance", "precision")

    def measure() -> dict:
        own, allowed = measurer.level(run, level), measurer.dense_error(run.seed) + measurer.settings.tolerance
        error, loss = measurer.evaluate(own.final).error, measurer.curvature.loss
        allowance = pruning_limit.loss_allowance(measurer.evaluate, loss, own.final, own.mask, allowed, seed=run.seed)
        matches = error <= allowed
        rows = [
            {"pruned_by": criterion, "method": method, "pruned_fraction": float(answer()) if matches else 0.0}
            for criterion in PRUNED_BY
            for method, answer in _answers(measurer, run, level, own, criterion, allowed, allowance).items()
        ]
        return {"end_error": error, "allowed_error": allowed, "loss_allowance": allowance, "rows": rows}

    return measurer.find_or_measure(result_path, "limit", level_identity(run, level), parents, settings, measure)


def _answers(
    measurer: LandscapeMeasurer,
    run: TrainedLevels,
    level: int,
    own: StoredResult,
    criterion: str,
    allowed: float,
    allowance: float,
) -> Mapping[str, Callable[[], float]]:
    mask_at = one_shot(measurer, run, own, criterion)
    stored = level_spectrum(measurer, run, level).metrics
    hessian, density = measurer.curvature.at(own.final, own.mask), stored_density(stored)
    precision = measurer.settings.precision
    state = (own.final, own.mask, mask_at, allowance)

    def end(kept: Mask) -> Weights:
        return projected(own.final, kept)

    def meets() -> float:
        return pruning_limit.predicted_subspace_meets(density, *state, precision=precision) if allowance > 0 else 0.0

    return {
        ALONG: lambda: pruning_limit.predicted_along_projection(hessian.increase, *state, precision=precision),
        ALIKE: lambda: pruning_limit.predicted_all_alike(stored["trace"] / stored["size"], *state, precision=precision),
        MEETS: meets,
        FOUND: lambda: pruning_limit.found_limit(measurer.evaluate, mask_at, end, allowed, precision=precision),
    }


def _retrained(
    measurer: LandscapeMeasurer, run: TrainedLevels, level: int, criterion: str, precision: float
) -> StoredResult:
    """Bisection over trainings from the rewind point, in the order of the next level's."""
    result_path = run.measurement_path(level_name(level), "limit", "retrained", criterion)
    parents = [run.levels[level], run.levels[0]]
    settings = measurer.settings.subset(*EVALUATION_SETTINGS, "tolerance", "retrained_precision")

    def measure() -> dict:
        own, allowed = measurer.level(run, level), measurer.dense_error(run.seed) + measurer.settings.tolerance
        start = measurer.starting_weights(run, level)

        def end(kept: Mask) -> Weights:
            count = sum(int(mask.sum()) for mask in kept.values())
            return measurer.train(
                run, level + 1, Ticket(projected(start, kept), kept), result_path, f"{count}-kept"
            ).final

        mask_at = one_shot(measurer, run, own, criterion)
        share = pruning_limit.found_limit(measurer.evaluate, mask_at, end, allowed, precision=precision)
        row = {"pruned_by": criterion, "method": FOUND_RETRAINED, "pruned_fraction": share}
        return {"end_error": measurer.evaluate(own.final).error, "allowed_error": allowed, "rows": [row]}

    return measurer.find_or_measure(result_path, "limit", level_identity(run, level), parents, settings, measure)
