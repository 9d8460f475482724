"""The largest share that can be pruned at once, as a stored measurement (kind "limit"): predicted, and found by search.

A row is one of several answers for one way to prune: "pruned_by" a criterion of `flatness.PRUNED_BY`; "method" one of
`METHODS`; "pruned_fraction" the share of the surviving weights. All are 0 where the level itself does not match. See
`pruning_limit` for the theory. What the search with retraining finds is a result of its own, for it takes trainings.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence

from lottery_tf.landscape import pruning_limit
from lottery_tf.landscape.pruning_limit import projected
from lottery_tf.masks import Mask
from lottery_tf.measurements.bench import EVALUATION, Bench, Job, Run, identity, level_name
from lottery_tf.measurements.flatness import PRUNED_BY, SPECTRUM, density_of, one_shot, spectrum_of
from lottery_tf.store import Result
from lottery_tf.treatments import State, Ticket

ALONG, ALIKE, MEETS = "along the projection", "all directions alike", "subspace meets bowl"
FOUND, FOUND_RETRAINED = "found", "found after retraining"
METHODS = (ALONG, ALIKE, MEETS, FOUND, FOUND_RETRAINED)


def jobs(bench: Bench, run: Run, wanted: Sequence[int] | None = None) -> Iterator[Job]:
    """The limits of each level, and where a precision is set for it what the search with retraining finds."""
    for level in run.numbers(wanted):
        name = f"{run.name} {level_name(level)} limit"
        yield Job(name, functools.partial(_limit, bench, run, level))
        if bench.settings.retrained_precision is not None:
            for criterion in PRUNED_BY:
                job = functools.partial(_retrained, bench, run, level, criterion)
                yield Job(f"{name} with retraining, {criterion}", job)


def _limit(bench: Bench, run: Run, level: int) -> Result:
    place, parents = run.beside(level_name(level), "limit"), [run.levels[level], run.levels[0]]
    settings = bench.settings.some(*EVALUATION, *SPECTRUM, "tolerance", "precision")

    def measure() -> dict:
        own, allowed = bench.level(run, level), bench.dense_error(run.seed) + bench.settings.tolerance
        error, loss = bench.evaluate(own.final).error, bench.curvature.loss
        allowance = pruning_limit.loss_allowance(bench.evaluate, loss, own.final, own.mask, allowed, seed=run.seed)
        matches = error <= allowed
        rows = [
            {"pruned_by": criterion, "method": method, "pruned_fraction": float(answer()) if matches else 0.0}
            for criterion in PRUNED_BY
            for method, answer in _answers(bench, run, level, own, criterion, allowed, allowance).items()
        ]
        return {"end_error": error, "allowed_error": allowed, "loss_allowance": allowance, "rows": rows}

    return bench.stored(place, "limit", identity(run, level), parents, settings, measure)


def _answers(
    bench: Bench, run: Run, level: int, own: Result, criterion: str, allowed: float, allowance: float
) -> Mapping[str, Callable[[], float]]:
    mask_at = one_shot(bench, run, own, criterion)
    stored = spectrum_of(bench, run, level).metrics
    hessian, density = bench.curvature.at(own.final, own.mask), density_of(stored)
    common = {"precision": bench.settings.precision}
    state = (own.final, own.mask, mask_at, allowance)

    def end(kept: Mask) -> State:
        return projected(own.final, kept)

    def meets() -> float:
        return pruning_limit.predicted_subspace_meets(density, *state, **common) if allowance > 0 else 0.0

    return {
        ALONG: lambda: pruning_limit.predicted_along_projection(hessian.increase, *state, **common),
        ALIKE: lambda: pruning_limit.predicted_all_alike(stored["trace"] / stored["size"], *state, **common),
        MEETS: meets,
        FOUND: lambda: pruning_limit.found_limit(bench.evaluate, mask_at, end, allowed, **common),
    }


def _retrained(bench: Bench, run: Run, level: int, criterion: str) -> Result:
    """Bisection over trainings from the rewind point, in the order of the next level's."""
    place = run.beside(level_name(level), "limit", "retrained", criterion)
    parents = [run.levels[level], run.levels[0]]
    settings = bench.settings.some(*EVALUATION, "tolerance", "retrained_precision")

    def measure() -> dict:
        own, allowed = bench.level(run, level), bench.dense_error(run.seed) + bench.settings.tolerance
        start = bench.beginning(run, level)

        def end(kept: Mask) -> State:
            count = sum(int(mask.sum()) for mask in kept.values())
            return bench.train(run, level + 1, Ticket(projected(start, kept), kept), place, f"{count}-kept").final

        precision = bench.settings.retrained_precision
        mask_at = one_shot(bench, run, own, criterion)
        share = pruning_limit.found_limit(bench.evaluate, mask_at, end, allowed, precision=precision)
        row = {"pruned_by": criterion, "method": FOUND_RETRAINED, "pruned_fraction": share}
        return {"end_error": bench.evaluate(own.final).error, "allowed_error": allowed, "rows": [row]}

    return bench.stored(place, "limit", identity(run, level), parents, settings, measure)
