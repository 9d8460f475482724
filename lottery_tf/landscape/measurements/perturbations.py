"""Measures the robustness of SGD (kind "perturbation"): trains from perturbed rewind points (`landscape.stability`).

Each measurement takes a training. A row is a point on one of two lines from the end of the perturbed training. "line"
is "unperturbed" for the line to the end of the level itself, and "before" for the line to the end of the level that it
was made from. "position" is the coefficient of the perturbed end. Barriers of the second line have names that end in
"_to_before". The perturbed end itself is not stored, so a measurement with other settings needs the training again.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

from lottery_tf.landscape.directions import length, pruning_direction
from lottery_tf.landscape.measurements.measurer import Job, LandscapeMeasurer, TrainedLevels, barriers, path_rows
from lottery_tf.landscape.measurements.settings import EVALUATION
from lottery_tf.landscape.stability import PerturbedTraining, robustness
from lottery_tf.pruning.treatments import Ticket, Weights
from lottery_tf.results.stored_result import StoredResult


def jobs(measurer: LandscapeMeasurer, trained: TrainedLevels, wanted: Sequence[int] | None = None) -> Iterator[Job]:
    """Yields a job for each level from 1 on (except the last), each direction and each multiple.

    The length of the perturbation is a multiple of the distance between the rewind points of the level and the next
    level [Paul et al., arXiv 2210.03044]. This is the length of the next mask's projection at the rewind point.
    """
    for level in trained.available_levels(wanted, least=1, short_of_last=1):
        for draw in range(1, measurer.settings.directions + 1):
            for multiple in measurer.settings.multiples:
                name = f"{trained.title(level)} perturbed by {multiple:g}, direction {draw}"
                yield Job(name, functools.partial(_perturbation, measurer, trained, level, multiple, draw))


def _perturbation(
    measurer: LandscapeMeasurer, trained: TrainedLevels, level: int, multiple: float, draw: int
) -> StoredResult:
    """Finds or measures what a training from a perturbed rewind point comes to."""
    parts = ("perturbation", f"{multiple:g}", str(draw))
    result_path, earlier = trained.measurement_path(level, *parts), trained.treatment.parent(level)

    def train(ticket: Ticket) -> Weights:
        return measurer.train(trained, level, ticket, result_path).final

    def measure(result: StoredResult) -> dict:
        following, before = measurer.level(trained, level + 1), measurer.level(trained, earlier)
        projection = length(pruning_direction(result.start, result.mask, following.mask))
        (ended,) = robustness(
            train,
            measurer.evaluate,
            result.ticket,
            result.final,
            before.final,
            projection,
            seed=trained.seed,
            level=level,
            multiples=(multiple,),
            draw=draw,
            points=measurer.settings.points,
        )
        return {"projection": projection} | _metrics(ended, measurer.dense_error(trained.seed))

    return measurer.measure_level(
        trained,
        level,
        parts,
        measure,
        parents=[earlier, level, level + 1, 0],
        settings=(*EVALUATION, "points"),
        about={"multiple": multiple, "draw": draw},
    )


def _metrics(ended: PerturbedTraining, dense_error: float) -> dict:
    """Returns the metrics of where a perturbed training ended, and of the lines from there to two others."""
    lines = {"unperturbed": ended.to_unperturbed, "before": ended.to_before}
    return {
        "distance": ended.distance,
        "end_error": float(ended.to_unperturbed.errors[-1]),
        "unperturbed_error": float(ended.to_unperturbed.errors[0]),
        "dense_error": dense_error,
        **barriers(ended.to_unperturbed),
        **barriers(ended.to_before, "_to_before"),
        "rows": [row for name, path in lines.items() for row in path_rows(path, line=name)],
    }
