"""From a request to a plan: which tasks it needs, in which order, wanted by which study."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from lottery_tf.errors import InputError
from lottery_tf.models.settings import DATASETS, RunSettings, TrainingSettings, run_settings, scheduled_iterations
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.registry import choose
from lottery_tf.studies import paper
from lottery_tf.studies.named_studies import COLLECTIONS, CONTROL_DRAWS, STUDIES
from lottery_tf.studies.tasks import ControlTask, LearnedMaskTask, LevelTask, RewindPointTask, SupermasksTask, Task
from lottery_tf.supermasks.mask_settings import MASK_PRESETS

if TYPE_CHECKING:
    from lottery_tf.studies.named_studies import Study


@dataclasses.dataclass(frozen=True)
class Request:
    """What a user asks for; None stands for what each study brings itself.

    Attributes:
      studies: names in `STUDIES` or `COLLECTIONS`.
      networks: names in `NETWORKS`.
      seeds: seeds, such as 0,1,2 or 0-2.
      levels: rounds of pruning.
      dataset: a name in `DATASETS`, for all networks.
      schedule: length of each training: a name in `SCHEDULES` (shares of the paper's iterations) or a number of iterations.
      eval_interval: iterations between two readings of the validation loss.
      learning_rate: the optimizer's learning rate, for all networks; not of masks that are learned.
      warmup_iterations: over how many iterations the learning rate rises from 0; not of masks that are learned.
      mask_iterations: how long masks are learned, for all networks; see `mask_training`.
      mask_preset: how masks are learned: a name in `MASK_PRESETS`.
      criterion: further mask criteria, each with rewinding and zeros, for every study that trains treatments.
      changes: whatever else `run_settings` is to change, by its names.
    """

    studies: tuple[str, ...]
    networks: tuple[str, ...] | None = None
    seeds: tuple[int, ...] | None = None
    levels: int | None = None
    dataset: str | None = None
    schedule: str | None = None
    eval_interval: int = 100
    learning_rate: float | None = None
    warmup_iterations: int | None = None
    mask_iterations: int | None = None
    mask_preset: str = "paper"
    criterion: tuple[str, ...] = ()
    changes: Mapping[str, object] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        _check_list("studies", self.studies)
        for name in self.studies:
            choose(STUDIES | COLLECTIONS, name, "study")
        if self.networks is not None:
            _check_list("networks", self.networks)
            for name in self.networks:
                choose(NETWORKS, name, "network")
        if self.seeds is not None:
            _check_list("seeds", self.seeds)
        if self.levels is not None and self.levels < 1:
            raise InputError(f"levels is {self.levels}; it must be at least 1.")
        if self.dataset is not None:
            choose(DATASETS, self.dataset, "data set")
        choose(MASK_PRESETS, self.mask_preset, "preset of mask training")
        if self.learning_rate is not None and not 0 < self.learning_rate < math.inf:
            raise InputError(f"learning_rate is {self.learning_rate}; it must be a finite number above 0.")

    @property
    def record(self) -> dict:
        """The request as JSON values; what came later is not there where it is not asked for."""
        later = {
            "criterion": self.criterion, "changes": dict(self.changes), "mask_preset": self.mask_preset != "paper"
        }  # fmt: skip
        return {name: value for name, value in dataclasses.asdict(self).items() if later.get(name, True)}

    @property
    def parts(self) -> tuple[str, ...]:
        """The single studies, collections taken apart."""
        return tuple(dict.fromkeys(part for name in self.studies for part in COLLECTIONS.get(name, (name,))))


def _check_list(name: str, values: tuple) -> None:
    if not values:
        raise InputError(f"{name} is empty.")
    if twice := [value for value in values if values.count(value) > 1]:
        raise InputError(f"{name} gives {twice[0]} more than once.")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What has to be there when a study is finished.

    Attributes:
      works: every unit by its key; each comes after those that it needs.
      wanted: for each key the studies that want it.
    """

    tasks: Mapping[str, Task]
    wanted: Mapping[str, frozenset[str]]

    def keys_for(self, study: str) -> list[str]:
        """The keys that a study wants."""
        return [key for key, studies in self.wanted.items() if study in studies]

    @property
    def shared(self) -> list[str]:
        """The keys that more than one study wants."""
        return [key for key, studies in self.wanted.items() if len(studies) > 1]


def plan(request: Request) -> Plan:
    """Everything that a request needs; what two studies share is there once.

    Raises:
      InputError: values that cannot be.

    >>> both = plan(Request(("figure3", "figure4"), networks=("fc",), seeds=(0,)))
    >>> len(both.works), len(both.shared)
    (361, 49)
    """
    tasks: dict[str, Task] = {}
    wanted: dict[str, set[str]] = {}
    for name in request.parts:
        for task in _units(STUDIES[name], request):
            tasks.setdefault(task.key, task)
            wanted.setdefault(task.key, set()).add(name)
    return Plan(tasks, {key: frozenset(studies) for key, studies in wanted.items()})


def treatments_left_out(request: Request) -> list[str]:
    """The treatments that are left out, for their rewind points are not within the trainings, each with its network.

    >>> treatments_left_out(Request(("unmasking",), ("fc",), schedule="1500"))
    ['large_final-rewind-zero-rewind2000 of fc', 'random-rewind-zero-rewind2000 of fc']
    """
    return [
        f"{treatment.name} of {settings.network}"
        for study in map(STUDIES.get, request.parts)
        for settings in _settings(study, request)
        for treatment in _treatments(study, request)
        if not _passes_rewind_point(treatment, settings)
    ]


def _treatments(study: Study, request: Request) -> tuple[Treatment, ...]:
    """The treatments of a study with the further criteria that are asked for."""
    further = map(Treatment, request.criterion) if study.treatments else ()
    return tuple(dict.fromkeys((*study.treatments, *further)))


def _passes_rewind_point(treatment: Treatment, settings: RunSettings) -> bool:
    return treatment.rewind_to < settings.training.iterations


def _settings(study: Study, request: Request) -> Iterator[RunSettings]:
    """The settings of each network of a study."""
    for network in request.networks or study.networks:
        yield run_settings(
            network,
            request.dataset or study.dataset or _meant_for(network),
            request.schedule,
            eval_interval=request.eval_interval,
            learning_rate=request.learning_rate,
            warmup_iterations=request.warmup_iterations,
            **request.changes,
        )


def _units(study: Study, request: Request) -> Iterator[Task]:
    levels = request.levels or study.levels
    for settings in _settings(study, request):
        network, dataset = settings.network, settings.dataset
        for seed in study.seeds if request.seeds is None else request.seeds:
            yield LevelTask(settings, seed)
            for treatment in _treatments(study, request):
                if _passes_rewind_point(treatment, settings):
                    yield from levels_of(settings, seed, _scoped(treatment, network), levels)
            for control, draw in itertools.product(study.controls, range(1, CONTROL_DRAWS + 1)):
                for level in range(1, levels + 1):
                    yield ControlTask(settings, seed, level, _scoped(study.treatments[0], network), control, draw)
            for mask_source in study.mask_sources:
                yield SupermasksTask(settings, seed, mask_source, levels)
            for mask in study.masks:
                yield LearnedMaskTask(
                    network, dataset, mask, mask_training(settings, request.mask_iterations, request.mask_preset), seed
                )


def levels_of(settings: RunSettings, seed: int, treatment: Treatment, levels: int) -> Iterator[Task]:
    """The trainings of a treatment but the dense network's: its rewind point, and its levels up to the last wanted."""
    if treatment.rewind_to:
        yield RewindPointTask(settings, seed, treatment.rewind_to)
    for level in range(1, treatment.last_level(levels) + 1):
        yield LevelTask(settings, seed, level, treatment)


def _scoped(treatment: Treatment, network: str) -> Treatment:
    """The treatment, with weights ranked in each layer or all together as the network's settings have it."""
    return dataclasses.replace(treatment, scope=NETWORKS[network].scope)


def _meant_for(network: str) -> str:
    """The data set of Table S1 for a network."""
    return "mnist" if NETWORKS[network].image_shape[-1] == 1 else "cifar10"


def mask_training(settings: RunSettings, iterations: int | None = None, preset: str = "paper") -> TrainingSettings:
    """How a run's Supermasks are learned: as Section S3 prints, unless another preset is asked for.

    Args:
      settings: of the run.
      iterations: how long; None takes what Section S3 prints, of it the share that the run's schedule names. The
        published accuracies took far longer, see `NetworkSettings.mask_iterations`. A run whose schedule is a number
        learns its masks for that number.
      preset: a name in `MASK_PRESETS`.
    """
    table = NETWORKS[settings.network]
    chosen = {
        "iterations": scheduled_iterations(table.mask_iterations, settings.schedule)
        if iterations is None
        else iterations,
        "learning_rate": table.mask_learning_rate,
        "batch_size": paper.MASK_BATCH,
        "decay": "none",
        **dict.fromkeys(("learning_rate_drops", "warmup_iterations", "weight_decay", "augmentation")),
    }
    return dataclasses.replace(settings.training, **chosen | MASK_PRESETS[preset])
