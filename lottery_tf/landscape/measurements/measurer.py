"""Finds stored measurements of trained levels, or makes and stores them.

A measurement is a `StoredResult` with an empty mask. Its metrics hold the numbers, with curves as "rows". "parent"
holds the fingerprints of all levels that it was made from, and "settings" the settings that it depends on. A stored
measurement is used again if both are unchanged; otherwise it is made anew.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lottery_tf.landscape.interpolation import LossPath
from lottery_tf.landscape.measurements.settings import MeasurementSettings
from lottery_tf.pruning.treatments import Ticket, Treatment, Weights
from lottery_tf.results.files import finite
from lottery_tf.results.paths import level_name, measurement_path
from lottery_tf.results.stored_result import StoredResult, panel_of
from lottery_tf.system.origin import origin
from lottery_tf.training.checkpoint import CHECKPOINT_SECONDS, checkpoint_in
from lottery_tf.training.training_result import IterationRange, TrainingResult

if TYPE_CHECKING:
    from lottery_tf.experiment import Experiment
    from lottery_tf.landscape.curvature import Curvature
    from lottery_tf.landscape.evaluator import Evaluator


@dataclasses.dataclass(frozen=True)
class TrainedLevels:
    """The trained levels of one treatment and seed.

    Attributes:
      treatment: the treatment.
      seed: the seed.
      levels: the metrics of the finished levels, the dense network first.
    """

    treatment: Treatment
    seed: int
    levels: Sequence[dict]

    @property
    def name(self) -> str:
        """The name of the treatment and seed, as it is printed."""
        return f"seed {self.seed} {self.treatment.name}"

    def title(self, number: int) -> str:
        """Returns the name of a level, as it is printed."""
        return f"{self.name} {level_name(number)}"

    def measurement_path(self, number: int, *parts: str) -> str:
        """Returns the path of a measurement of a level."""
        return measurement_path(self.seed, self.treatment.name, level_name(number), *parts)

    def available_levels(self, wanted: Sequence[int] | None, least: int = 0, short_of_last: int = 0) -> Iterator[int]:
        """Yields the finished levels among the wanted ones (None: all).

        Levels below `least` are left out, and so are the last `short_of_last` levels.
        """
        possible = range(least, len(self.levels) - short_of_last)
        yield from possible if wanted is None else (number for number in wanted if number in possible)

    def identity(self, number: int) -> dict:
        """Returns the metrics of a measurement that describe its level."""
        metrics = self.levels[number]
        chosen = {"seed": self.seed, **dataclasses.asdict(self.treatment)}
        return panel_of(metrics) | chosen | {"level": number, "kept_fraction": metrics["kept_fraction"]}


class Job(NamedTuple):
    """A measurement to find or measure."""

    name: str
    do: Callable[[], StoredResult]


class LandscapeMeasurer:
    """Finds or makes measurements of an experiment's levels.

    The experiment keeps the weights of all levels; levels without weights are trained again.
    """

    def __init__(
        self,
        experiment: Experiment,
        settings: MeasurementSettings | None = None,
        *,
        snapshot_seconds: float = CHECKPOINT_SECONDS,
        on_steps: Callable[[int], None] = lambda count: None,
    ):
        self.experiment = experiment
        self.settings = settings or MeasurementSettings()
        self.made = 0  # number of measurements that were made, not found
        self._snapshot_seconds = snapshot_seconds
        self._on_steps = on_steps
        self._dense_errors: dict[int, float] = {}

    def level(self, trained: TrainedLevels, number: int) -> StoredResult:
        """Returns a level with its weights."""
        if number == 0:
            return self.experiment.dense(trained.seed, weights=True)
        return self.experiment.level(trained.treatment, trained.seed, number)

    def starting_weights(self, trained: TrainedLevels, number: int) -> Weights:
        """Returns every weight at the start of training under a level's mask; for level 0 those of the rewind point."""
        if number == 0 and trained.treatment.rewind_to:
            return self.experiment.rewind_point(trained.seed, trained.treatment.rewind_to).final
        return self.level(trained, number).start

    @functools.cached_property
    def evaluate(self) -> Evaluator:
        """The function from weights to their loss and error."""
        from lottery_tf.landscape.evaluator import Evaluator

        settings = self.settings
        return Evaluator(self.experiment.trainer, settings.split, batch_norm_images=settings.batch_norm_images)

    @functools.cached_property
    def curvature(self) -> Curvature:
        """The loss of some training images, with its gradient and Hessian."""
        from lottery_tf.landscape.curvature import Curvature, some_images

        images = some_images(self.experiment.trainer.dataset.train, self.settings.images)
        objective = self.experiment.trainer.objective_settings
        return Curvature(
            self.experiment.model,
            images,
            from_logits=objective.from_logits,
            loss=objective.loss,
            loss_weights=objective.loss_weights,
        )

    def dense_error(self, seed: int) -> float:
        """Returns the error of a seed's dense network at the end of training."""
        if seed not in self._dense_errors:
            self._dense_errors[seed] = self.evaluate(self.experiment.dense(seed, weights=True).final).error
        return self._dense_errors[seed]

    def allowed_error(self, seed: int) -> float:
        """Returns the highest error that still matches the dense network."""
        return self.dense_error(seed) + self.settings.tolerance

    def train(
        self, trained: TrainedLevels, number: int, ticket: Ticket, result_path: str, part: str = ""
    ) -> TrainingResult:
        """Trains a ticket like a level; checkpoints are stored with the measurement.

        `result_path` is the measurement's path; `part` names the training if the measurement needs several.
        """
        partial = self.experiment.results.partial(result_path)
        checkpoint = checkpoint_in(partial, self._snapshot_seconds, part)
        iteration_range = IterationRange(trained.treatment.rewind_to)
        return self.experiment.trainer.train(
            ticket,
            trained.seed,
            number,
            iteration_range=iteration_range,
            checkpoint=checkpoint,
            on_steps=self._on_steps,
        )

    def measure_level(
        self,
        trained: TrainedLevels,
        number: int,
        parts: Sequence[str],
        measure: Callable[[StoredResult], dict],
        *,
        parents: Sequence[int],
        settings: Sequence[str] = (),
        about: dict | None = None,
    ) -> StoredResult:
        """Finds or makes a measurement of one level.

        The first of its `parts` is its kind. `measure` returns the numbers of the level by name. `parents` are the
        numbers of all levels that it is made from, `settings` the names of the settings that it depends on, and
        `about` distinguishes it from others of its kind.
        """
        return self.find_or_measure(
            trained.measurement_path(number, *parts),
            parts[0],
            trained.identity(number) | (about or {}),
            [trained.levels[parent] for parent in parents],
            settings,
            lambda: measure(self.level(trained, number)),
        )

    def find_or_measure(
        self,
        result_path: str,
        kind: str,
        identity: dict,
        parents: Sequence[Mapping],
        settings: Sequence[str],
        measure: Callable[[], dict],
    ) -> StoredResult:
        """Finds or makes a measurement.

        The arguments are as in `measure_level`, but `parents` are the metrics of levels, and `measure` takes none.
        """
        parent, results = "+".join(metrics["fingerprint"] for metrics in parents), self.experiment.results
        own_settings = {name: getattr(self.settings, name) for name in settings}
        with results.lock(result_path):
            found = results.read(result_path, weights=False)
            if found and (found.metrics["parent"], found.metrics.get("settings")) == (parent, own_settings):
                return found
            began = time.monotonic()
            metrics = {"kind": kind, **identity, **measure(), "parent": parent, "settings": own_settings}
            seconds = round(time.monotonic() - began, 3)
            result = StoredResult({}, metrics | {"seconds": seconds, **origin()})
            results.write(result_path, result)
        self.made += 1
        return result


def path_rows(path: LossPath, **more: str) -> list[dict]:
    """Returns the points of a path as rows to store."""
    points = zip(path.positions, path.losses, path.errors, strict=True)
    return [{**more, "position": float(at), "loss": finite(loss), "error": finite(error)} for at, loss, error in points]


def barriers(path: LossPath, end: str = "") -> dict[str, float | None]:
    """Returns a path's barriers as numbers to store; their names end in `end`."""
    return {f"error_barrier{end}": finite(path.error_barrier), f"loss_barrier{end}": finite(path.loss_barrier)}
