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

from lottery_tf import files
from lottery_tf.data import SPLITS, Dataset, Split
from lottery_tf.errors import InputError
from lottery_tf.origin import COMMAND
from lottery_tf.study.work import ControlWork, LadderWork, LevelWork, MaskWork, RewindWork, Work

KEPT = 2  # a network's trainings and its learned masks, between which a worker may go to and fro


@dataclasses.dataclass(frozen=True)
class Setup:
    """What all units of a study have in common.

    Attributes:
      keep_weights: whether finished levels keep their weights.
      snapshot_seconds: the least time between two snapshots inside a training.
      command: the command line that results say they were made by.
    """

    keep_weights: bool = False
    snapshot_seconds: float = 30.0
    command: str = dataclasses.field(default_factory=lambda: os.environ.get(COMMAND, ""))


class End(enum.Enum):
    """How a unit of work ended."""

    FINISHED = "finished"
    FAILED = "failed"  # an exception in the work itself
    LOST = "lost"  # the process that did it is gone
    DISK_FULL = "disk full"


@dataclasses.dataclass(frozen=True)
class Ended:
    """A unit's end.

    Attributes:
      end: how.
      metrics: the result's, where it is finished.
      error: what went wrong, with its traceback, where something did.
    """

    end: End
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
        setup: Setup,
        on_steps: Callable[[int], None] = lambda count: None,
        on_line: Callable[[Work, str], None] = lambda work, line: None,
    ):
        self._results_dir = results_dir
        self._dataset = dataset
        self._setup = setup
        self._on_steps = on_steps
        self._on_line = on_line
        self._made: dict[Any, Any] = {}

    def perform(self, work: Work, earlier: list[dict]) -> Ended:
        """Does a unit of work, or finds it done; whatever goes wrong is told in what it returns.

        Args:
          work: the unit.
          earlier: metrics of the levels that a level follows on, the dense network's first.
        """
        self._tell(work, f"{work.place} begins on {platform.node()}, process {os.getpid()}")
        began = time.monotonic()
        try:
            with self._warnings(work):
                metrics = self._do(work, earlier)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told, tried again, and reported
            self._tell(work, f"{work.place} failed\n{traceback.format_exc()}")
            return failure(error)
        self._tell(work, f"{work.place} {metrics.get('status', 'finished')} after {time.monotonic() - began:.1f} s")
        return Ended(End.FINISHED, metrics)

    @functools.singledispatchmethod
    def _do(self, work: Work, earlier: list[dict]) -> dict:
        """Does one kind of work and returns its result's metrics."""
        raise TypeError(f"{work} is no work that is known here.")

    @_do.register
    def _(self, work: LevelWork, earlier: list[dict]) -> dict:
        experiment = self._experiment(work)
        if work.treatment is None:
            return experiment.dense(work.seed).metrics
        parent = earlier[work.treatment.parent(work.level)]["fingerprint"] if earlier else None
        return experiment.level(work.treatment, work.seed, work.level, parent, earlier).metrics

    @_do.register
    def _(self, work: RewindWork, earlier: list[dict]) -> dict:
        experiment = self._experiment(work)
        try:
            return experiment.rewind_point(work.seed, work.iteration).metrics
        except InputError:
            # A training that diverged is a result, from which nothing is made.
            if (found := experiment.results.peek(work.place, weights=False)) is None:
                raise
            return found.metrics

    @_do.register
    def _(self, work: ControlWork, earlier: list[dict]) -> dict:
        control = self._experiment(work).control(work.treatment, work.seed, work.level, work.control, work.draw)
        return control.metrics

    @_do.register
    def _(self, work: LadderWork, earlier: list[dict]) -> dict:
        from lottery_tf.heuristics import HeuristicSupermasks

        experiment = self._experiment(work)
        dense = experiment.dense(work.seed, weights=True)
        return HeuristicSupermasks(experiment).ladder(dense, work.ladder, work.levels).metrics

    @_do.register
    def _(self, work: MaskWork, earlier: list[dict]) -> dict:
        from lottery_tf.mask_learning import paper_learner

        def make():
            return paper_learner(
                work.network,
                self._dataset(work.dataset, work.network),
                work.mask,
                work.training,
                self._results_dir,
                snapshot_seconds=self._setup.snapshot_seconds,
                on_steps=self._on_steps,
            )

        # One for all masks of a network: those that differ in values alone share what is compiled.
        learner = self._kept((work.network, work.dataset, work.training), make)
        return learner.of(work.mask).learn(work.seed).metrics

    def _experiment(self, work: LevelWork | RewindWork | ControlWork | LadderWork):
        from lottery_tf.experiment import paper_experiment

        def make():
            return paper_experiment(
                work.settings,
                self._dataset(work.dataset, work.network),
                self._results_dir,
                keep_weights=self._setup.keep_weights,
                snapshot_seconds=self._setup.snapshot_seconds,
                on_steps=self._on_steps,
            )

        return self._kept(work.settings, make)

    def _kept(self, what: Any, make: Callable[[], Any]) -> Any:
        """What was made for something, if it is one of the few used last: each holds a data set and compiled code."""
        found = self._made.pop(what, None)
        if found is None:
            while len(self._made) >= KEPT:
                del self._made[next(iter(self._made))]
            found = make()
        self._made[what] = found
        return found

    def _tell(self, work: Work, line: str) -> None:
        self._on_line(work, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")

    @contextlib.contextmanager
    def _warnings(self, work: Work) -> Iterator[None]:
        """What the package warns of meanwhile goes to the unit's log."""
        handler = logging.Handler(logging.WARNING)
        handler.emit = lambda record: self._tell(work, record.getMessage())
        log = logging.getLogger("lottery_tf")
        propagate, log.propagate = log.propagate, False
        log.addHandler(handler)
        try:
            yield
        finally:
            log.removeHandler(handler)
            log.propagate = propagate


def failure(error: Exception) -> Ended:
    """How a unit ended that raised an error; called where the error is handled."""
    if files.is_full(error):
        return Ended(End.DISK_FULL, error=str(error))
    return Ended(End.FAILED, error=traceback.format_exc())


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
