"""Estimates the remaining time of a plan from the speeds measured so far. It does not import TensorFlow."""

from __future__ import annotations

import collections
import dataclasses
import time
from collections.abc import Iterable, Mapping

from lottery_tf.studies.costs import Speeds
from lottery_tf.studies.engines import Slot
from lottery_tf.studies.tasks import Task


@dataclasses.dataclass
class RunningTask:
    """A task that is running in a slot, and the time of the monotonic clock at which it started."""

    task: Task
    slot: Slot
    since: float


class RemainingTime:
    """Estimates the time of the tasks that have not ended.

    The speeds are updated by the tasks that end; the scheduler keeps `running` up to date.
    """

    def __init__(self, tasks: Iterable[Task], speeds: Speeds, running: Mapping[str, RunningTask]):
        self._speeds = speeds
        self._running = running
        self._pending: collections.Counter[tuple[str, str]] = collections.Counter()
        for task in tasks:
            self._pending[task.network, task.kind] += task.amount
        self._fraction_per_second = 1 / self.seconds

    def remove(self, task: Task) -> None:
        """Removes a task that has ended."""
        self._pending[task.network, task.kind] -= task.amount

    @property
    def seconds(self) -> float:
        """The seconds that the remaining tasks take one after the other."""
        pending = sum(amount / self._speeds.speed_for(*group) for group, amount in self._pending.items())
        now = time.monotonic()
        passed = (min(self._speeds.seconds(each.task), now - each.since) for each in self._running.values())
        return max(0.0, pending - sum(passed))

    @property
    def fraction_done(self) -> float:
        """The fraction of the time of all tasks that has passed, in [0, 1]."""
        return min(1.0, max(0.0, 1 - self.seconds * self._fraction_per_second))

    def learn(self, task: Task, seconds: float) -> None:
        """Updates the speeds by the time of a task. It changes the growth of `fraction_done`, not its present value."""
        done = self.fraction_done
        self._speeds.learn(task, seconds)
        if left := self.seconds:
            self._fraction_per_second = (1 - done) / left
