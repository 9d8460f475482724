"""A worker does tasks one after the other in one process, and reuses compiled code."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import functools
import logging
import os
import platform
import time
import traceback
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lottery_tf import errors
from lottery_tf.datasets.dataset import Dataset
from lottery_tf.errors import InputError
from lottery_tf.studies.tasks import ControlTask, HeuristicMasksTask, LearnedMaskTask, LevelTask, RewindPointTask, Task
from lottery_tf.supermasks.heuristics import HeuristicSupermasks
from lottery_tf.system.origin import COMMAND
from lottery_tf.training.checkpoint import CHECKPOINT_SECONDS

if TYPE_CHECKING:
    from lottery_tf.experiment import Experiment

CACHE_SIZE = 2  # a worker may alternate between trainings and learned masks of a network


@dataclasses.dataclass(frozen=True)
class WorkerSettings:
    """The settings that all tasks of a study share.

    Attributes:
      keep_weights: whether finished levels keep their weights.
      snapshot_seconds: the shortest time between two checkpoints of a training.
      command: the command line that results record.
    """

    keep_weights: bool = False
    snapshot_seconds: float = CHECKPOINT_SECONDS
    command: str = dataclasses.field(default_factory=lambda: os.environ.get(COMMAND, ""))


class Ending(enum.Enum):
    """How a task ended."""

    FINISHED = "finished"
    FAILED = "failed"  # it raised an exception
    LOST = "lost"  # its process died
    DISK_FULL = "disk full"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a task ended, with its metrics or its error.

    Attributes:
      ending: how it ended.
      metrics: the metrics of its result, if it is finished.
      error: the error, if there was one: a sentence if the user can correct it, else the traceback.
    """

    ending: Ending
    metrics: dict | None = None
    error: str = ""


@dataclasses.dataclass(eq=False)
class Worker:
    """Does tasks: finds or trains their results, and writes them to a results folder.

    `dataset` returns the images for the name of a data set and that of a network. `on_reading` is called like that of
    `Experiment`, `on_line` with a task and each line for its log.
    """

    results_dir: str | Path
    dataset: Callable[[str, str], Dataset]
    settings: WorkerSettings
    on_steps: Callable[[int], None] = lambda count: None
    on_reading: Callable[[dict], None] = lambda reading: None
    on_line: Callable[[Task, str], None] = lambda task, line: None
    _cache: dict[Hashable, Any] = dataclasses.field(default_factory=dict, init=False)

    def perform(self, task: Task, earlier: list[dict]) -> Outcome:
        """Does a task, or finds its result. Errors are returned in the outcome, not raised.

        `earlier` are the metrics of the levels before it, those of the dense network first.
        """
        self._log(task, f"{task.result_path} begins on {platform.node()}, process {os.getpid()}")
        began = time.monotonic()
        try:
            with self._warnings_to_log(task):
                metrics = self._do(task, earlier)
        except Exception as error:  # noqa: BLE001 - any error ends the task, not the worker
            self._log(task, f"{task.result_path} failed\n{traceback.format_exc()}")
            return failure(error)
        seconds = time.monotonic() - began
        self._log(task, f"{task.result_path} {metrics.get('status', 'finished')} after {seconds:.1f} s")
        return Outcome(Ending.FINISHED, metrics)

    @functools.singledispatchmethod
    def _do(self, task: Task, earlier: list[dict]) -> dict:
        """Does a task of one kind, and returns the metrics of its result."""
        raise TypeError(f"No worker knows how to do {task}.")

    @_do.register
    def _train_level(self, task: LevelTask, earlier: list[dict]) -> dict:
        experiment = self._experiment(task)
        if task.treatment is None:
            return experiment.dense(task.seed).metrics
        parent = earlier[task.treatment.parent(task.level)]["fingerprint"] if earlier else None
        return experiment.level(task.treatment, task.seed, task.level, parent, earlier).metrics

    @_do.register
    def _train_to_rewind_point(self, task: RewindPointTask, earlier: list[dict]) -> dict:
        experiment = self._experiment(task)
        try:
            return experiment.rewind_point(task.seed, task.iteration).metrics
        except InputError:
            # A training that diverged is a result too, although no level can start from it.
            if (found := experiment.results.peek(task.result_path, weights=False)) is None:
                raise
            return found.metrics

    @_do.register
    def _train_control(self, task: ControlTask, earlier: list[dict]) -> dict:
        control = self._experiment(task).control(task.treatment, task.seed, task.level, task.control, task.draw)
        return control.metrics

    @_do.register
    def _evaluate_supermasks(self, task: HeuristicMasksTask, earlier: list[dict]) -> dict:
        experiment = self._experiment(task)
        dense = experiment.dense(task.seed, weights=True)
        return HeuristicSupermasks(experiment).evaluate(dense, task.mask_source, task.levels).metrics

    @_do.register
    def _learn_mask(self, task: LearnedMaskTask, earlier: list[dict]) -> dict:
        """Learns a mask, or finds it; returns its metrics."""
        from lottery_tf.supermasks.learning import paper_learner

        # All masks of a network have one learner, so that masks that differ only in values share compiled code.
        learner = self._cached(
            (task.network, task.dataset, task.training),
            lambda: paper_learner(
                task.network,
                self.dataset(task.dataset, task.network),
                task.mask,
                task.training,
                self.results_dir,
                snapshot_seconds=self.settings.snapshot_seconds,
                on_steps=self.on_steps,
                on_reading=self.on_reading,
            ),
        )
        return learner.with_settings(task.mask).learn(task.seed).metrics

    def _experiment(self, task: LevelTask | RewindPointTask | ControlTask | HeuristicMasksTask) -> Experiment:
        """Returns the experiment of a task's settings, which all tasks with these settings use."""
        from lottery_tf.paper_networks import paper_experiment

        return self._cached(
            task.settings,
            lambda: paper_experiment(
                task.settings,
                self.dataset(task.dataset, task.network),
                self.results_dir,
                keep_weights=self.settings.keep_weights,
                snapshot_seconds=self.settings.snapshot_seconds,
                on_steps=self.on_steps,
                on_reading=self.on_reading,
            ),
        )

    def _cached(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Returns the object for a key; keeps only the last few, because each holds a data set and compiled code."""
        found = self._cache.pop(key, None)
        if found is None:
            while len(self._cache) >= CACHE_SIZE:
                del self._cache[next(iter(self._cache))]
            found = make()
        self._cache[key] = found
        return found

    def _log(self, task: Task, line: str) -> None:
        self.on_line(task, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")

    @contextlib.contextmanager
    def _warnings_to_log(self, task: Task) -> Iterator[None]:
        """Writes the package's warnings to the task's log."""
        handler = _WarningsTo(functools.partial(self._log, task))
        log = logging.getLogger("lottery_tf")
        propagate, log.propagate = log.propagate, False
        log.addHandler(handler)
        try:
            yield
        finally:
            log.removeHandler(handler)
            log.propagate = propagate


class _WarningsTo(logging.Handler):
    def __init__(self, write: Callable[[str], None]):
        super().__init__(logging.WARNING)
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write(record.getMessage())


def failure(error: Exception) -> Outcome:
    """Returns the outcome of a task that raised an error; call it inside `except`."""
    if errors.is_full(error):
        return Outcome(Ending.DISK_FULL, error=str(error))
    return Outcome(Ending.FAILED, error=errors.user_message(error) or traceback.format_exc())
