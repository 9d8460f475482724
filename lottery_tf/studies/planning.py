"""Turns a request into a plan: the tasks that it needs, each after its prerequisites. It does not import TensorFlow."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

from lottery_tf.argument_checks.annotation_checks import check_fields
from lottery_tf.argument_checks.validation import COUNT, INDEX, POSITIVE, at_most
from lottery_tf.errors import InputError
from lottery_tf.models.settings import (
    DATASETS,
    ExperimentSettings,
    TrainingSettings,
    experiment_settings,
    scheduled_iterations,
)
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.registry import choose
from lottery_tf.studies import paper
from lottery_tf.studies.named_studies import COLLECTIONS, CONTROL_DRAWS, STUDIES
from lottery_tf.studies.tasks import ControlTask, HeuristicMasksTask, LearnedMaskTask, LevelTask, RewindPointTask, Task
from lottery_tf.supermasks.mask_settings import MASK_PRESETS, NOT_FOR_MASKS

if TYPE_CHECKING:
    from lottery_tf.studies.named_studies import Study

MOST_LEVELS = 10_000  # of a study: a plan has to fit into memory


@dataclasses.dataclass(frozen=True)
class Request:
    """The studies that a user asks for, with changes; None stands for the default of each study.

    Attributes:
      studies: names in `STUDIES` or `COLLECTIONS`.
      networks: the networks, names in `NETWORKS`.
      seeds: seeds, such as 0,1,2 or 0-2.
      levels: number of rounds of pruning.
      dataset: the data set for all networks, a name in `DATASETS`.
      schedule: length of each training: a name in `SCHEDULES` (fractions of the paper's iterations) or a number of
        iterations.
      eval_interval: iterations between two readings of the validation loss.
      learning_rate: learning rate of the optimizer for all networks; learned masks have their own.
      warmup_iterations: number of iterations in which the learning rate rises linearly from 0; learned masks have no
        warmup.
      mask_iterations: number of iterations for learning each mask, for all networks.
      mask_preset: settings for learning masks, a name in `MASK_PRESETS`.
      criterion: further mask criteria for every study that trains treatments, with the actions rewind and zero.
      changes: further arguments of `experiment_settings`.
    """

    studies: tuple[str, ...]
    networks: tuple[str, ...] | None = None
    seeds: tuple[Annotated[int, INDEX], ...] | None = None
    levels: Annotated[int, at_most(MOST_LEVELS)] | None = None
    dataset: str | None = None
    schedule: str | None = None
    eval_interval: Annotated[int, COUNT] = 100
    learning_rate: Annotated[float, POSITIVE] | None = None
    warmup_iterations: Annotated[int, INDEX] | None = None
    mask_iterations: Annotated[int, COUNT] | None = None
    mask_preset: str = "paper"
    criterion: tuple[str, ...] = ()
    changes: Mapping[str, object] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        check_fields(self)
        _check_list("studies", self.studies)
        for name in self.studies:
            choose(STUDIES | COLLECTIONS, name, "study")
        if self.networks is not None:
            _check_list("networks", self.networks)
            for name in self.networks:
                choose(NETWORKS, name, "network")
        if self.seeds is not None:
            _check_list("seeds", self.seeds)
        if self.dataset is not None:
            choose(DATASETS, self.dataset, "data set")
        choose(MASK_PRESETS, self.mask_preset, "preset of mask training")

    @property
    def record(self) -> dict:
        """The request as JSON values. Newer fields at their defaults are left out, so that its hash does not change."""
        later = {  # a newer field -> whether it is set
            "criterion": self.criterion, "changes": dict(self.changes), "mask_preset": self.mask_preset != "paper"
        }  # fmt: skip
        return {name: value for name, value in dataclasses.asdict(self).items() if later.get(name, True)}

    @property
    def parts(self) -> tuple[str, ...]:
        """The single studies, with collections replaced by their members."""
        return tuple(dict.fromkeys(part for name in self.studies for part in COLLECTIONS.get(name, (name,))))


def _check_list(name: str, values: tuple) -> None:
    if not values:
        raise InputError(f"{name} is empty; give at least one.")
    if repeated := [value for value in values if values.count(value) > 1]:
        raise InputError(f"{name} gives {repeated[0]} more than once.")


@dataclasses.dataclass(frozen=True)
class Plan:
    """The tasks that some studies need.

    Attributes:
      tasks: all tasks by their keys, each after its prerequisites.
      wanted: for each key the studies that need the task.
    """

    tasks: dict[str, Task]
    wanted: Mapping[str, frozenset[str]]

    def keys_for(self, study: str) -> list[str]:
        """Returns the keys of the tasks that a study needs."""
        return [key for key, studies in self.wanted.items() if study in studies]

    @property
    def shared(self) -> list[str]:
        """The keys of the tasks that more than one study needs."""
        return [key for key, studies in self.wanted.items() if len(studies) > 1]


def plan(request: Request) -> Plan:
    """Plans all tasks of a request; a task that studies share occurs once.

    Raises:
      InputError: a value is invalid.

    >>> both = plan(Request(("figure3", "figure4"), networks=("fc",), seeds=(0,)))
    >>> len(both.tasks), len(both.shared)
    (361, 49)
    """
    tasks: dict[str, Task] = {}
    wanted: dict[str, set[str]] = {}
    for name in request.parts:
        for task in _tasks(STUDIES[name], request):
            tasks.setdefault(task.key, task)
            wanted.setdefault(task.key, set()).add(name)
    return Plan(tasks, {key: frozenset(studies) for key, studies in wanted.items()})


def treatments_left_out(request: Request) -> list[str]:
    """Returns the treatments, with their networks, that are left out because training ends before the rewind point.

    >>> treatments_left_out(Request(("unmasking",), ("fc",), schedule="1500"))
    ['large_final-rewind-zero-rewind2000 of fc', 'random-rewind-zero-rewind2000 of fc']
    """
    return [
        f"{treatment.name} of {settings.network}"
        for name in request.parts
        for settings in _settings(STUDIES[name], request)
        for treatment in _treatments(STUDIES[name], request)
        if not _reaches_rewind_point(treatment, settings)
    ]


def _treatments(study: Study, request: Request) -> tuple[Treatment, ...]:
    """Returns the treatments of a study, and those of a request's further criteria."""
    further = map(Treatment, request.criterion) if study.treatments else ()
    return tuple(dict.fromkeys((*study.treatments, *further)))


def _reaches_rewind_point(treatment: Treatment, settings: ExperimentSettings) -> bool:
    return treatment.rewind_to < settings.training.iterations


def _settings(study: Study, request: Request) -> Iterator[ExperimentSettings]:
    """Yields the settings of each network of a study."""
    for network in request.networks or study.networks:
        yield experiment_settings(
            network,
            request.dataset or study.dataset or _paper_dataset(network),
            request.schedule or study.schedule,
            eval_interval=request.eval_interval,
            learning_rate=request.learning_rate,
            warmup_iterations=request.warmup_iterations,
            **request.changes,
        )


def _tasks(study: Study, request: Request) -> Iterator[Task]:
    """Yields the tasks of a study, each after its prerequisites."""
    levels = request.levels or study.levels
    for settings in _settings(study, request):
        network, dataset = settings.network, settings.dataset
        for seed in study.seeds if request.seeds is None else request.seeds:
            yield LevelTask(settings, seed)
            for treatment in _treatments(study, request):
                if _reaches_rewind_point(treatment, settings):
                    yield from treatment_tasks(settings, seed, _scoped(treatment, network), levels)
            for control, draw in itertools.product(study.controls, range(1, CONTROL_DRAWS + 1)):
                for level in range(1, levels + 1):
                    yield ControlTask(settings, seed, level, _scoped(study.treatments[0], network), control, draw)
            for mask_source in study.mask_sources:
                yield HeuristicMasksTask(settings, seed, mask_source, levels)
            for mask in study.masks:
                yield LearnedMaskTask(
                    network, dataset, mask, mask_training(settings, request.mask_iterations, request.mask_preset), seed
                )


def treatment_tasks(settings: ExperimentSettings, seed: int, treatment: Treatment, levels: int) -> Iterator[Task]:
    """Yields the trainings of a treatment except the dense network: its rewind point, and its levels up to `levels`."""
    if treatment.rewind_to:
        yield RewindPointTask(settings, seed, treatment.rewind_to)
    for level in range(1, treatment.last_level(levels) + 1):
        yield LevelTask(settings, seed, level, treatment)


def _scoped(treatment: Treatment, network: str) -> Treatment:
    """Returns the treatment with the network's scope of pruning."""
    return dataclasses.replace(treatment, scope=NETWORKS[network].scope)


def _paper_dataset(network: str) -> str:
    """Returns the data set of a network in Table S1."""
    return "mnist" if NETWORKS[network].image_shape[-1] == 1 else "cifar10"


def mask_training(
    settings: ExperimentSettings, iterations: int | None = None, preset: str = "paper"
) -> TrainingSettings:
    """Returns the settings for learning the Supermasks of an experiment, as in Section S3 or by a preset.

    Without a number of iterations, the experiment's schedule is applied to those of Section S3. The published
    accuracies needed far more: see `NetworkSettings.mask_iterations`.
    """
    table = NETWORKS[settings.network]
    chosen = {
        "iterations": scheduled_iterations(table.mask_iterations, settings.schedule)
        if iterations is None
        else iterations,
        "learning_rate": table.mask_learning_rate,
        "batch_size": paper.MASK_BATCH,
        "decay": "none",
        **dict.fromkeys(NOT_FOR_MASKS),
    }
    return dataclasses.replace(settings.training, **chosen | MASK_PRESETS[preset])
