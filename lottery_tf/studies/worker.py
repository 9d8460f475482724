"""A worker does units of work in one process, one after the other, and keeps what is compiled from one to the next."""

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
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lottery_tf import errors
from lottery_tf.data import SPLITS, Dataset, Split
from lottery_tf.errors import InputError
from lottery_tf.origin import COMMAND
from lottery_tf.studies.tasks import ControlTask, LearnedMaskTask, LevelTask, RewindPointTask, SupermasksTask, Task

CACHED_EXPERIMENTS = 2  # a network's trainings and its learned masks, between which a worker may go to and fro


@dataclasses.dataclass(frozen=True)
class WorkerSettings:
    """What all units of a study have in common.

    Attributes:
      keep_weights: whether finished levels keep their weights.
      snapshot_seconds: the least time between two checkpoints inside a training.
      command: the command line that results say they were made by.
    """

    keep_weights: bool = False
    snapshot_seconds: float = 30.0
    command: str = dataclasses.field(default_factory=lambda: os.environ.get(COMMAND, ""))


class Ending(enum.Enum):
    """How a unit of work ended."""

    FINISHED = "finished"
    FAILED = "failed"  # an exception in the work itself
    LOST = "lost"  # the process that did it is gone
    DISK_FULL = "disk full"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A unit's end.

    Attributes:
      end: how.
      metrics: the result's, where it is finished.
      error: what went wrong, with its traceback, where something did.
    """

    end: Ending
    metrics: dict | None = None
    error: str = ""


class Worker:
    """Does units of work.

    Args:
      results_dir: the folder that holds the results of all networks.
      dataset: a function from a data set's name and a network's name to the images.
      setup: what all units have in common.
      on_steps: called with the number of training steps just done.
      on_line: called with each line for the log of a unit.
    """

    def __init__(
        self,
        results_dir: str | Path,
        dataset: Callable[[str, str], Dataset],
        setup: WorkerSettings,
        on_steps: Callable[[int], None] = lambda count: None,
        on_line: Callable[[Task, str], None] = lambda task, line: None,
    ):
        self._results_dir = results_dir
        self._dataset = dataset
        self._setup = setup
        self._on_steps = on_steps
        self._on_line = on_line
        self._made: dict[Any, Any] = {}

    def perform(self, task: Task, earlier: list[dict]) -> Outcome:
        """Does a unit of work, or finds it done; whatever goes wrong is told in what it returns.

        Args:
          work: the unit.
          earlier: metrics of the levels that a level follows on, the dense network's first.
        """
        self._tell(task, f"{task.result_path} begins on {platform.node()}, process {os.getpid()}")
        began = time.monotonic()
        try:
            with self._warnings(task):
                metrics = self._do(task, earlier)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, tried again, and reported
            self._tell(task, f"{task.result_path} failed\n{traceback.format_exc()}")
            return failure(error)
        self._tell(
            task, f"{task.result_path} {metrics.get('status', 'finished')} after {time.monotonic() - began:.1f} s"
        )
        return Outcome(Ending.FINISHED, metrics)

    @functools.singledispatchmethod
    def _do(self, task: Task, earlier: list[dict]) -> dict:
        """Does one kind of work and returns its result's metrics."""
        raise TypeError(f"{task} is no work that is known here.")

    @_do.register
    def _(self, task: LevelTask, earlier: list[dict]) -> dict:
        experiment = self._experiment(task)
        if task.treatment is None:
            return experiment.dense(task.seed).metrics
        parent = earlier[task.treatment.parent(task.level)]["fingerprint"] if earlier else None
        return experiment.level(task.treatment, task.seed, task.level, parent, earlier).metrics

    @_do.register
    def _(self, task: RewindPointTask, earlier: list[dict]) -> dict:
        experiment = self._experiment(task)
        try:
            return experiment.rewind_point(task.seed, task.iteration).metrics
        except InputError:
            # A training that diverged is a result, from which nothing is made.
            if (found := experiment.results.peek(task.result_path, weights=False)) is None:
                raise
            return found.metrics

    @_do.register
    def _(self, task: ControlTask, earlier: list[dict]) -> dict:
        control = self._experiment(task).control(task.treatment, task.seed, task.level, task.control, task.draw)
        return control.metrics

    @_do.register
    def _(self, task: SupermasksTask, earlier: list[dict]) -> dict:
        from lottery_tf.supermasks.heuristics import HeuristicSupermasks

        experiment = self._experiment(task)
        dense = experiment.dense(task.seed, weights=True)
        return HeuristicSupermasks(experiment).evaluate(dense, task.mask_source, task.levels).metrics

    @_do.register
    def _(self, task: LearnedMaskTask, earlier: list[dict]) -> dict:
        from lottery_tf.supermasks.learning import paper_learner

        def make():
            return paper_learner(
                task.network,
                self._dataset(task.dataset, task.network),
                task.mask,
                task.training,
                self._results_dir,
                snapshot_seconds=self._setup.snapshot_seconds,
                on_steps=self._on_steps,
            )

        # One for all masks of a network: those that differ in values alone share what is compiled.
        learner = self._kept((task.network, task.dataset, task.training), make)
        return learner.with_settings(task.mask).learn(task.seed).metrics

    def _experiment(self, task: LevelTask | RewindPointTask | ControlTask | SupermasksTask):
        from lottery_tf.experiment import paper_experiment

        def make():
            return paper_experiment(
                task.settings,
                self._dataset(task.dataset, task.network),
                self._results_dir,
                keep_weights=self._setup.keep_weights,
                snapshot_seconds=self._setup.snapshot_seconds,
                on_steps=self._on_steps,
            )

        return self._kept(task.settings, make)

    def _kept(self, what: Any, make: Callable[[], Any]) -> Any:
        """What was made for something, if it is one of the few used last: each holds a data set and compiled code."""
        found = self._made.pop(what, None)
        if found is None:
            while len(self._made) >= CACHED_EXPERIMENTS:
                del self._made[next(iter(self._made))]
            found = make()
        self._made[what] = found
        return found

    def _tell(self, task: Task, line: str) -> None:
        self._on_line(task, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")

    @contextlib.contextmanager
    def _warnings(self, task: Task) -> Iterator[None]:
        """What the package warns of meanwhile goes to the unit's log."""
        handler = logging.Handler(logging.WARNING)
        handler.emit = lambda record: self._tell(task, record.getMessage())
        log = logging.getLogger("lottery_tf")
        propagate, log.propagate = log.propagate, False
        log.addHandler(handler)
        try:
            yield
        finally:
            log.removeHandler(handler)
            log.propagate = propagate


def failure(error: Exception) -> Outcome:
    """How a unit ended that raised an error; called where the error is handled."""
    if errors.is_full(error):
        return Outcome(Ending.DISK_FULL, error=str(error))
    return Outcome(Ending.FAILED, error=traceback.format_exc())


def save_dataset(dataset: Dataset, folder: Path) -> None:
    """Writes a data set as plain arrays that many processes can map into memory at once.

    Raises:
      InputError: the folder cannot take them.
    """
    try:
        folder.mkdir(parents=True)
        for name, split in dataset.splits.items():
            np.save(folder / f"{name}-images.npy", split.images)
            np.save(folder / f"{name}-labels.npy", split.labels)
        (folder / "fingerprint").write_text(dataset.fingerprint)
    except OSError as error:
        megabytes = sum(split.images.nbytes + split.labels.nbytes for split in dataset.splits.values()) / 1e6
        raise InputError(
            f"{folder} cannot take the {megabytes:,.0f} MB of {dataset.name} ({error}). Free some space there, or have "
            "TMPDIR name another folder."
        ) from error


def map_dataset(folder: Path) -> Dataset:
    """The data set that `save_dataset` wrote to a folder called by its name, mapped into memory."""

    def array(name: str) -> np.ndarray:
        return np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)

    dataset = Dataset(*(Split(array(f"{split}-images"), array(f"{split}-labels")) for split in SPLITS), folder.name)
    # A hash of every image takes a second; it was computed when the arrays were written.
    vars(dataset)["fingerprint"] = (folder / "fingerprint").read_text()
    return dataset
