"""Lines between networks (kind "line", `landscape.interpolation`): successive levels, other orders, any two results.

A row is a point: "position" is the share of the first network, "loss" and "error" are read there. "relation" says what
the two are to each other.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lottery_tf.landscape.interpolation import MATCHING, Connection, Path, line, matching
from lottery_tf.landscape.measurements.measurer import (
    LABELS,
    Job,
    LandscapeMeasurer,
    TrainedLevels,
    barriers,
    path_rows,
)
from lottery_tf.landscape.measurements.settings import EVALUATION
from lottery_tf.pruning.treatments import Treatment, Weights
from lottery_tf.results.locate import LocatedResult
from lottery_tf.results.paths import DENSE, control_name, level_name, line_path, measurement_path
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.training.level_metrics import NO_TREATMENT

if TYPE_CHECKING:
    from lottery_tf.experiment import Experiment

CONTROL = "reorder"


def successive_jobs(
    measurer: LandscapeMeasurer, trained: TrainedLevels, wanted: Sequence[int] | None = None
) -> Iterator[Job]:
    """The lines from each level to the next [Paul et al., arXiv 2210.03044], as `interpolation.successive`."""
    for level in trained.available_levels(wanted, short_of_last=1):
        name = f"{trained.title(level)} line to {level_name(level + 1)}"
        yield Job(name, functools.partial(_successive, measurer, trained, level))


def _successive(measurer: LandscapeMeasurer, trained: TrainedLevels, level: int) -> StoredResult:
    ends = (trained.levels[level], trained.levels[level + 1])

    def weights() -> tuple[Weights, Weights]:
        return measurer.level(trained, level).final, measurer.level(trained, level + 1).final

    names = (level_name(level), level_name(level + 1))
    return _line_of_levels(measurer, trained, "successive", names, ends, weights)


def instability_jobs(
    measurer: LandscapeMeasurer, trained: TrainedLevels, wanted: Sequence[int] | None = None
) -> Iterator[Job]:
    """Instability analysis [Frankle et al., arXiv 1912.05671]: lines between trainings from one start in other orders.

    For each level the line between each pair of: the level itself and `settings.copies` of its controls "reorder",
    which are trained where they are missing. Level 0 starts from the treatment's rewind point: a control of it is
    the dense network trained on from there. Where that is not the beginning, the optimizer's moments start afresh,
    but those of level 0 itself do not; two copies differ in their order alone.
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
    metrics = [end.metrics for end in ends]
    return _line_of_levels(measurer, trained, "reordered", names, metrics, lambda: (ends[0].final, ends[1].final))


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
    weights: Callable[[], tuple[Weights, Weights]],
) -> StoredResult:
    result_path = measurement_path(trained.seed, trained.treatment.name, names[0], "line", names[1])
    identity = trained.identity(ends[0]["level"])
    return _line(measurer, result_path, identity, relation, names, ends, weights, trained.levels[0])


def between_job(measurer: LandscapeMeasurer, first: StoredResult, second: StoredResult, names: tuple[str, str]) -> Job:
    """The line between any two results of networks with the same layers, both with their weights.

    Args:
      measurer: its experiment evaluates the line; both ends count as matching against the dense network of the first's
        seed.
      first: the result at share 1.
      second: the result at share 0.
      names: what to call them.
    """
    ends = (first.metrics, second.metrics)
    identity = {name: ends[0][name] for name in LABELS if name in ends[0]} | NO_TREATMENT | {"criterion": ""}
    identity |= {name: ends[0][name] for name in ("seed", "level", "kept_fraction")}
    result_path = line_path(*(end["fingerprint"] for end in ends))
    dense = measurer.experiment.dense(ends[0]["seed"]).metrics

    def do() -> StoredResult:
        return _line(measurer, result_path, identity, "chosen", names, ends, lambda: (first.final, second.final), dense)

    return Job(f"{names[0]} line to {names[1]}", do)


def _line(
    measurer: LandscapeMeasurer,
    result_path: str,
    identity: dict,
    relation: str,
    names: Sequence[str],
    ends: Sequence[Mapping],
    weights: Callable[[], tuple[Weights, Weights]],
    dense: Mapping,
) -> StoredResult:
    """A line, found or made.

    Args:
      measurer: measures it.
      result_path: its path.
      identity: what it says of its first end.
      relation: what its ends are to each other.
      names: what to call its ends.
      ends: their metrics.
      weights: their weights, asked for where the line is missing.
      dense: the metrics of the dense network that they match or not.
    """

    def make() -> dict:
        path = line(measurer.evaluate, *weights(), measurer.settings.points)
        errors = {"first_error": path.errors[-1], "second_error": path.errors[0]}
        errors |= {"dense_error": measurer.dense_error(dense["seed"])}
        return barriers(path) | {name: float(error) for name, error in errors.items()} | {"rows": path_rows(path)}

    about = {"first": names[0], "second": names[1], "relation": relation, "second_level": ends[1]["level"]}
    about |= {"second_kept_fraction": ends[1]["kept_fraction"]}
    return measurer.find_or_measure(
        result_path, "line", identity | about, [*ends, dense], (*EVALUATION, "points"), make
    )


def with_weights(experiment: Experiment, located: LocatedResult) -> StoredResult:
    """A located result with its weights; its experiment trains it again where they were dropped."""
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
    """The connection that a stored line is, its first end being the earlier level.

    Args:
      metrics: of a result of the kind "line".
      tolerance: how much more error than the dense network's still matches.
    """
    columns = [[row[name] for row in metrics["rows"]] for name in ("position", "loss", "error")]
    path = Path(*(np.array(column, np.float64) for column in columns))
    ends = (metrics["first_error"], metrics["second_error"])
    return Connection(path, tuple(matching(error, metrics["dense_error"], tolerance) for error in ends))
