"""Lines between networks as stored measurements (kind "line"): successive levels, other orders, any two results.

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
    EVALUATION_SETTINGS,
    LABELS,
    Job,
    LandscapeMeasurer,
    TrainedLevels,
    barriers,
    level_identity,
    path_rows,
)
from lottery_tf.pruning.treatments import Treatment, Weights
from lottery_tf.results.locate import LocatedResult
from lottery_tf.results.paths import DENSE, control_name, level_name, line_path
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.training.level_metrics import NO_TREATMENT

if TYPE_CHECKING:
    from lottery_tf.experiment import Experiment

CONTROL = "reorder"


def successive_jobs(
    measurer: LandscapeMeasurer, run: TrainedLevels, wanted: Sequence[int] | None = None
) -> Iterator[Job]:
    """The lines from each level to the next [Paul et al., arXiv 2210.03044], as `landscape.paths.successive` draws them."""
    for level in run.available_levels(wanted, short_of_last=1):
        name = f"{run.name} {level_name(level)} line to {level_name(level + 1)}"
        yield Job(name, functools.partial(_successive, measurer, run, level))


def _successive(measurer: LandscapeMeasurer, run: TrainedLevels, level: int) -> StoredResult:
    following = run.levels[level + 1]
    about = {"relation": "successive", "second_level": level + 1, "second_kept_fraction": following["kept_fraction"]}
    return _line(
        measurer,
        run.measurement_path(level_name(level), "line", level_name(level + 1)),
        level_identity(run, level) | {"first": level_name(level), "second": level_name(level + 1)} | about,
        (run.levels[level], following),
        lambda: (measurer.level(run, level).final, measurer.level(run, level + 1).final),
        run.levels[0],
    )


def instability_jobs(
    measurer: LandscapeMeasurer, run: TrainedLevels, wanted: Sequence[int] | None = None
) -> Iterator[Job]:
    """Instability analysis [Frankle et al., arXiv 1912.05671]: lines between trainings from one start in other orders.

    For each level the line between each pair of: the level itself and `settings.copies` of its controls "reorder",
    which are trained where they are missing. Level 0 starts from the treatment's rewind point: a control of it is
    the dense network trained on from there. Where that is not the beginning, the optimizer's moments start afresh there,
    but those of level 0 itself do not; two copies differ in their order alone.
    """
    for level in run.available_levels(wanted):
        for first, second in itertools.combinations(range(measurer.settings.copies + 1), 2):
            names = [_copy_name(level, copy) for copy in (first, second)]
            job = functools.partial(_instability, measurer, run, level, (first, second))
            yield Job(f"{run.name} {names[0]} line to {names[1]}", job)


def _copy_name(level: int, copy: int) -> str:
    return control_name(level, CONTROL, copy) if copy else level_name(level)


def _instability(measurer: LandscapeMeasurer, run: TrainedLevels, level: int, copies: tuple[int, int]) -> StoredResult:
    ends = [_copy(measurer, run, level, copy) for copy in copies]
    names = [_copy_name(level, copy) for copy in copies]
    about = {"relation": "reordered", "second_level": level, "second_kept_fraction": run.levels[level]["kept_fraction"]}
    return _line(
        measurer,
        run.measurement_path(names[0], "line", names[1]),
        level_identity(run, level) | {"first": names[0], "second": names[1]} | about,
        [end.metrics for end in ends],
        lambda: (ends[0].final, ends[1].final),
        run.levels[0],
    )


def _copy(measurer: LandscapeMeasurer, run: TrainedLevels, level: int, copy: int) -> StoredResult:
    if copy:
        return measurer.experiment.control(run.treatment, run.seed, level, CONTROL, copy)
    return measurer.level(run, level)


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


def between_job(measurer: LandscapeMeasurer, first: StoredResult, second: StoredResult, names: tuple[str, str]) -> Job:
    """The line between any two results of networks with the same layers, both with their weights.

    It lies in the folder `lines` of the bench's results, named by the fingerprints of both ends.

    Args:
      bench: its experiment evaluates the line; both ends count as matching against the dense network of the first's
        seed.
      first, second: at share 1 and at share 0.
      names: what to call them.
    """
    ends = (first.metrics, second.metrics)
    about = {name: ends[0][name] for name in LABELS if name in ends[0]}
    about |= NO_TREATMENT | {"criterion": ""}
    about |= {"seed": ends[0]["seed"], "level": ends[0]["level"], "kept_fraction": ends[0]["kept_fraction"]}
    about |= {"first": names[0], "second": names[1], "relation": "chosen", "second_level": ends[1]["level"]}
    about |= {"second_kept_fraction": ends[1]["kept_fraction"]}
    result_path = line_path(*(end["fingerprint"] for end in ends))
    dense = measurer.experiment.dense(ends[0]["seed"]).metrics
    do = functools.partial(_line, measurer, result_path, about, ends, lambda: (first.final, second.final), dense)
    return Job(f"{names[0]} line to {names[1]}", do)


def _line(
    measurer: LandscapeMeasurer,
    result_path: str,
    about: dict,
    ends: Sequence[Mapping],
    states: Callable[[], tuple[Weights, Weights]],
    dense: Mapping,
) -> StoredResult:
    def measure() -> dict:
        path = line(measurer.evaluate, *states(), measurer.settings.points)
        errors = {"first_error": path.errors[-1], "second_error": path.errors[0]}
        errors |= {"dense_error": measurer.dense_error(dense["seed"])}
        return barriers(path) | {name: float(error) for name, error in errors.items()} | {"rows": path_rows(path)}

    settings = measurer.settings.subset(*EVALUATION_SETTINGS, "points")
    return measurer.find_or_measure(result_path, "line", about, [*ends, dense], settings, measure)


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
