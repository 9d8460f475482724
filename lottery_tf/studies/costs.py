"""The threads, the memory and the time that tasks take, as measured. Imports no TensorFlow.

The table was measured on two x86-64 cores with TensorFlow 2.21, every core busy. Learned masks were measured on fc and
conv2; for the other networks their speed is taken to be that of training. Speeds that a results folder shows replace
those of the table, and speeds that the running study shows replace both.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Mapping

from lottery_tf.studies.tasks import Task


@dataclasses.dataclass(frozen=True)
class Cost:
    """What tasks of one network take.

    Attributes:
      threads: the threads of each process with which all processes of a machine together train the most.
      memory: the greatest number of bytes that a process takes.
      speeds: for each kind of task, how much of `Task.amount` a process does in a second, with an evaluation every 100
        iterations.
    """

    threads: int
    memory: int
    speeds: Mapping[str, float]


def _speeds(training: float, learned_mask: float, supermasks: float) -> dict[str, float]:
    return {"training": training, "learned mask": learned_mask, "supermasks": supermasks}


START_SECONDS = 10  # until a process trains, for it has to import TensorFlow and to compile
COSTS = {
    "fc": Cost(1, 1_300_000_000, _speeds(45_000, 30_000, 10.0)),
    "conv2": Cost(2, 2_200_000_000, _speeds(540, 500, 0.1)),
    "conv4": Cost(2, 2_200_000_000, _speeds(480, 480, 0.1)),
    "conv6": Cost(2, 2_200_000_000, _speeds(430, 430, 0.1)),
    "resnet20": Cost(2, 1_600_000_000, _speeds(280, 280, 0.1)),
    "vgg19": Cost(2, 2_200_000_000, _speeds(60, 60, 0.02)),
}


def cost_for(network: str) -> Cost:
    """What tasks of a network take; one that is not in the table, because somebody added it, is taken for conv2."""
    return COSTS.get(network, COSTS["conv2"])


class Speeds:
    """How fast a process does each kind of task on each network.

    Args:
      before: pairs of a task and its result's metrics, found in the results folder.

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
            if metrics.get("status") != "diverged":  # which ends a training early
                self._before.add(task, metrics.get("seconds", 0.0))

    def learn(self, task: Task, seconds: float) -> None:
        """Adds a task that has just finished; from now on, only such tasks count for its network and kind."""
        self._now.add(task, seconds)

    def speed_for(self, network: str, kind: str) -> float:
        """How much of `Task.amount` a process does in a second."""
        return self.measured(network, kind) or cost_for(network).speeds[kind]

    def measured(self, network: str, kind: str) -> float:
        """The same as it was measured here; 0 if it was not."""
        return self._now.speed(network, kind) or self._before.speed(network, kind)

    def seconds(self, task: Task) -> float:
        """About how many seconds a task takes."""
        return task.amount / self.speed_for(task.network, task.kind)


class _Measured:
    """Amounts and the seconds that they took, summed by network and kind of task."""

    def __init__(self):
        self._amount: collections.Counter[tuple[str, str]] = collections.Counter()
        self._seconds: collections.defaultdict[tuple[str, str], float] = collections.defaultdict(float)

    def add(self, task: Task, seconds: float) -> None:
        if seconds > 0:
            self._amount[task.network, task.kind] += task.amount
            self._seconds[task.network, task.kind] += seconds

    def speed(self, network: str, kind: str) -> float:
        """The amount done in a second; 0 if nothing was measured."""
        seconds = self._seconds[network, kind]
        return self._amount[network, kind] / seconds if seconds else 0.0
