"""Measures lines between two networks (kind "line", `landscape.interpolation`).

The networks are successive levels, trainings with different orders of images, or any two results; "relation" records
which. A row is a point of the line: "position" is the coefficient of the first network, "loss" and "error" are those
at the point.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lottery_tf.landscape.interpolation import MATCHING, Connection, LossPath, line, matching, successive
from lottery_tf.landscape.measurements.measurer import (
    Job,
    LandscapeMeasurer,
    TrainedLevels,
    barriers,
    path_rows,
)
from lottery_tf.landscape.measurements.settings import EVALUATION, REORDERED, SUCCESSIVE
from lottery_tf.landscape.stability import instability
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.locate import LocatedResult
from lottery_tf.results.paths import DENSE, control_name, level_name, line_path, measurement_path
from lottery_tf.results.stored_result import StoredResult, panel_of
from lottery_tf.training.level_metrics import NO_TREATMENT

if TYPE_CHECKING:
    from lottery_tf.experiment import Experiment

CONTROL = "reorder"


def successive_jobs(
    measurer: LandscapeMeasurer, trained: TrainedLevels, wanted: Sequence[int] | None = None
) -> Iterator[Job]:
    """Yields a job for the line from each level to the next, as in `interpolation.successive` [Paul et al.]."""
    for level in trained.available_levels(wanted, short_of_last=1):
        name = f"{trained.title(level)} line to {level_name(level + 1)}"
        yield Job(name, functools.partial(_successive, measurer, trained, level))


def _successive(measurer: LandscapeMeasurer, trained: TrainedLevels, level: int) -> StoredResult:
    ends = (trained.levels[level], trained.levels[level + 1])

    def follow() -> LossPath:
        weights = (measurer.level(trained, number).final for number in (level, level + 1))
        dense_error, points = measurer.dense_error(trained.seed), measurer.settings.points
        (connection,) = successive(measurer.evaluate, weights, dense_error, points=points)
        return connection.path

    names = (level_name(level), level_name(level + 1))
    return _line_of_levels(measurer, trained, SUCCESSIVE, names, ends, follow)


def instability_jobs(
    measurer: LandscapeMeasurer, trained: TrainedLevels, wanted: Sequence[int] | None = None
) -> Iterator[Job]:
    """Yields the jobs of instability analysis: lines between trainings of one ticket with different orders of images.

    The trainings of a level are the level itself and `settings.copies` of its controls "reorder", which are trained if
    they are missing. There is a line for each pair of them. For level 0 they start from the treatment's rewind point.
    If this is not the beginning, the optimizer of a control starts anew there, but that of level 0 itself does not. Two
    controls differ only in the order of images.

    Reference: Frankle et al., arXiv 1912.05671.
    """
    for level in trained.available_levels(wanted):
        for copies in itertools.combinations(range(measurer.settings.copies + 1), 2):
            names = [control_name(level, CONTROL, copy) if copy else level_name(level) for copy in copies]
            job = functools.partial(_instability, measurer, trained, level, copies, names)
            yield Job(f"{trained.name} {names[0]} line to {names[1]}", job)


def _instability(
    measurer: LandscapeMeasurer, trained: TrainedLevels, level: int, copies: tuple[int, int], names: Sequence[str]
) -> StoredResult:
    ends = [_copy(measurer, trained, level, copy) for copy in copies]

    def follow() -> LossPath:
        (path,) = instability(measurer.evaluate, [end.final for end in ends], measurer.settings.points)
        return path

    return _line_of_levels(measurer, trained, REORDERED, names, [end.metrics for end in ends], follow)


def _copy(measurer: LandscapeMeasurer, trained: TrainedLevels, level: int, copy: int) -> StoredResult:
    if copy:
        return measurer.experiment.control(trained.treatment, trained.seed, level, CONTROL, copy)
    return measurer.level(trained, level)


def _line_of_levels(
    measurer: LandscapeMeasurer,
    trained: TrainedLevels,
    relation: str,
    names: Sequence[str],
    ends: Sequence[Mapping],
    follow: Callable[[], LossPath],
) -> StoredResult:
    result_path = measurement_path(trained.seed, trained.treatment.name, names[0], "line", names[1])
    identity = trained.identity(ends[0]["level"])
    return _line(measurer, result_path, identity, relation, names, ends, follow, trained.levels[0])


def between_job(measurer: LandscapeMeasurer, first: StoredResult, second: StoredResult, names: tuple[str, str]) -> Job:
    """Returns the job for the line between any two results of one network, which must have their weights.

    The ends, of coefficients 1 and 0, are compared with the dense network of the first result's seed to see whether
    they match.
    """
    ends = (first.metrics, second.metrics)
    identity = panel_of(ends[0]) | NO_TREATMENT | {"criterion": ""}
    identity |= {name: ends[0][name] for name in ("seed", "level", "kept_fraction")}
    result_path = line_path(*(end["fingerprint"] for end in ends))
    dense = measurer.experiment.dense(ends[0]["seed"]).metrics

    def follow() -> LossPath:
        return line(measurer.evaluate, first.final, second.final, measurer.settings.points)

    def do() -> StoredResult:
        return _line(measurer, result_path, identity, "chosen", names, ends, follow, dense)

    return Job(f"{names[0]} line to {names[1]}", do)


def _line(
    measurer: LandscapeMeasurer,
    result_path: str,
    identity: dict,
    relation: str,
    names: Sequence[str],
    ends: Sequence[Mapping],
    follow: Callable[[], LossPath],
    dense: Mapping,
) -> StoredResult:
    """Finds or measures a line.

    `follow` is called only if the line is missing. The ends are compared with the network whose metrics are
    `dense`.
    """

    def measure() -> dict:
        path = follow()
        errors = {"first_error": path.errors[-1], "second_error": path.errors[0]}
        errors |= {"dense_error": measurer.dense_error(dense["seed"])}
        return barriers(path) | {name: float(error) for name, error in errors.items()} | {"rows": path_rows(path)}

    about = {"first": names[0], "second": names[1], "relation": relation, "second_level": ends[1]["level"]}
    about |= {"second_kept_fraction": ends[1]["kept_fraction"]}
    return measurer.find_or_measure(
        result_path, "line", identity | about, [*ends, dense], (*EVALUATION, "points"), measure
    )


def with_weights(experiment: Experiment, located: LocatedResult) -> StoredResult:
    """Returns a located result with its weights; if they were deleted, the experiment trains the result again."""
    found = experiment.results.peek(located.result_path, weights=True)
    return found or _train_again(experiment, located.metrics)


def _train_again(experiment: Experiment, metrics: dict) -> StoredResult:
    seed, kind = metrics["seed"], metrics["kind"]
    if kind == "rewind":
        return experiment.rewind_point(seed, metrics["iterations"])
    if metrics["criterion"] == DENSE and kind == "level":
        return experiment.dense(seed, weights=True)
    names = [field.name for field in dataclasses.fields(Treatment) if field.name in metrics]
    treatment = Treatment(**{name: metrics[name] for name in names})
    if kind == "control":
        return experiment.control(treatment, seed, metrics["level"], metrics["control"], metrics["draw"])
    return experiment.level(treatment, seed, metrics["level"])


def connection(metrics: Mapping, tolerance: float = MATCHING) -> Connection:
    """Returns a stored line as a connection, with its first end as the earlier level."""
    columns = [[row[name] for row in metrics["rows"]] for name in ("position", "loss", "error")]
    path = LossPath(*(np.array(column, np.float64) for column in columns))
    ends = (metrics["first_error"], metrics["second_error"])
    return Connection(path, tuple(matching(error, metrics["dense_error"], tolerance) for error in ends))
