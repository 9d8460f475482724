"""Units of work: the trainings and evaluations that a study is made of, as data. Imports no TensorFlow.

Each unit has a key, the place of its result below the results folder: two studies that want the same training name the
same key, and it is done once.
"""

from __future__ import annotations

import dataclasses
import functools

from lottery_tf import mask_settings
from lottery_tf.controls import control_place
from lottery_tf.heuristics import UNTRAINED, Ladder, supermask_place
from lottery_tf.mask_settings import MaskSettings
from lottery_tf.settings import RunSettings, TrainingSettings
from lottery_tf.store import DENSE, level_place, rewind_place
from lottery_tf.ticket_format import SUPERMASK_WEIGHTS
from lottery_tf.treatments import Treatment


class Work:
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
    place: str
    common: dict
    iterations: int = 0
    kind: str
    amount: int
    besides: tuple[str, ...] = ()
    made_from: Work | None = None
    rewinds_to: Work | None = None
    follows: Work | None = None

    @functools.cached_property
    def prerequisites(self) -> tuple[str, ...]:
        """Keys of the units that have to be finished first."""
        return tuple(dict.fromkeys(unit.key for unit in (self.made_from, self.rewinds_to, self.follows) if unit))

    @property
    def chain(self) -> str:
        return self.place

    @functools.cached_property
    def key(self) -> str:
        """Where its result lies, relative to the results folder."""
        return f"{self.folder}/{self.place}"

    @property
    def keys(self) -> tuple[str, ...]:
        """Where all its results lie, its own last: it is the sign that all are there."""
        return (*(f"{self.folder}/{place}" for place in self.besides), self.key)


class _RunWork(Work):
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


class _TrainingWork(_RunWork):
    """A training of a run."""

    kind = "training"

    @property
    def iterations(self) -> int:
        return self.settings.training.iterations

    @property
    def amount(self) -> int:
        return self.iterations * self.settings.training.batch_size


@dataclasses.dataclass(frozen=True)
class LevelWork(_TrainingWork):
    """Training one level of a treatment, or (level 0, no treatment) the dense network of a seed.

    >>> from lottery_tf.settings import run_settings
    >>> second = LevelWork(run_settings("fc", "mnist"), 0, 2, Treatment("movement"))
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
    def place(self) -> str:
        return level_place(self.seed, self.treatment.name if self.treatment else DENSE, self.level)

    @property
    def chain(self) -> str:
        return f"seed-{self.seed}/{self.treatment.name if self.treatment else DENSE}"

    def sibling(self, level: int) -> LevelWork:
        """Another level of the treatment; 0 is the dense network."""
        return LevelWork(self.settings, self.seed, level, self.treatment if level else None)

    @property
    def made_from(self) -> LevelWork | None:
        return self.sibling(self.treatment.parent(self.level)) if self.level else None

    @property
    def rewinds_to(self) -> RewindWork | None:
        return _rewind_point(self)

    @property
    def follows(self) -> LevelWork | None:
        """The level before, even if it is made from another one: the levels of a treatment share a page in TensorBoard."""
        return self.sibling(self.level - 1) if self.level else None


@dataclasses.dataclass(frozen=True)
class RewindWork(_TrainingWork):
    """Training a seed's dense network up to a rewind point."""

    settings: RunSettings
    seed: int
    iteration: int

    @property
    def iterations(self) -> int:
        return self.iteration

    @property
    def place(self) -> str:
        return rewind_place(self.seed, self.iteration)


@dataclasses.dataclass(frozen=True)
class ControlWork(_TrainingWork):
    """Training a control of a treatment's level."""

    settings: RunSettings
    seed: int
    level: int
    treatment: Treatment
    control: str
    draw: int

    @property
    def place(self) -> str:
        return control_place(self.seed, self.treatment.name, self.level, self.control, self.draw)

    @property
    def chain(self) -> str:
        return f"seed-{self.seed}/{self.treatment.name}-{self.control}-{self.draw}"

    @property
    def made_from(self) -> LevelWork:
        """The level that it is a control of."""
        return LevelWork(self.settings, self.seed, self.level, self.treatment if self.level else None)

    @property
    def rewinds_to(self) -> RewindWork | None:
        return _rewind_point(self)


def _rewind_point(work: LevelWork | ControlWork) -> RewindWork | None:
    if work.treatment is None or not work.treatment.rewind_to:
        return None
    return RewindWork(work.settings, work.seed, work.treatment.rewind_to)


@dataclasses.dataclass(frozen=True)
class LadderWork(_RunWork):
    """Evaluating the heuristic supermasks of a seed's ladder, one that needs the dense network alone."""

    settings: RunSettings
    seed: int
    ladder: Ladder
    levels: int

    kind = "supermasks"

    @property
    def amount(self) -> int:
        masks = 1 if self.ladder.source == UNTRAINED.source else self.levels
        return masks * len(SUPERMASK_WEIGHTS)

    @functools.cached_property
    def place(self) -> str:
        return supermask_place(self.seed, self.ladder.name)

    @property
    def besides(self) -> tuple[str, ...]:
        return tuple(supermask_place(self.seed, self.ladder.name, best) for best in SUPERMASK_WEIGHTS)

    @property
    def made_from(self) -> LevelWork:
        return LevelWork(self.settings, self.seed)


@dataclasses.dataclass(frozen=True)
class MaskWork(Work):
    """Learning one Supermask of a seed."""

    network: str
    dataset: str
    mask: MaskSettings
    training: TrainingSettings
    seed: int

    kind = "learned mask"

    @property
    def folder(self) -> str:
        return mask_settings.folder(self.network, self.dataset)

    @property
    def common(self) -> dict:
        return mask_settings.common(self.network, self.dataset, self.training)

    @property
    def iterations(self) -> int:
        return self.training.iterations

    @property
    def amount(self) -> int:
        return self.iterations * self.training.batch_size

    @functools.cached_property
    def place(self) -> str:
        return mask_settings.place(self.mask, self.training, self.seed)
