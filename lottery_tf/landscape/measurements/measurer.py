"""What every measurement stands on: the levels of a run, an evaluator, the curvature, and a place to store results.

A measurement is a `StoredResult` with an empty mask whose metrics hold the numbers, curves as "rows". Its "parent" names the
fingerprints of all levels that it was made from and its "settings" what else it depends on: it is found again as long as
both are the same, and made anew otherwise.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from lottery_tf.errors import InputError
from lottery_tf.landscape.interpolation import MATCHING, POINTS, Path
from lottery_tf.origin import origin
from lottery_tf.pruning.treatments import Ticket, Treatment, Weights
from lottery_tf.results.files import finite
from lottery_tf.results.paths import measurement_path
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.training.checkpoint import Checkpoint

if TYPE_CHECKING:
    from lottery_tf.experiment import Experiment
    from lottery_tf.landscape.curvature import Curvature
    from lottery_tf.landscape.evaluator import Evaluator
    from lottery_tf.training.training_result import TrainingResult


LABELS = ("network", "dataset", "schedule", "precision")


@dataclasses.dataclass(frozen=True)
class MeasurementSettings:
    """How the landscape is measured.

    Attributes:
      split: the images that errors and losses are read on: "train", "validation" or "test".
      points: evaluations on each line, both ends among them.
      batch_norm_images: how many training images batch-norm statistics are recomputed from at each point; 0: none, and
        those of the ends are averaged.
      tolerance: how much more error than the dense network's still matches, in [0, 1].
      images: training images that the Hessian is of; a product's time grows as they do.
      eigenvalues: how many of the Hessian's greatest eigenvalues are found.
      probes: random vectors for the trace and the spectral density.
      lanczos_steps: products with the Hessian for each probe of the density.
      multiples: lengths of perturbations, in lengths of the mask's projection; a training for each.
      directions: how many random directions a rewind point is perturbed in.
      copies: how many further trainings from one start, each in another order, instability analysis compares.
      precision: how exactly the largest fraction that can be pruned is predicted, and found without retraining.
      retrained_precision: how exactly it is found with retraining, which takes log2(1 / precision) trainings for each
        criterion and level; None: it is not searched for.
      bins: bins of the histograms of magnitudes.

    Raises:
      InputError: a value that cannot be.
    """

    split: str = "test"
    points: int = POINTS
    batch_norm_images: int = 5000
    tolerance: float = MATCHING
    images: int = 1000
    eigenvalues: int = 10
    probes: int = 5
    lanczos_steps: int = 20
    multiples: tuple[float, ...] = (1.0, 2.0)
    directions: int = 1
    copies: int = 1
    precision: float = 0.01
    retrained_precision: float | None = None
    bins: int = 50

    def __post_init__(self):
        least = {"points": 2, "batch_norm_images": 0} | dict.fromkeys(
            ("images", "eigenvalues", "probes", "lanczos_steps", "directions", "copies", "bins"), 1
        )
        for name, value in least.items():
            if getattr(self, name) < value:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least {value}.")
        for name in ("precision", "retrained_precision"):
            if (value := getattr(self, name)) is not None and not 0 < value < 1:
                raise InputError(f"{name} is {value}; it must lie between 0 and 1, both excluded.")
        if not 0 <= self.tolerance < 1:
            raise InputError(f"tolerance is {self.tolerance}; it is a share of the images, at least 0 and below 1.")
        if not self.multiples or not all(0 < multiple < math.inf for multiple in self.multiples):
            raise InputError(f"multiples are {self.multiples}; they want at least one finite number above 0.")
        if len(set(self.multiples)) < len(self.multiples):
            raise InputError(f"multiples are {self.multiples}; each may be there once.")

    def subset(self, *names: str) -> dict:
        """Some of the settings by name, as a measurement stores what it depends on."""
        return {name: getattr(self, name) for name in names}


EVALUATION_SETTINGS = ("split", "batch_norm_images")  # the settings that every error depends on


@dataclasses.dataclass(frozen=True)
class TrainedLevels:
    """One treatment of one seed, trained.

    Attributes:
      treatment: the treatment.
      seed: the seed.
      levels: the metrics of its finished levels, the dense network first.
    """

    treatment: Treatment
    seed: int
    levels: Sequence[dict]

    @property
    def name(self) -> str:
        """What to call it in a line of text."""
        return f"seed {self.seed} {self.treatment.name}"

    def measurement_path(self, *parts: str) -> str:
        """Where a measurement lies within the results: in the treatment's folder, its name joined from parts."""
        return measurement_path(self.seed, self.treatment.name, *parts)

    def available_levels(self, wanted: Sequence[int] | None, least: int = 0, short_of_last: int = 0) -> Iterator[int]:
        """Those of the wanted levels (None: of all) that are there, from `least` to so many short of the last one."""
        there = range(least, len(self.levels) - short_of_last)
        yield from there if wanted is None else (number for number in wanted if number in there)


class Job(NamedTuple):
    """A measurement that is to be found or made."""

    name: str
    do: Callable[[], StoredResult]


class LandscapeMeasurer:
    """Finds or makes measurements of an experiment's levels.

    Args:
      experiment: one that keeps the weights of all levels: those that are missing are trained again and stay. Its
        model's outputs are logits.
      settings: how the landscape is measured.
      snapshot_seconds: the least time between two checkpoints of a training that a measurement takes.
      on_steps: called with the number of training steps just done for a measurement itself.
    """

    def __init__(
        self,
        experiment: Experiment,
        settings: MeasurementSettings | None = None,
        *,
        snapshot_seconds: float = 30,
        on_steps: Callable[[int], None] = lambda count: None,
    ):
        self.experiment = experiment
        self.settings = settings or MeasurementSettings()
        self.made = 0  # measurements made, not found
        self._snapshot_seconds = snapshot_seconds
        self._on_steps = on_steps
        self._dense_errors: dict[int, float] = {}

    def level(self, run: TrainedLevels, number: int) -> StoredResult:
        """A level with its weights."""
        if number == 0:
            return self.experiment.dense(run.seed, weights=True)
        return self.experiment.level(run.treatment, run.seed, number)

    def starting_weights(self, run: TrainedLevels, number: int) -> Weights:
        """Every weight where training under a level's mask begins; of the dense network the treatment's rewind point."""
        if number == 0 and run.treatment.rewind_to:
            return self.experiment.rewind_point(run.seed, run.treatment.rewind_to).final
        return self.level(run, number).start

    @functools.cached_property
    def evaluate(self) -> Evaluator:
        """Gives the loss and error of a state."""
        from lottery_tf.landscape.evaluator import Evaluator

        own = self.settings
        return Evaluator(self.experiment.trainer, own.split, batch_norm_images=own.batch_norm_images)

    @functools.cached_property
    def curvature(self) -> Curvature:
        """The loss of some training images with its Hessian."""
        from lottery_tf.landscape.curvature import Curvature, some_images

        images = some_images(self.experiment.trainer.dataset.train, self.settings.images)
        return Curvature(self.experiment.model, images)

    def dense_error(self, seed: int) -> float:
        """The error of a seed's dense network at the end of its training."""
        if seed not in self._dense_errors:
            self._dense_errors[seed] = self.evaluate(self.experiment.dense(seed, weights=True).final).error
        return self._dense_errors[seed]

    def train(
        self, run: TrainedLevels, number: int, ticket: Ticket, result_path: str, part: str = ""
    ) -> TrainingResult:
        """Trains a ticket as the level of that number is trained; a checkpoint lies at the measurement's place.

        Args:
          run: the treatment of a seed.
          number: the level.
          ticket: what is trained.
          place: the measurement's place.
          part: which of its trainings, where it takes several one after another.
        """
        from lottery_tf.training.training_result import IterationRange

        partial = self.experiment.results.partial(result_path)
        checkpoint = None if partial is None else Checkpoint(partial, self._snapshot_seconds, part)
        iteration_range = IterationRange(run.treatment.rewind_to)
        return self.experiment.trainer.train(
            ticket, run.seed, number, iteration_range=iteration_range, checkpoint=checkpoint, on_steps=self._on_steps
        )

    def find_or_measure(
        self,
        result_path: str,
        kind: str,
        identity: dict,
        parents: Sequence[Mapping],
        settings: dict,
        make: Callable[[], dict],
    ) -> StoredResult:
        """A measurement, found or made.

        Args:
          place: where it lies within the results.
          kind: what the metrics call "kind".
          identity: what tells it from others of its kind.
          parents: the metrics of all levels that it is made from.
          settings: what else it depends on, JSON values only.
          make: measures; returns the numbers by name.
        """
        parent, results = "+".join(metrics["fingerprint"] for metrics in parents), self.experiment.results
        with results.lock(result_path):
            found = results.read(result_path, weights=False)
            if found and (found.metrics["parent"], found.metrics["settings"]) == (parent, settings):
                return found
            began = time.monotonic()
            numbers = {"kind": kind, **identity, **make(), "parent": parent, "settings": settings}
            seconds = round(time.monotonic() - began, 3)
            result = StoredResult({}, numbers | {"seconds": seconds, **origin()})
            results.write(result_path, result)
        self.made += 1
        return result


def level_identity(run: TrainedLevels, number: int) -> dict:
    """What a measurement of a level says of it."""
    metrics = run.levels[number]
    labels = {name: metrics[name] for name in LABELS if name in metrics}
    chosen = {"seed": run.seed, **dataclasses.asdict(run.treatment)}
    return labels | chosen | {"level": number, "kept_fraction": metrics["kept_fraction"]}


def path_rows(path: Path, **more: str) -> list[dict]:
    """The points of a path as rows to store."""
    points = zip(path.positions, path.losses, path.errors, strict=True)
    return [{**more, "position": float(at), "loss": finite(loss), "error": finite(error)} for at, loss, error in points]


def barriers(path: Path, end: str = "") -> dict[str, float | None]:
    """A path's barriers as numbers to store, with `end` behind their names."""
    return {
        f"error_barrier{end}": finite(path.error_barrier),
        f"loss_barrier{end}": finite(path.loss_barrier),
    }
