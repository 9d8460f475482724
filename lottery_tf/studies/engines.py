"""The interface between the scheduler and an engine, whose slots do one task at a time each.

The slots of `local_engine` are processes on this machine, those of `ray_engine` actors on a Ray cluster. The scheduler
treats both alike. Importing this module does not import TensorFlow.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from lottery_tf.results import paths
from lottery_tf.studies.costs import Cost
from lottery_tf.studies.tasks import Task
from lottery_tf.studies.worker import Outcome


@dataclasses.dataclass(frozen=True)
class Resources:
    """The resources that a slot takes: threads, and bytes of memory."""

    threads: int
    memory: int

    @classmethod
    def for_network(cls, cost: Cost, threads: int = 0) -> Resources:
        """Returns the resources of tasks of a network; `threads` above 0 replaces the network's own number."""
        return cls(threads or cost.threads, cost.memory)


class Reading(NamedTuple):
    """A reading of the validation images; `kept_fraction` is None while a mask is learned."""

    validation_accuracy: float
    kept_fraction: float | None


class Slot(Protocol):
    """A slot with a worker in another process, which does one task at a time.

    Attributes:
      resources: the resources that it takes.
      steps: the training steps of its present task so far, if the engine knows them, else 0.
      reading: the last reading of its present task, if there was one and the engine knows it, else None.
    """

    resources: Resources
    steps: int
    reading: Reading | None

    def start(self, task: Task, earlier: list[dict]) -> None:
        """Starts a task; see `worker.Worker.perform`."""

    def result(self) -> Outcome:
        """Returns how the task ended; call it after `Engine.wait` returned the slot. A lost slot must be replaced."""

    def stop(self) -> None:
        """Ends the slot and its present task."""


class Engine(Protocol):
    """Makes slots and waits for them.

    A scheduler checks with `fits` whether there is room, makes a `slot`, starts a task in it, and waits until one of
    the busy slots is done. The worker in the slot does the task. When `Slot.result` returns, the result is in the
    results folder.

    Attributes:
      keeps_idle_slots: whether idle slots are kept when no task is ready, because they take nothing from others.
    """

    keeps_idle_slots: bool

    def fits(self, resource_list: Sequence[Resources]) -> bool:
        """Returns whether slots with these resources can run at the same time."""

    def slot(self, resources: Resources) -> Slot:
        """Makes a new slot."""

    def wait(self, busy: Sequence[Slot], seconds: float) -> list[Slot]:
        """Waits until a task ends, at most the given seconds; returns the busy slots whose tasks have ended."""

    def close(self) -> None:
        """Releases what the engine holds. Its slots must be stopped before."""


def most_at_once(fits: Callable[[Sequence[Resources]], bool], resources: Resources) -> int:
    """Returns the number of slots with the same resources that fit, by `Engine.fits`.

    >>> from lottery_tf.studies.local_engine import Capacity
    >>> most_at_once(Capacity(cores=4, memory=7e9).fits, Resources(threads=1, memory=2_000_000_000))
    3
    """
    count = 1
    while fits([resources] * (count + 1)):
        count += 1
    return count


def append_log(logs: Path, task: Task, line: str) -> None:
    """Adds a line to a task's log in a study's folder of logs."""
    path = logs / paths.log_path(task.folder, task.log_name)
    # Writing a result reports a full disk, so errors of the log are ignored.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(line)
