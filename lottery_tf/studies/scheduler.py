"""Runs a plan: starts each missing task once its prerequisites are finished, the longest chain first."""

from __future__ import annotations

import collections
import contextlib
import enum
import errno
import functools
import heapq
import os
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from lottery_tf.errors import InputError
from lottery_tf.studies.costs import Speeds, cost_for
from lottery_tf.studies.engines import Engine, Resources, Slot
from lottery_tf.studies.planning import Plan
from lottery_tf.studies.remaining_time import RemainingTime, RunningTask
from lottery_tf.studies.task_results import has_enough_levels
from lottery_tf.studies.tasks import LevelTask, Task
from lottery_tf.studies.worker import Ending, Outcome, failure

WAIT_SECONDS = 0.5  # between two calls of `on_change`, at most
LOST_LIMIT = 10  # how many processes may die over one task; `Scheduler._is_tried_again` counts them
Returned = TypeVar("Returned")


class TaskState(enum.Enum):
    """How far a task of a plan is."""

    WAITING = "waiting"  # for its prerequisites
    READY = "ready"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    LEFT_OUT = "left out"  # because a prerequisite failed or diverged


ENDED_STATES = frozenset((TaskState.FINISHED, TaskState.FAILED, TaskState.LEFT_OUT))


class Scheduler:
    """Runs a plan on an engine.

    A task waits until its prerequisites are finished. If its result was found, and was made from what they are now, it
    is finished too; else it is ready. Ready tasks start in the engine's slots, the one with the longest chain of tasks
    after it first. A task that fails is tried again; if it fails for good, what depends on it is left out.

    Args:
      plan: the tasks.
      found: the metrics of the results that are there, by key.
      retries: how often a task that failed is tried again.
      threads: threads of each slot; 0: those of `costs.COSTS`.
      on_change: called about twice a second and whenever a task ends.
      on_end: called with each task that finished or failed for good, and its outcome.

    Attributes:
      states: the state of each task, by key.
      errors: the last error of each task that failed, by key.
      counts: how many tasks are in each state.
      running: the tasks that are running, by key.
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
        speeds = Speeds((plan.tasks[key], metrics) for key, metrics in found.items())
        self._remaining = RemainingTime(plan.tasks.values(), speeds, self.running)
        self._chain_seconds = self._longest_chains(speeds)
        self._ready: list[tuple[float, int, str]] = []  # a heap
        self._rank = {key: rank for rank, key in enumerate(plan.tasks)}
        self._steps_ended = 0
        self._to_update: collections.deque[str] = collections.deque(plan.tasks)
        self._update_waiting_tasks()

    def _longest_chains(self, speeds: Speeds) -> dict[str, float]:
        """For each task the seconds that the longest chain of tasks takes which starts with it."""
        chains: dict[str, float] = {}
        for key in reversed(self.plan.tasks):
            own = speeds.seconds(self.plan.tasks[key])
            chains[key] = own + max((chains[later] for later in self._followers[key]), default=0.0)
        return chains

    @property
    def steps(self) -> int:
        """Training steps of the tasks that ended, and of those that run if the engine knows them."""
        return self._steps_ended + sum(running.slot.steps for running in self.running.values())

    @property
    def seconds_left(self) -> float:
        """About how long the rest takes, with as many tasks at once as there are now."""
        return self._remaining.seconds / max(1, len(self.running))

    @property
    def share_done(self) -> float:
        """The share of the plan's time that has passed, in [0, 1]."""
        return self._remaining.share_done

    @property
    def pending(self) -> list[Task]:
        """The tasks that have not ended."""
        return [self.plan.tasks[key] for key, state in self.states.items() if state not in ENDED_STATES]

    def run(self, engine: Engine) -> None:
        """Runs the plan on an engine until every task has ended.

        Raises:
          OSError: the disk is full.
          KeyboardInterrupt: passed on; running tasks are stopped, and results that are finished stay.
        """
        try:
            self._start_ready_tasks(engine)
            while self.running:
                slots = [running.slot for running in self.running.values()]
                for slot in engine.wait(slots, WAIT_SECONDS):
                    self._end(slot, _outcome_or_failure(slot.result))
                self._start_ready_tasks(engine)
                self._on_change()
        finally:
            for slot in [*self._idle, *(running.slot for running in self.running.values())]:
                with contextlib.suppress(Exception):  # the others are stopped nevertheless
                    slot.stop()
            for key in list(self.running):
                del self.running[key]
                self._set_state(key, TaskState.READY)
            self._on_change()

    def _update_waiting_tasks(self) -> None:
        """Makes waiting tasks whose prerequisites have ended ready, finished or left out."""
        while self._to_update:
            key = self._to_update.popleft()
            task = self.plan.tasks[key]
            before = [self.states[earlier] for earlier in task.prerequisites]
            if self.states[key] is not TaskState.WAITING or not ENDED_STATES.issuperset(before):
                continue
            starts_from = [earlier.key for earlier in (task.made_from, task.rewinds_to) if earlier]
            if any(state is not TaskState.FINISHED for state in before) or any(map(self._diverged, starts_from)):
                self._set_state(key, TaskState.LEFT_OUT)
            elif self._has_current_result(task):
                self._set_state(key, TaskState.FINISHED)
            else:
                self._make_ready(key)

    def _make_ready(self, key: str) -> None:
        self._set_state(key, TaskState.READY)
        heapq.heappush(self._ready, (-self._chain_seconds[key], self._rank[key], key))

    def _set_state(self, key: str, state: TaskState) -> None:
        self.counts[self.states[key]] -= 1
        self.counts[state] += 1
        self.states[key] = state
        if state in ENDED_STATES:
            self._remaining.remove(self.plan.tasks[key])
            self._to_update.extend(self._followers[key])

    def _diverged(self, key: str) -> bool:
        return self.metrics[key].get("status") == "diverged"

    def _has_current_result(self, task: Task) -> bool:
        """Whether a task's result was found, has enough levels, and was made from its parent as that is now."""
        metrics = self.metrics.get(task.key)
        if metrics is None:
            return False
        if task.made_from and metrics["parent"] != self.metrics[task.made_from.key]["fingerprint"]:
            return False
        return has_enough_levels(task, metrics)

    def _start_ready_tasks(self, engine: Engine) -> None:
        """Starts as many tasks as there is room for, strictly in order: a small task never overtakes a large one."""
        if not self._ready and not engine.keeps_idle_slots:
            while self._idle:
                self._idle.pop().stop()
        while self._ready:
            key = self._ready[0][-1]
            task = self.plan.tasks[key]
            slot = self._slot(engine, Resources.for_network(cost_for(task.network), self._threads))
            if slot is None:
                return
            heapq.heappop(self._ready)
            self._set_state(key, TaskState.RUNNING)
            self.running[key] = RunningTask(task, slot, time.monotonic())
            failed = _outcome_or_failure(functools.partial(slot.start, task, self._earlier(task)))
            if failed is not None:
                self._end(slot, failed)

    def _slot(self, engine: Engine, resources: Resources) -> Slot | None:
        """An idle slot of these resources, or a new one if there is room once idle slots of other ones are stopped."""
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
        """The metrics of the levels before a level, the dense network's first."""
        if not isinstance(task, LevelTask):
            return []
        return [self.metrics[task.other_level(level).key] for level in range(task.level)]

    def _end(self, slot: Slot, outcome: Outcome) -> None:
        """Records how the task in a slot ended."""
        key = next(key for key, running in self.running.items() if running.slot is slot)
        if outcome.ending is Ending.DISK_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), outcome.error)
        ended = self.running.pop(key)
        if outcome.ending is Ending.LOST:
            slot.stop()
        else:
            self._idle.append(slot)
        if outcome.ending is Ending.FINISHED and outcome.metrics is not None:
            self.metrics[key] = outcome.metrics
            self._steps_ended += outcome.metrics.get("iterations", 0)
            self._set_state(key, TaskState.FINISHED)
            if outcome.metrics.get("status") != "diverged":
                # The metrics count the time before a resumed training was interrupted too.
                seconds = max(time.monotonic() - ended.since, outcome.metrics.get("seconds", 0.0))
                self._remaining.learn(ended.task, seconds)
            self._on_end(ended.task, outcome)
        elif self._is_tried_again(key, outcome):
            self._make_ready(key)
        else:
            self.errors[key] = outcome.error
            self._set_state(key, TaskState.FAILED)
            self._on_end(ended.task, outcome)
        self._update_waiting_tasks()

    def _is_tried_again(self, key: str, outcome: Outcome) -> bool:
        """Counts one more failure of a task, and says whether the task is tried again.

        A task whose process died goes back to the ready ones and takes up its last checkpoint in a new process. Deaths
        (out of memory, a lost machine) are counted apart from errors of the task itself.
        """
        counted, limit = (self._lost, LOST_LIMIT) if outcome.ending is Ending.LOST else (self._tries, self._retries)
        counted[key] += 1
        return counted[key] <= limit


def _outcome_or_failure(call: Callable[[], Returned]) -> Returned | Outcome:
    """What a slot returns; if it raises an error of its own, such as an unreadable file, the failure of its task."""
    try:
        return call()
    except InputError:
        raise  # concerns the whole request, and is reported once
    except Exception as error:  # noqa: BLE001 - any error is tried again, then reported
        return failure(error)
