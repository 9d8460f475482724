"""Units of work: the trainings and evaluations that a study is made of, as data. Imports no TensorFlow.

Each unit has a key, the place of its result below the results folder: two studies that want the same training name the
same key, and it is done once.
"""

from __future__ import annotations

import dataclasses
import functools

from lottery_tf.models.settings import RunSettings, TrainingSettings
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results import paths
from lottery_tf.results.paths import (
    DENSE,
    control_path,
    level_path,
    rewind_point_path,
    supermask_path,
    treatment_path,
)
from lottery_tf.supermasks import mask_settings
from lottery_tf.supermasks.heuristics import UNTRAINED, MaskSource
from lottery_tf.supermasks.mask_settings import MaskSettings


class Task:
    """One unit.

    Attributes:
      network, dataset: what it is done on.
      seed: the seed.
      folder: its run's folder, relative to the results folder.
      place: where its result lies in the run's folder.
      chain: what it shares with the units that it follows on or that follow on it, fit for the name of a log.
      iterations: training steps.
      kind: "training", "learned mask" or "supermasks": what has a speed of its own.
      amount: how much of that it is: images that are trained on, one step after the other, or networks that are
        evaluated on validation and test images.
      common: what all results in its folder have in common, but for the data.
      besides: places of further results that come before its own.
      made_from: the unit whose result it starts from; None where it starts from nothing.
      rewinds_to: the rewind point that it goes back to, if it has one.
      follows: a unit that it comes after for order's sake.
    """

    network: str
    dataset: str
    seed: int
    folder: str
    result_path: str
    common: dict
    iterations: int = 0
    kind: str
    amount: int
    besides: tuple[str, ...] = ()
    made_from: Task | None = None
    rewinds_to: Task | None = None
    follows: Task | None = None

    @functools.cached_property
    def prerequisites(self) -> tuple[str, ...]:
        """Keys of the units that have to be finished first."""
        return tuple(dict.fromkeys(unit.key for unit in (self.made_from, self.rewinds_to, self.follows) if unit))

    @property
    def chain(self) -> str:
        return self.result_path

    @functools.cached_property
    def key(self) -> str:
        """Where its result lies, relative to the results folder."""
        return f"{self.folder}/{self.result_path}"

    @property
    def keys(self) -> tuple[str, ...]:
        """Where all its results lie, its own last: it is the sign that all are there."""
        return (*(f"{self.folder}/{result_path}" for result_path in self.further_paths), self.key)


class _RunTask(Task):
    """A unit that belongs to a run of `settings`."""

    settings: RunSettings

    @property
    def network(self) -> str:
        return self.settings.network

    @property
    def dataset(self) -> str:
        return self.settings.dataset

    @property
    def folder(self) -> str:
        return self.settings.folder

    @property
    def common(self) -> dict:
        return dataclasses.asdict(self.settings)


class _TrainingTask(_RunTask):
    """A training of a run."""

    kind = "training"

    @property
    def iterations(self) -> int:
        return self.settings.training.iterations

    @property
    def amount(self) -> int:
        return self.iterations * self.settings.training.batch_size


@dataclasses.dataclass(frozen=True)
class LevelTask(_TrainingTask):
    """Training one level of a treatment, or (level 0, no treatment) the dense network of a seed.

    >>> from lottery_tf.models.settings import run_settings
    >>> second = LevelTask(run_settings("fc", "mnist"), 0, 2, Treatment("movement"))
    >>> second.prerequisites
    ('fc-mnist/paper/seed-0/movement-rewind-zero/level-01',)
    """

    settings: RunSettings
    seed: int
    level: int = 0
    treatment: Treatment | None = None

    @property
    def iterations(self) -> int:
        return self.settings.training.iterations - (self.treatment.rewind_to if self.treatment else 0)

    @functools.cached_property
    def result_path(self) -> str:
        return level_path(self.seed, self.treatment.name if self.treatment else DENSE, self.level)

    @property
    def log_name(self) -> str:
        return treatment_path(self.seed, self.treatment.name if self.treatment else DENSE)

    def sibling(self, level: int) -> LevelTask:
        """Another level of the treatment; 0 is the dense network."""
        return LevelTask(self.settings, self.seed, level, self.treatment if level else None)

    @property
    def made_from(self) -> LevelTask | None:
        return self.sibling(self.treatment.parent(self.level)) if self.level else None

    @property
    def rewinds_to(self) -> RewindPointTask | None:
        return _rewind_point(self)

    @property
    def follows(self) -> LevelTask | None:
        """The level before, even if it is made from another one: the levels of a treatment share a page in TensorBoard."""
        return self.sibling(self.level - 1) if self.level else None


@dataclasses.dataclass(frozen=True)
class RewindPointTask(_TrainingTask):
    """Training a seed's dense network up to a rewind point."""

    settings: RunSettings
    seed: int
    iteration: int

    @property
    def iterations(self) -> int:
        return self.iteration

    @property
    def result_path(self) -> str:
        return rewind_point_path(self.seed, self.iteration)


@dataclasses.dataclass(frozen=True)
class ControlTask(_TrainingTask):
    """Training a control of a treatment's level."""

    settings: RunSettings
    seed: int
    level: int
    treatment: Treatment
    control: str
    draw: int

    @property
    def result_path(self) -> str:
        return control_path(self.seed, self.treatment.name, self.level, self.control, self.draw)

    @property
    def log_name(self) -> str:
        return treatment_path(self.seed, f"{self.treatment.name}-{self.control}-{self.draw}")

    @property
    def made_from(self) -> LevelTask:
        """The level that it is a control of."""
        return LevelTask(self.settings, self.seed, self.level, self.treatment if self.level else None)

    @property
    def rewinds_to(self) -> RewindPointTask | None:
        return _rewind_point(self)


def _rewind_point(task: LevelTask | ControlTask) -> RewindPointTask | None:
    if task.treatment is None or not task.treatment.rewind_to:
        return None
    return RewindPointTask(task.settings, task.seed, task.treatment.rewind_to)


@dataclasses.dataclass(frozen=True)
class SupermasksTask(_RunTask):
    """Evaluating the heuristic supermasks of a seed's ladder, one that needs the dense network alone."""

    settings: RunSettings
    seed: int
    mask_source: MaskSource
    levels: int

    kind = "supermasks"

    @property
    def amount(self) -> int:
        masks = 1 if self.mask_source.source == UNTRAINED.source else self.levels
        return masks * len(SUPERMASK_WEIGHTS)

    @functools.cached_property
    def result_path(self) -> str:
        return supermask_path(self.seed, self.mask_source.name)

    @property
    def besides(self) -> tuple[str, ...]:
        return tuple(supermask_path(self.seed, self.mask_source.name, best) for best in SUPERMASK_WEIGHTS)

    @property
    def made_from(self) -> LevelTask:
        return LevelTask(self.settings, self.seed)


@dataclasses.dataclass(frozen=True)
class LearnedMaskTask(Task):
    """Learning one Supermask of a seed."""

    network: str
    dataset: str
    mask: MaskSettings
    training: TrainingSettings
    seed: int

    kind = "learned mask"

    @property
    def folder(self) -> str:
        return paths.learned_masks_folder(self.network, self.dataset)

    @property
    def common(self) -> dict:
        return mask_settings.common_settings(self.network, self.dataset, self.training)

    @property
    def iterations(self) -> int:
        return self.training.iterations

    @property
    def amount(self) -> int:
        return self.iterations * self.training.batch_size

    @functools.cached_property
    def result_path(self) -> str:
        return paths.learned_mask_path(self.mask.name, self.training, self.seed)
