"""Tasks: the trainings and evaluations of a study, as data. Importing this module does not import TensorFlow."""

from __future__ import annotations

import dataclasses
import functools

from lottery_tf.models.settings import ExperimentSettings, TrainingSettings
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
from lottery_tf.studies.base_task import Task as Task
from lottery_tf.supermasks import mask_settings
from lottery_tf.supermasks.mask_settings import MaskSettings
from lottery_tf.supermasks.mask_sources import UNTRAINED, MaskSource


@dataclasses.dataclass(frozen=True)
class _ExperimentTask(Task):
    """A task whose result depends on `ExperimentSettings`."""

    settings: ExperimentSettings
    seed: int

    @property
    def network(self) -> str:
        """The network of the settings."""
        return self.settings.network

    @property
    def dataset(self) -> str:
        """The data set of the settings."""
        return self.settings.dataset

    @property
    def folder(self) -> str:
        """The folder of the experiment with the settings."""
        return paths.experiment_folder(self.settings)

    @property
    def settings_on_disk(self) -> dict:
        """The settings as a dictionary."""
        return dataclasses.asdict(self.settings)


@dataclasses.dataclass(frozen=True)
class _TrainingTask(_ExperimentTask):
    """A task that trains a network with `settings.training`."""

    kind = "training"

    @property
    def iterations(self) -> int:
        """The length of a training."""
        return self.settings.training.iterations

    @property
    def amount(self) -> int:
        """The number of images in all training steps."""
        return self.iterations * self.settings.training.batch_size


@dataclasses.dataclass(frozen=True)
class RewindPointTask(_TrainingTask):
    """Trains the dense network of a seed up to a rewind point, for levels that rewind to it."""

    iteration: int

    @property
    def iterations(self) -> int:
        """The iteration of the rewind point."""
        return self.iteration

    @property
    def result_path(self) -> str:
        """The path of the rewind point."""
        return rewind_point_path(self.seed, self.iteration)


@dataclasses.dataclass(frozen=True)
class _TreatmentTask(_TrainingTask):
    """A training that belongs to a level of a treatment; the dense network has no treatment."""

    level: int
    treatment: Treatment | None

    @property
    def treatment_name(self) -> str:
        """The name of the treatment's folder, or that of the dense network."""
        return self.treatment.name if self.treatment else DENSE

    @property
    def rewinds_to(self) -> RewindPointTask | None:
        """The treatment's rewind point, unless it is the beginning of the training."""
        if self.treatment is None or not self.treatment.rewind_to:
            return None
        return RewindPointTask(self.settings, self.seed, self.treatment.rewind_to)


@dataclasses.dataclass(frozen=True)
class LevelTask(_TreatmentTask):
    """Trains one level of a treatment, after the level that it is made from; `Experiment.level` does it.

    Level 0 has no treatment: it is the dense network of a seed, from which all treatments of the seed start.

    >>> from lottery_tf.models.settings import experiment_settings
    >>> second = LevelTask(experiment_settings("fc", "mnist"), 0, 2, Treatment("movement"))
    >>> second.prerequisites
    ('fc-mnist/paper/seed-0/movement-rewind-zero/level-01',)
    """

    level: int = 0
    treatment: Treatment | None = None

    @property
    def iterations(self) -> int:
        """The length of a training from the rewind point."""
        return self.settings.training.iterations - (self.treatment.rewind_to if self.treatment else 0)

    @functools.cached_property
    def result_path(self) -> str:
        """The path of the level."""
        return level_path(self.seed, self.treatment_name, self.level)

    @property
    def log_name(self) -> str:
        """The path of the treatment."""
        return treatment_path(self.seed, self.treatment_name)

    def other_level(self, level: int) -> LevelTask:
        """Returns the task of another level of the treatment; level 0 is the dense network."""
        return LevelTask(self.settings, self.seed, level, self.treatment if level else None)

    @property
    def made_from(self) -> LevelTask | None:
        """The level before or, with one-shot pruning, the dense network."""
        return self.other_level(self.treatment.parent(self.level)) if self.level and self.treatment else None

    @property
    def follows(self) -> LevelTask | None:
        """The level before, parent or not, because all levels of a treatment share a TensorBoard page."""
        return self.other_level(self.level - 1) if self.level else None


@dataclasses.dataclass(frozen=True)
class ControlTask(_TreatmentTask):
    """Trains a control of a level, after the level itself; `Experiment.control` does it."""

    treatment: Treatment
    control: str
    draw: int

    @property
    def result_path(self) -> str:
        """The path of the control."""
        return control_path(self.seed, self.treatment_name, self.level, self.control, self.draw)

    @property
    def log_name(self) -> str:
        """The path of the treatment, with the kind and the number of the control."""
        return treatment_path(self.seed, f"{self.treatment_name}-{self.control}-{self.draw}")

    @property
    def made_from(self) -> LevelTask:
        """The task of the level that the control belongs to."""
        return LevelTask(self.settings, self.seed, self.level, self.treatment if self.level else None)


@dataclasses.dataclass(frozen=True)
class HeuristicMasksTask(_ExperimentTask):
    """Evaluates the masks of one source over untrained weights, after the dense network of the seed is trained.

    `HeuristicSupermasks.evaluate` does it. The source must not need other levels.
    """

    mask_source: MaskSource
    levels: int

    kind = "supermasks"

    @property
    def amount(self) -> int:
        """The number of networks to evaluate."""
        masks = 1 if self.mask_source.source == UNTRAINED.source else self.levels
        return masks * len(SUPERMASK_WEIGHTS)

    @functools.cached_property
    def result_path(self) -> str:
        """The path of all masks of the source."""
        return supermask_path(self.seed, self.mask_source.name)

    @property
    def further_paths(self) -> tuple[str, ...]:
        """The paths of the best Supermask for each kind of weights."""
        return tuple(supermask_path(self.seed, self.mask_source.name, best) for best in SUPERMASK_WEIGHTS)

    @property
    def made_from(self) -> LevelTask:
        """The dense network."""
        return LevelTask(self.settings, self.seed)


@dataclasses.dataclass(frozen=True)
class LearnedMaskTask(Task):
    """Learns one Supermask over untrained weights; `MaskLearner.learn` does it. It has no prerequisites."""

    network_name: str
    dataset_name: str
    mask: MaskSettings
    training: TrainingSettings
    seed: int

    kind = "learned mask"

    @property
    def network(self) -> str:
        """The name of its network."""
        return self.network_name

    @property
    def dataset(self) -> str:
        """The name of its data set."""
        return self.dataset_name

    @property
    def folder(self) -> str:
        """The folder of all learned masks of the network and data set."""
        return paths.learned_masks_folder(self.network, self.dataset)

    @property
    def settings_on_disk(self) -> dict:
        """The settings that all learned masks of the folder share."""
        return mask_settings.common_settings(self.network, self.dataset, self.training)

    @property
    def iterations(self) -> int:
        """The number of training steps of the mask."""
        return self.training.iterations

    @property
    def amount(self) -> int:
        """The number of images in all training steps."""
        return self.iterations * self.training.batch_size

    @functools.cached_property
    def result_path(self) -> str:
        """The path of the learned mask."""
        return paths.learned_mask_path(self.mask.name, self.training, self.seed)
