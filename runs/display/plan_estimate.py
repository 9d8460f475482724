"""Says which tasks of a command are finished, which are to do, and about how long these take."""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from lottery_tf.command_line.text_tables import text_table
from lottery_tf.models.settings import ExperimentSettings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies.costs import START_SECONDS, Speeds, cost_for
from lottery_tf.studies.engines import Resources, most_at_once
from lottery_tf.studies.planning import Plan, treatment_tasks
from lottery_tf.studies.task_results import probably_finished, unchecked_metrics
from lottery_tf.studies.tasks import ControlTask, LearnedMaskTask, LevelTask, Task
from lottery_tf.system import processes

SAMPLE = 200  # number of finished results that are read to estimate a speed
KIND_NAMES = {  # kind of task -> singular, plural, unit of its speed
    "training": ("training", "trainings", "images per second"),
    "learned mask": ("learned mask", "learned masks", "images per second"),
    "supermasks": ("set of Supermasks", "sets of Supermasks", "networks per second"),
}
TIMES = {"year": 365 * 86400, "month": 30 * 86400, "day": 86400, "hour": 3600, "minute": 60, "second": 1}
COARSE_SECONDS = 20  # longer durations are rounded to tens of seconds
COARSE_SPEED = 20  # greater speeds are rounded to whole numbers
LONG = 2 * TIMES["day"]  # a command that takes longer suggests ways to shorten it


@dataclasses.dataclass(frozen=True)
class ComputeSite:
    """Where a plan is to run.

    Attributes:
      name: its name.
      fits: whether slots with the given resources can run at the same time; see `engines.Engine`.
    """

    name: str = "this machine"
    fits: Callable[[Sequence[Resources]], bool] = lambda needs: len(needs) <= 1


@dataclasses.dataclass(frozen=True)
class PlanEstimate:
    """The tasks of a plan that are to do, and an estimate of how long they take.

    Attributes:
      plan: the plan.
      finished: the keys of finished results.
      where: where the plan is to run.
      threads: threads of each process; 0: the best number for each network.
      speeds: the speed of each network and kind of task; it is that of float32 unless it was measured here.
      timed: whether half precision is timed, which takes seconds. Otherwise it is taken to be as fast as float32.
    """

    plan: Plan
    finished: frozenset[str]
    where: ComputeSite
    threads: int
    speeds: Speeds
    timed: bool = False

    @classmethod
    def for_plan(
        cls, plan: Plan, results_dir: Path, where: ComputeSite | None = None, threads: int = 0, timed: bool = False
    ) -> PlanEstimate:
        """Returns the estimate of a plan on a results folder."""
        finished = frozenset(key for key, task in plan.tasks.items() if probably_finished(results_dir, task))
        return cls(plan, finished, where or ComputeSite(), threads, _speeds(plan, results_dir, finished), timed)

    @property
    def to_do(self) -> list[Task]:
        """The tasks that are not finished."""
        return [task for key, task in self.plan.tasks.items() if key not in self.finished]

    @property
    def steps(self) -> int:
        """The number of training steps that are to do."""
        return sum(task.iterations for task in self.to_do)

    def seconds(self, tasks: Collection[Task]) -> float:
        """Returns about how many seconds some tasks take, including the start of their processes."""
        by_network = collections.Counter[str]()
        for task in tasks:
            by_network[task.network] += self.speeds.seconds(task) / self._gain(task)
        return sum(
            seconds / self._at_once(network) + START_SECONDS for network, seconds in by_network.items() if seconds
        )

    def _gain(self, task: Task) -> float:
        """Returns how many times faster than `speeds` a task is because of its half precision."""
        if not self.timed or not task.iterations or self.speeds.measured(task.network, task.kind):
            return 1.0
        training = task.training if isinstance(task, LearnedMaskTask) else task.settings.training
        return precision_gain(task.network, training.precision, training.batch_size)

    def _at_once(self, network: str) -> int:
        return most_at_once(self.where.fits, Resources.for_network(cost_for(network), self.threads))

    def summary(self) -> str:
        """Describes what is to do and how long it takes; for a long plan also how to shorten it."""
        to_do = self.to_do
        if not to_do:
            return f"All {len(self.plan.tasks):,} results are finished; nothing to do."
        counts = collections.Counter(task.kind for task in to_do)
        parts = [
            f"{counts[kind]:,} {one if counts[kind] == 1 else several}"
            for kind, (one, several, _) in KIND_NAMES.items()
            if counts[kind]
        ]
        parts += [f"{self.steps:,} steps"] if self.steps else []
        seconds = self.seconds(to_do)
        text = f"To do: {', '.join(parts)}: about {duration(seconds)} on {self.where.name}."
        return text + (f" {self._shorter(seconds)}" if seconds > LONG else "")

    def _shorter(self, seconds: float) -> str:
        """Describes how to shorten a long plan."""
        to_do = self.to_do
        first = to_do[0].seed
        quickest = max((task.network for task in to_do), key=lambda name: cost_for(name).speeds["training"])
        choices = {
            f"--seeds={first}": [task for task in to_do if task.seed == first],
            f"--networks={quickest}": [task for task in to_do if task.network == quickest],
        }
        times = {flag: self.seconds(tasks) for flag, tasks in choices.items() if len(tasks) < len(to_do)}
        times["--schedule=tenth"] = seconds / 10
        choices_text = ", ".join(f"{flag} (about {duration(time)})" for flag, time in times.items())
        return f"To shorten it: {choices_text}, fewer --levels, or more machines (--engine=ray)."

    def table(self) -> str:
        """Describes finished tasks and tasks to do in a table with a line for each study, then time and speeds."""
        rows = [("study", "tasks", "finished", "to do", "shared with another study")]
        for study in sorted({name for names in self.plan.wanted.values() for name in names}):
            rows.append(self._row(study, self.plan.keys_for(study)))
        if len(rows) > 2:
            rows.append(self._row("all", list(self.plan.tasks)))
        lines = [text_table(rows), "", self.summary()]
        for network, kind in dict.fromkeys((task.network, task.kind) for task in self.to_do):
            _, name, unit = KIND_NAMES[kind]
            measured = "here" if self.speeds.measured(network, kind) else "on two cores"
            speed = f"{rounded(self.speeds.speed_for(network, kind))} {unit} in each"
            lines.append(f"  {network}, {name}: {self._at_once(network)} at once, {speed}, measured {measured}")
        return "\n".join(lines)

    def _row(self, name: str, keys: list[str]) -> tuple[str, int, int, int, int]:
        shared = sum(len(self.plan.wanted[key]) > 1 for key in keys)
        done = sum(key in self.finished for key in keys)
        return name, len(keys), done, len(keys) - done, shared


@functools.cache
def precision_gain(network: str, precision: str, batch_size: int) -> float:
    """Returns how many times faster than in float32 a network trains on this machine, timed in a process of its own."""
    if precision == "float32":
        return 1.0
    return processes.run_in_subprocess(f"timing {precision}", _timed, network, precision, batch_size)


def _timed(network: str, precision: str, batch_size: int) -> float:
    processes.start_tensorflow()
    from lottery_tf.models import networks
    from lottery_tf.training import precision_speed

    return precision_speed.speedup(networks.build(network), precision, batch_size)


def _speeds(plan: Plan, results_dir: Path, finished: Iterable[str]) -> Speeds:
    """Returns the speeds of each network and kind of task, estimated from some finished results."""
    counts = collections.Counter[tuple[str, str]]()
    found: list[tuple[Task, Mapping]] = []
    for key in finished:
        task = plan.tasks[key]
        if counts[task.network, task.kind] < SAMPLE and (metrics := unchecked_metrics(results_dir, key)) is not None:
            counts[task.network, task.kind] += 1
            found.append((task, metrics))
    return Speeds(found)


def rounded(speed: float) -> str:
    """Returns a speed as text, with a decimal only if it is small.

    >>> rounded(45_012.3), rounded(0.13)
    ('45,012', '0.1')
    """
    return f"{speed:,.0f}" if speed >= COARSE_SPEED else f"{speed:.1f}"


def duration(seconds: float) -> str:
    """Returns a length of time in words.

    >>> duration(3), duration(77), duration(100), duration(86_400), duration(24_000_000)
    ('3 seconds', '80 seconds', '2 minutes', '24 hours', '9 months')
    """
    # Less than 1.5 units are given in the next smaller unit: "24 hours" is more precise than "1 day".
    unit, length = next((pair for pair in TIMES.items() if seconds >= 1.5 * pair[1]), ("second", 1))
    count = max(1, round(seconds / length))
    count = round(count, -1) if unit == "second" and count > COARSE_SECONDS else count
    return f"{count} {unit}{'s' if count > 1 else ''}"


def plan_of(name: str, tasks: Iterable[Task]) -> Plan:
    """Returns the plan of a command that is not a study."""
    found = {task.key: task for task in tasks}
    return Plan(found, dict.fromkeys(found, frozenset((name,))))


def pruning_tasks(
    settings: ExperimentSettings,
    seeds: Iterable[int],
    treatments: Collection[Treatment],
    levels: int,
    controls: Collection[tuple[str, int]] = (),
) -> Iterator[Task]:
    """Yields the trainings of some treatments: dense networks, rewind points, levels and controls."""
    for seed in seeds:
        yield LevelTask(settings, seed)
        for treatment in treatments:
            yield from treatment_tasks(settings, seed, treatment, levels)
            numbers = range(1, treatment.last_level(levels) + 1)
            for level, (control, draw) in itertools.product(numbers, controls):
                yield ControlTask(settings, seed, level, treatment, control, draw)
