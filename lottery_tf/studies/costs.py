"""What a unit of work takes of a machine: threads, memory and time, as measured, for plans and for schedulers.

Measured on two x86-64 cores with TensorFlow 2.21, every core busy (learned masks on fc and conv2; the other networks
are taken to learn them as fast as they train). What a results folder says of its own machine goes before that, and what
the running study shows before both. Imports no TensorFlow.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Mapping

from lottery_tf.studies.tasks import Task


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one network takes.

    Attributes:
      threads: threads a process at which a machine's cores together train the most.
      memory: bytes at the peak of a process.
      speeds: by the kind of work, how much of it such a process does in a second (`Task.amount`), with validation every
        100 iterations.
    """

    threads: int
    memory: int
    speeds: Mapping[str, float]


def _speeds(training: float, learned_mask: float, supermasks: float) -> dict[str, float]:
    return {"training": training, "learned mask": learned_mask, "supermasks": supermasks}


START_SECONDS = 10  # until a process trains: it imports TensorFlow and compiles
COSTS = {
    "fc": Cost(1, 1_300_000_000, _speeds(45_000, 30_000, 10.0)),
    "conv2": Cost(2, 2_200_000_000, _speeds(540, 500, 0.1)),
    "conv4": Cost(2, 2_200_000_000, _speeds(480, 480, 0.1)),
    "conv6": Cost(2, 2_200_000_000, _speeds(430, 430, 0.1)),
    "resnet20": Cost(2, 1_600_000_000, _speeds(280, 280, 0.1)),
    "vgg19": Cost(2, 2_200_000_000, _speeds(60, 60, 0.02)),
}


class Speeds:
    """How much of each kind of work a process does in a second on each network.

    Args:
      before: pairs of a unit and its result's metrics, found in the results folder.

    >>> from lottery_tf.models.settings import run_settings
    >>> from lottery_tf.studies.tasks import LevelTask
    >>> level = LevelTask(run_settings("fc", "mnist", "3000"), seed=0)
    >>> speeds = Speeds([(level, {"seconds": 9.0})])
    >>> speeds.speed_for("fc", "training"), speeds.seconds(level)
    (20000.0, 9.0)
    """

    def __init__(self, before: Iterable[tuple[Task, dict]] = ()):
        self._before, self._now = _Measured(), _Measured()
        for task, metrics in before:
            if metrics.get("status") != "diverged":  # which ends a training before its time
                self._before.add(task, metrics.get("seconds", 0.0))

    def learn(self, task: Task, seconds: float) -> None:
        """Takes note of a unit that was finished just now: of its network and kind, nothing older counts any more."""
        self._now.add(task, seconds)

    def speed_for(self, network: str, kind: str) -> float:
        """What is done in a second of a network's work of a kind."""
        return self.measured(network, kind) or COSTS[network].speeds[kind]

    def measured(self, network: str, kind: str) -> float:
        """The same as it was measured here, not by the table; 0 where it was not."""
        return self._now.speed(network, kind) or self._before.speed(network, kind)

    def seconds(self, task: Task) -> float:
        """About how long a unit takes in one process."""
        return task.amount / self.speed_for(task.network, task.kind)


class _Measured:
    """Amounts of work and the seconds that they took, summed up by network and kind."""

    def __init__(self):
        self._amount: collections.Counter[tuple[str, str]] = collections.Counter()
        self._seconds: collections.defaultdict[tuple[str, str], float] = collections.defaultdict(float)

    def add(self, task: Task, seconds: float) -> None:
        if seconds > 0:
            self._amount[task.network, task.kind] += task.amount
            self._seconds[task.network, task.kind] += seconds

    def speed(self, network: str, kind: str) -> float:
        """0 where nothing was measured."""
        seconds = self._seconds[network, kind]
        return self._amount[network, kind] / seconds if seconds else 0.0
