"""The threads, the memory and the time that tasks take. Importing this module does not import TensorFlow.

The table was measured on two busy x86-64 cores with TensorFlow 2.21. Learned masks were measured on fc and conv2; for
other networks they are assumed to be as fast as training. Speeds measured in a results folder replace those of the
table, and speeds measured in the running study replace both.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Mapping

from lottery_tf.results.stored_result import diverged
from lottery_tf.studies.tasks import Task


@dataclasses.dataclass(frozen=True)
class Cost:
    """The threads, memory and time that tasks of one network take.

    Attributes:
      threads: threads per process that give a machine the highest total throughput.
      memory: the largest number of bytes that a process takes.
      speeds: for each kind of task the `Task.amount` that a process does in a second, with an evaluation every 100
        iterations.
    """

    threads: int
    memory: int
    speeds: Mapping[str, float]


def _speeds(training: float, learned_mask: float, supermasks: float) -> dict[str, float]:
    return {"training": training, "learned mask": learned_mask, "supermasks": supermasks}


START_SECONDS = 10  # the time until a process trains, because it must import TensorFlow and compile
COSTS = {
    "fc": Cost(1, 1_300_000_000, _speeds(45_000, 30_000, 10.0)),
    "conv2": Cost(2, 2_200_000_000, _speeds(540, 500, 0.1)),
    "conv4": Cost(2, 2_200_000_000, _speeds(480, 480, 0.1)),
    "conv6": Cost(2, 2_200_000_000, _speeds(430, 430, 0.1)),
    "resnet20": Cost(2, 1_600_000_000, _speeds(280, 280, 0.1)),
    "vgg19": Cost(2, 2_200_000_000, _speeds(60, 60, 0.02)),
}


def cost_for(network: str) -> Cost:
    """Returns the cost of tasks of a network; a network that is not in the table (one of a user) counts as conv2."""
    return COSTS.get(network, COSTS["conv2"])


class Speeds:
    """The speed at which a process does each kind of task on each network.

    >>> from lottery_tf.models.settings import experiment_settings
    >>> from lottery_tf.studies.tasks import LevelTask
    >>> level = LevelTask(experiment_settings("fc", "mnist", "3000"), seed=0)
    >>> speeds = Speeds([(level, {"seconds": 9.0})])
    >>> speeds.speed_for("fc", "training"), speeds.seconds(level)
    (20000.0, 9.0)
    """

    def __init__(self, before: Iterable[tuple[Task, dict]] = ()):
        self._before, self._now = _Measured(), _Measured()
        for task, metrics in before:
            if not diverged(metrics):  # a training that diverges ends early
                self._before.add(task, metrics.get("seconds", 0.0))

    def learn(self, task: Task, seconds: float) -> None:
        """Adds a task that has just finished. From then on, only such tasks count for its network and kind."""
        self._now.add(task, seconds)

    def speed_for(self, network: str, kind: str) -> float:
        """Returns the `Task.amount` that a process does in a second."""
        return self.measured(network, kind) or cost_for(network).speeds[kind]

    def measured(self, network: str, kind: str) -> float:
        """Returns the speed that was measured in the results folder or the running study; 0 if none was measured."""
        return self._now.speed(network, kind) or self._before.speed(network, kind)

    def seconds(self, task: Task) -> float:
        """Returns about how many seconds a task takes."""
        return task.amount / self.speed_for(task.network, task.kind)


class _Measured:
    """Sums of amounts and of the seconds that they took, for each network and kind of task."""

    def __init__(self):
        self._amount: collections.Counter[tuple[str, str]] = collections.Counter()
        self._seconds: collections.defaultdict[tuple[str, str], float] = collections.defaultdict(float)

    def add(self, task: Task, seconds: float) -> None:
        if seconds > 0:
            self._amount[task.network, task.kind] += task.amount
            self._seconds[task.network, task.kind] += seconds

    def speed(self, network: str, kind: str) -> float:
        """Returns the amount that is done in a second; 0 if nothing was measured."""
        seconds = self._seconds[network, kind]
        return self._amount[network, kind] / seconds if seconds else 0.0
