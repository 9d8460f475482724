"""Runs a plan: what is missing and can be done is done, the longest way to go first, on whatever engine there is."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import enum
import errno
import heapq
import os
import time
from collections.abc import Callable, Mapping

from lottery_tf.errors import InputError
from lottery_tf.studies.costs import COSTS, Speeds
from lottery_tf.studies.engines import Engine, Resources, Slot
from lottery_tf.studies.planning import Plan
from lottery_tf.studies.study_folder import goes_far_enough
from lottery_tf.studies.tasks import LevelTask, Task
from lottery_tf.studies.worker import Ending, Outcome, failure

WAIT_SECONDS = 0.5  # between two looks at what is going on
LOST_LIMIT = 10  # processes that may die over one unit


class TaskState(enum.Enum):
    """Where a unit of a plan stands."""

    WAITING = "waiting"  # for what it needs
    READY = "ready"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    LEFT_OUT = "left out"  # what it needs failed or diverged


ENDED_STATES = frozenset((TaskState.FINISHED, TaskState.FAILED, TaskState.LEFT_OUT))


@dataclasses.dataclass
class RunningTask:
    """A unit that is at work."""

    task: Task
    slot: Slot
    since: float


class Scheduler:
    """Runs a plan on an engine.

    Args:
      plan: what is wanted.
      found: metrics of the results that are there, by key.
      retries: how often a unit that failed is tried again.
      threads: threads of each unit; 0: those of `costs.COSTS`.
      on_change: called about twice a second and whenever a unit ends.
      on_end: called with a unit and its metrics, or the error that it failed with.

    Attributes:
      states: where each unit stands.
      errors: the last error of each unit that failed.
      counts: how many units stand so, for each state.
      running: the units that are at work, by key.
    """

    def __init__(
        self,
        plan: Plan,
        found: Mapping[str, dict],
        *,
        retries: int = 1,
        threads: int = 0,
        on_change: Callable[[], None] = lambda: None,
        on_end: Callable[[Task, Outcome], None] = lambda task, outcome: None,
    ):
        self.plan = plan
        self._retries = retries
        self._threads = threads
        self._on_change, self._on_end = on_change, on_end
        self.metrics = dict(found)
        self.states = dict.fromkeys(plan.tasks, TaskState.WAITING)
        self.counts = collections.Counter(self.states.values())
        self.errors: dict[str, str] = {}
        self.running: dict[str, RunningTask] = {}
        self._idle: list[Slot] = []
        self._tries: collections.Counter[str] = collections.Counter()
        self._lost: collections.Counter[str] = collections.Counter()
        self._followers: dict[str, list[str]] = {key: [] for key in plan.tasks}
        for key, task in plan.tasks.items():
            for earlier in task.prerequisites:
                self._followers[earlier].append(key)
        self._speeds = Speeds((plan.tasks[key], metrics) for key, metrics in found.items())
        self._pending: collections.Counter[tuple[str, str]] = collections.Counter()
        for task in plan.tasks.values():
            self._pending[task.network, task.kind] += task.amount
        self._share_a_second = 1 / self._left()
        self._way_to_go = self._ways_to_go()
        self._ready: list[tuple[float, int, str]] = []
        self._rank = {key: rank for rank, key in enumerate(plan.tasks)}
        self._steps_ended = 0
        self._unsettled: collections.deque[str] = collections.deque(plan.tasks)
        self._update_waiting_tasks()

    def _ways_to_go(self) -> dict[str, float]:
        """For each unit the seconds from its beginning to the end of the longest way that leads on from it."""
        ways: dict[str, float] = {}
        for key in reversed(self.plan.tasks):
            own = self._speeds.seconds(self.plan.tasks[key])
            ways[key] = own + max((ways[later] for later in self._followers[key]), default=0.0)
        return ways

    @property
    def steps(self) -> int:
        """Training steps of units that ended since the start, and of running ones where the engine knows them."""
        return self._steps_ended + sum(running.slot.steps for running in self.running.values())

    @property
    def seconds_left(self) -> float:
        """About how long the rest takes with as many units at once as there are now, at the speeds measured so far."""
        return self._left() / max(1, len(self.running))

    @property
    def share_done(self) -> float:
        """The share of all units' time that is behind, in [0, 1].

        What is learned of speeds changes how fast it grows from then on, not where it stands.
        """
        return min(1.0, max(0.0, 1 - self._left() * self._share_a_second))

    def _left(self) -> float:
        """The time that the rest takes, unit after unit."""
        pending = sum(amount / self._speeds.speed_for(*group) for group, amount in self._pending.items())
        now = time.monotonic()
        begun = (min(self._speeds.seconds(unit.task), now - unit.since) for unit in self.running.values())
        return max(0.0, pending - sum(begun))

    def _learn(self, task: Task, seconds: float) -> None:
        """Takes note of how long a unit took."""
        share = self.share_done
        self._speeds.learn(task, seconds)
        if left := self._left():
            self._share_a_second = (1 - share) / left

    @property
    def pending(self) -> list[Task]:
        """The units that are neither finished nor given up."""
        return [self.plan.tasks[key] for key, state in self.states.items() if state not in ENDED_STATES]

    def run(self, engine: Engine) -> None:
        """Runs on an engine until nothing is left that can be done.

        Raises:
          OSError: the disk is full.
          KeyboardInterrupt: passed on; what runs is stopped, and what was finished is kept.
        """
        try:
            self._start(engine)
            while self.running:
                slots = [running.slot for running in self.running.values()]
                for slot in engine.wait(slots, WAIT_SECONDS):
                    self._end(slot, _outcome_or_failure(slot.result))
                self._start(engine)
                self._on_change()
        finally:
            for slot in [*self._idle, *(running.slot for running in self.running.values())]:
                with contextlib.suppress(Exception):  # one that cannot be stopped does not keep the others
                    slot.stop()
            for key in list(self.running):
                del self.running[key]
                self._set(key, TaskState.READY)
            self._on_change()

    def _update_waiting_tasks(self) -> None:
        """Puts waiting units where they belong, once all that they need has ended: ready, finished, or left out."""
        while self._unsettled:
            self._update_task(self._unsettled.popleft())

    def _update_task(self, key: str) -> None:
        task = self.plan.tasks[key]
        before = [self.states[earlier] for earlier in task.prerequisites]
        if self.states[key] is not TaskState.WAITING or not ENDED_STATES.issuperset(before):
            return
        start = [unit.key for unit in (task.made_from, task.rewinds_to) if unit]
        if any(state is not TaskState.FINISHED for state in before) or any(map(self._diverged, start)):
            self._set(key, TaskState.LEFT_OUT)
        elif self._is_result_of(task, self.metrics.get(key)):
            self._set(key, TaskState.FINISHED)
        else:
            self._make_ready(key)

    def _make_ready(self, key: str) -> None:
        self._set(key, TaskState.READY)
        heapq.heappush(self._ready, (-self._way_to_go[key], self._rank[key], key))

    def _set(self, key: str, state: TaskState) -> None:
        self.counts[self.states[key]] -= 1
        self.counts[state] += 1
        self.states[key] = state
        if state in ENDED_STATES:
            task = self.plan.tasks[key]
            self._pending[task.network, task.kind] -= task.amount
            self._unsettled.extend(self._followers[key])

    def _diverged(self, key: str) -> bool:
        return self.metrics[key].get("status") == "diverged"

    def _is_result_of(self, task: Task, metrics: dict | None) -> bool:
        """Whether metrics that were found are this unit's, made from what it needs as that is now."""
        if metrics is None:
            return False
        if task.made_from and metrics["parent"] != self.metrics[task.made_from.key]["fingerprint"]:
            return False
        return goes_far_enough(task, metrics)

    def _start(self, engine: Engine) -> None:
        """Starts as many units as there is room for, strictly in order: nothing small overtakes what is large."""
        if not self._ready and not engine.keeps_idle_slots:
            while self._idle:
                self._idle.pop().stop()
        while self._ready:
            key = self._ready[0][-1]
            task = self.plan.tasks[key]
            slot = self._slot(engine, Resources.for_network(COSTS[task.network], self._threads))
            if slot is None:
                return
            heapq.heappop(self._ready)
            self._set(key, TaskState.RUNNING)
            self.running[key] = RunningTask(task, slot, time.monotonic())
            if (
                failed := _outcome_or_failure(lambda slot=slot, task=task: slot.start(task, self._earlier(task)))
            ) is not None:
                self._end(slot, failed)

    def _slot(self, engine: Engine, resources: Resources) -> Slot | None:
        """A slot of the right kind: an idle one, or a new one if there is room, with idle ones of another kind stopped."""
        for slot in self._idle:
            if slot.resources == resources:
                self._idle.remove(slot)
                return slot
        busy = [running.slot.resources for running in self.running.values()]
        if not engine.fits([*busy, resources]):
            return None
        while self._idle and not engine.fits([*busy, *(slot.resources for slot in self._idle), resources]):
            self._idle.pop().stop()
        return engine.slot(resources)

    def _earlier(self, task: Task) -> list[dict]:
        """The metrics of a treatment's levels below a level, the dense network's first."""
        if not isinstance(task, LevelTask):
            return []
        return [self.metrics[task.sibling(level).key] for level in range(task.level)]

    def _end(self, slot: Slot, outcome: Outcome) -> None:
        """Takes note of how the unit in a slot ended."""
        key = next(key for key, running in self.running.items() if running.slot is slot)
        task, since = self.running[key].task, self.running[key].since
        if outcome.end is Ending.DISK_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), outcome.error)
        del self.running[key]
        if outcome.end is Ending.LOST:
            slot.stop()
        else:
            self._idle.append(slot)
        if outcome.end is Ending.FINISHED:
            self.metrics[key] = outcome.metrics
            self._steps_ended += outcome.metrics.get("iterations", 0)
            self._set(key, TaskState.FINISHED)
            if outcome.metrics.get("status") != "diverged":
                # What was taken up where another process left it took longer than this one knows.
                self._learn(task, max(time.monotonic() - since, outcome.metrics.get("seconds", 0.0)))
            self._on_end(task, outcome)
        elif self._is_tried_again(key, outcome):
            self._make_ready(key)
        else:
            self.errors[key] = outcome.error
            self._set(key, TaskState.FAILED)
            self._on_end(task, outcome)
        self._update_waiting_tasks()

    def _is_tried_again(self, key: str, outcome: Outcome) -> bool:
        counted, limit = (self._lost, LOST_LIMIT) if outcome.end is Ending.LOST else (self._tries, self._retries)
        counted[key] += 1
        return counted[key] <= limit


def _outcome_or_failure(what: Callable[[], Outcome | None]) -> Outcome | None:
    """What a slot returns; an error of its own (files that cannot be read or written here) as the end of its unit."""
    try:
        return what()
    except InputError:
        raise  # what is wrong with the request is told once, not unit by unit
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told, tried again, and reported
        return failure(error)
