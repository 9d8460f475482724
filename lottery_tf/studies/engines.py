"""What a scheduler needs of an engine: slots in which tasks are done, one at a time in each.

`local_engine` has processes on this machine, `ray_engine` actors on a Ray cluster; the scheduler does not know which.
Imports no TensorFlow.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from lottery_tf.results import paths
from lottery_tf.studies.costs import Cost
from lottery_tf.studies.tasks import Task
from lottery_tf.studies.worker import Outcome


@dataclasses.dataclass(frozen=True)
class Resources:
    """What a slot takes: threads, and bytes of memory."""

    threads: int
    memory: int

    @classmethod
    def for_network(cls, cost: Cost, threads: int = 0) -> Resources:
        """What tasks of a network take; `threads` other than 0 replaces the network's own number."""
        return cls(threads or cost.threads, cost.memory)


class Slot(Protocol):
    """Holds a worker, in another process, and does one task at a time.

    Attributes:
      resources: what it takes.
      steps: training steps done so far of its present task, if the engine knows them, else 0.
    """

    resources: Resources
    steps: int

    def start(self, task: Task, earlier: list[dict]) -> None:
        """Starts a task; see `worker.Worker.perform`."""

    def result(self) -> Outcome:
        """How the task ended; to be called once `Engine.wait` has returned the slot. A lost slot is of no more use."""

    def stop(self) -> None:
        """Ends the slot, and whatever it is doing."""


class Engine(Protocol):
    """Makes slots and waits for them.

    A scheduler asks what `fits`, makes a `slot`, starts a task in it, and waits until one of the busy slots is done.
    The worker in the slot trains; when `Slot.result` returns, the result is in the results folder.

    Attributes:
      keeps_idle_slots: whether idle slots are kept when no task is ready, as they take nothing from others.
    """

    keeps_idle_slots: bool

    def fits(self, resource_list: Sequence[Resources]) -> bool:
        """Whether slots that take these resources have room side by side."""

    def slot(self, resources: Resources) -> Slot:
        """A new slot."""

    def wait(self, busy: Sequence[Slot], seconds: float) -> list[Slot]:
        """Those of the busy slots whose tasks have ended; waits for one, but at most so many seconds."""

    def close(self) -> None:
        """Gives back what the engine holds. Its slots are stopped before."""


def most_at_once(fits: Callable[[Sequence[Resources]], bool], resources: Resources) -> int:
    """How many slots of the same resources fit, by `Engine.fits`.

    >>> from lottery_tf.studies.local_engine import Capacity
    >>> most_at_once(Capacity(cores=4, memory=7e9).fits, Resources(threads=1, memory=2_000_000_000))
    3
    """
    count = 1
    while fits([resources] * (count + 1)):
        count += 1
    return count


def append_log(logs: Path, task: Task, line: str) -> None:
    """Adds a line to a task's log, below a study's folder of logs."""
    path = logs / paths.log_path(task.folder, task.log_name)
    # A full disk is noticed, and reported, where results are written.
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(line)
