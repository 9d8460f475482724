"""Measures how flat the loss is around a level: the spectrum of the Hessian, and rays along directions of pruning.

Kind "spectrum" (`landscape.spectrum`): "trace" with its standard error, "size" (the number of weights that training
changes), and eigenvalues as rows. "found_by" is "eigsh" for the top eigenvalues, which have the weight 1 / size. It is
"lanczos" for the nodes of the spectral density, whose weights sum to 1.

Kind "ray": the error along directions in which a round of pruning could move the final weights. "direction" is the name
of a mask criterion, if its lowest-scored weights move to zero. It is "random direction" for a random direction among
kept weights, with the length of the first criterion's. "position" is the fraction of the direction's length: at 1 the
pruned weights are zero. "curvature" is the curvature along the direction.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lottery_tf.landscape import spectrum
from lottery_tf.landscape.directions import length, pruning_direction, random_direction
from lottery_tf.landscape.interpolation import ray
from lottery_tf.landscape.measurements.measurer import Job, LandscapeMeasurer, TrainedLevels, path_rows
from lottery_tf.landscape.measurements.row_names import PRUNED_BY
from lottery_tf.landscape.measurements.settings import EVALUATION, SPECTRUM_SETTINGS
from lottery_tf.landscape.pruning_limit import OneShot
from lottery_tf.landscape.spectrum import SpectralDensity
from lottery_tf.pruning import kept_counts
from lottery_tf.pruning.criteria import CRITERIA
from lottery_tf.pruning.treatments import Weights
from lottery_tf.registry import call_by_parameter_names
from lottery_tf.results.stored_result import StoredResult

RANDOM_DIRECTION = "random direction"
POSITIONS = (0.0, 0.25, 0.5, 0.75, 1.0)


def jobs(measurer: LandscapeMeasurer, trained: TrainedLevels, wanted: Sequence[int] | None = None) -> Iterator[Job]:
    """Yields the jobs for the spectrum and the rays of each level."""
    for level in trained.available_levels(wanted):
        yield Job(f"{trained.title(level)} spectrum", functools.partial(level_spectrum, measurer, trained, level))
        yield Job(f"{trained.title(level)} ray", functools.partial(_rays, measurer, trained, level))


def level_spectrum(measurer: LandscapeMeasurer, trained: TrainedLevels, level: int) -> StoredResult:
    """Finds or measures the spectrum of the Hessian at the end of a level, restricted to the kept weights."""
    settings = measurer.settings

    def measure(result: StoredResult) -> dict:
        hessian = measurer.curvature.at(result.final, result.mask)
        top = spectrum.top_eigenvalues(hessian, settings.eigenvalues)
        vectors = list(spectrum.probes(hessian.shape[0], settings.probes, trained.seed))
        trace = spectrum.trace(hessian, vectors)
        density = spectrum.spectral_density(hessian, vectors, settings.lanczos_steps)
        rows = [_row("eigsh", value, 1 / density.size) for value in top]
        rows += [_row("lanczos", *node) for node in zip(density.nodes, density.weights, strict=True)]
        return {
            "size": density.size,
            "top_eigenvalue": float(top[0]),
            "trace": trace.value,
            "trace_standard_error": trace.standard_error if settings.probes > 1 else None,
            "gradient_length": float(np.linalg.norm(hessian.gradient())),
            "rows": rows,
        }

    return measurer.measure_level(trained, level, ["spectrum"], measure, parents=[level], settings=SPECTRUM_SETTINGS)


def _row(found_by: str, eigenvalue: float, weight: float) -> dict:
    return {"found_by": found_by, "eigenvalue": float(eigenvalue), "weight": float(weight)}


def stored_density(metrics: Mapping) -> SpectralDensity:
    """Returns the spectral density of a stored spectrum."""
    rows = [row for row in metrics["rows"] if row["found_by"] == "lanczos"]
    nodes, weights = (np.array([row[name] for row in rows]) for name in ("eigenvalue", "weight"))
    return SpectralDensity(nodes, weights, metrics["size"])


def one_shot(measurer: LandscapeMeasurer, trained: TrainedLevels, level: StoredResult, criterion: str) -> OneShot:
    """Returns the masks that prune a level's final weights by any fraction, by a criterion of `PRUNED_BY`."""
    scores = {}
    for name, kept in level.mask.items():
        scores[name] = np.zeros(kept.shape)
        scores[name][kept] = call_by_parameter_names(CRITERIA[criterion], w_f=level.final[name][kept])
    pruned_fraction = measurer.experiment.pruned_fraction
    return OneShot(level.mask, scores, pruned_fraction, trained.seed, trained.treatment.scope)


def _rays(measurer: LandscapeMeasurer, trained: TrainedLevels, level: int) -> StoredResult:
    """Finds or measures the error along the directions in which a round of pruning could move a level's weights."""

    def measure(result: StoredResult) -> dict:
        pruned_fraction = _next_pruned_fraction(measurer, result, level)
        hessian = measurer.curvature.at(result.final, result.mask)
        directions = _directions(measurer, trained, level, result, pruned_fraction)
        magnitude = length(directions[PRUNED_BY[0]])
        rows = []
        for name, direction in directions.items():
            far = magnitude if name == RANDOM_DIRECTION else length(direction)
            path = ray(measurer.evaluate, result.final, direction, [far * position for position in POSITIONS])
            curvature = spectrum.curvature_along(hessian, hessian.space.vector(direction))
            about = {"direction": name, "length": far, "curvature": curvature}
            rows += [about | row | {"position": at} for row, at in zip(path_rows(path), POSITIONS, strict=True)]
        return {"next_pruned_fraction": pruned_fraction, "rows": rows}

    settings = (*EVALUATION, "images")
    return measurer.measure_level(trained, level, ["ray"], measure, parents=[level, 0], settings=settings)


def _directions(
    measurer: LandscapeMeasurer, trained: TrainedLevels, level: int, result: StoredResult, pruned_fraction: float
) -> dict[str, Weights]:
    found = {
        criterion: pruning_direction(
            result.final, result.mask, one_shot(measurer, trained, result, criterion)(pruned_fraction)
        )
        for criterion in PRUNED_BY
    }
    return found | {RANDOM_DIRECTION: random_direction(result.mask, trained.seed, "ray", level)}


def _next_pruned_fraction(measurer: LandscapeMeasurer, result: StoredResult, level: int) -> float:
    """Returns the fraction that the next round prunes, of the kept weights in all layers that are pruned."""
    pruned_fraction = measurer.experiment.pruned_fraction
    following = kept_counts.counts_after(
        {name: kept.size for name, kept in result.mask.items()}, pruned_fraction, level + 1
    )
    pruned = [name for name, fraction in pruned_fraction.items() if fraction]
    return 1 - sum(following[name] for name in pruned) / sum(int(result.mask[name].sum()) for name in pruned)
