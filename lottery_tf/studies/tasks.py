"""Tasks: the trainings and evaluations of a study, as data. Importing this module does not import TensorFlow."""

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
from lottery_tf.supermasks.mask_settings import MaskSettings
from lottery_tf.supermasks.mask_sources import UNTRAINED, MaskSource


class Task:
    """One training or evaluation, which is a node in the graph of a `planning.Plan`.

    The scheduler starts a task when its prerequisites are finished. A worker then does it and writes its result to the
    results folder. Two studies that need the same result have equal tasks, which are done once.

    Attributes:
      network, dataset: the names of its network and data set.
      seed: the seed.
      folder: the folder of its network, data set and schedule, relative to the results folder.
      result_path: the path of its result, relative to `folder`.
      further_paths: the paths of further results that it writes before its own.
      log_name: the name of its log; the levels of a treatment share one.
      iterations: the number of its training steps.
      kind: "training", "learned mask" or "supermasks"; each kind has its own speed.
      amount: the amount of work: the number of images in all training steps, or of networks to evaluate.
      settings_on_disk: the settings that all results in its folder share, except for the data.
      made_from: the task whose result it starts from, if any.
      rewinds_to: the task of its rewind point, if any.
      follows: a task that must be done before it although it does not use the result.
    """

    network: str
    dataset: str
    seed: int
    folder: str
    result_path: str
    further_paths: tuple[str, ...] = ()
    settings_on_disk: dict
    iterations: int = 0
    kind: str
    amount: int
    made_from: Task | None = None
    rewinds_to: Task | None = None
    follows: Task | None = None

    @functools.cached_property
    def prerequisites(self) -> tuple[str, ...]:
        """The keys of the tasks that must be finished first."""
        return tuple(dict.fromkeys(task.key for task in (self.made_from, self.rewinds_to, self.follows) if task))

    @property
    def log_name(self) -> str:
        return self.result_path

    @functools.cached_property
    def key(self) -> str:
        """The path of its result, relative to the results folder."""
        return f"{self.folder}/{self.result_path}"

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all its results. Its own result is written last, so it marks them as complete."""
        return (*(f"{self.folder}/{path}" for path in self.further_paths), self.key)


class _RunTask(Task):
    """A task whose result depends on `RunSettings`."""

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
    def settings_on_disk(self) -> dict:
        return dataclasses.asdict(self.settings)


class _TrainingTask(_RunTask):
    """A task that trains a network with `settings.training`."""

    kind = "training"
    treatment: Treatment | None

    @property
    def iterations(self) -> int:
        return self.settings.training.iterations

    @property
    def amount(self) -> int:
        return self.iterations * self.settings.training.batch_size

    @property
    def rewinds_to(self) -> RewindPointTask | None:
        if self.treatment is None or not self.treatment.rewind_to:
            return None
        return RewindPointTask(self.settings, self.seed, self.treatment.rewind_to)


@dataclasses.dataclass(frozen=True)
class LevelTask(_TrainingTask):
    """Trains one level of a treatment, after the level that it is made from; `Experiment.level` does it.

    Level 0 has no treatment: it is the dense network of a seed, from which all treatments of the seed start.

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

    def other_level(self, level: int) -> LevelTask:
        """Returns the task of another level of the treatment; level 0 is the dense network."""
        return LevelTask(self.settings, self.seed, level, self.treatment if level else None)

    @property
    def made_from(self) -> LevelTask | None:
        return self.other_level(self.treatment.parent(self.level)) if self.level and self.treatment else None

    @property
    def follows(self) -> LevelTask | None:
        """The level before, parent or not, because all levels of a treatment share a TensorBoard page."""
        return self.other_level(self.level - 1) if self.level else None


@dataclasses.dataclass(frozen=True)
class RewindPointTask(_TrainingTask):
    """Trains the dense network of a seed up to a rewind point, for levels that rewind to it."""

    settings: RunSettings
    seed: int
    iteration: int

    treatment = None

    @property
    def iterations(self) -> int:
        return self.iteration

    @property
    def result_path(self) -> str:
        return rewind_point_path(self.seed, self.iteration)


@dataclasses.dataclass(frozen=True)
class ControlTask(_TrainingTask):
    """Trains a control of a level, after the level itself; `Experiment.control` does it."""

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
        """The task of the level that the control belongs to."""
        return LevelTask(self.settings, self.seed, self.level, self.treatment if self.level else None)


@dataclasses.dataclass(frozen=True)
class HeuristicMasksTask(_RunTask):
    """Evaluates the masks of one source over untrained weights, after the dense network of the seed is trained.

    `HeuristicSupermasks.evaluate` does it. The source must not need other levels.
    """

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
    def further_paths(self) -> tuple[str, ...]:
        return tuple(supermask_path(self.seed, self.mask_source.name, best) for best in SUPERMASK_WEIGHTS)

    @property
    def made_from(self) -> LevelTask:
        return LevelTask(self.settings, self.seed)


@dataclasses.dataclass(frozen=True)
class LearnedMaskTask(Task):
    """Learns one Supermask over untrained weights; `MaskLearner.learn` does it. It has no prerequisites."""

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
    def settings_on_disk(self) -> dict:
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
