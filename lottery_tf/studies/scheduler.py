"""Runs a plan: starts each missing task when its prerequisites are finished, the longest chain first."""

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
from lottery_tf.results.stored_result import diverged
from lottery_tf.studies.costs import Speeds, cost_for
from lottery_tf.studies.engines import Engine, Resources, Slot
from lottery_tf.studies.planning import Plan
from lottery_tf.studies.remaining_time import RemainingTime, RunningTask
from lottery_tf.studies.task_results import has_enough_levels
from lottery_tf.studies.tasks import LevelTask, Task
from lottery_tf.studies.worker import Ending, Outcome, failure

WAIT_SECONDS = 0.5  # the longest time between two calls of `on_change`
LOST_LIMIT = 10  # how many processes may die during one task
Returned = TypeVar("Returned")


class TaskState(enum.Enum):
    """The state of a task of a plan."""

    WAITING = "waiting"  # for its prerequisites
    READY = "ready"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    LEFT_OUT = "left out"  # because a prerequisite failed or diverged


ENDED_STATES = frozenset((TaskState.FINISHED, TaskState.FAILED, TaskState.LEFT_OUT))


class Scheduler:
    """Runs a plan on an engine.

    A task waits until its prerequisites are finished. If its result was found, and was made from the present results of
    its prerequisites, the task is finished too. Otherwise it is ready. Ready tasks start in the engine's slots; the
    task with the longest chain of tasks after it starts first. A failed task is tried again. If it keeps failing, the
    tasks that depend on it are left out.

    `found` are the metrics of the finished results by key. `threads` is the number of threads of each slot; 0: as in
    `costs.COSTS`.
    `on_change` is called about twice a second and whenever a task ends, `on_end` with each task that has finished or
    failed, and its outcome.

    Attributes:
      plan: the plan.
      metrics: the metrics of all results that were found or made, by key.
      states: the state of each task, by key.
      errors: the last error of each failed task, by key.
      counts: the number of tasks in each state.
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
        self._errors: collections.Counter[str] = collections.Counter()
        self._deaths: collections.Counter[str] = collections.Counter()
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
        """Returns for each task the seconds of the longest chain of tasks that starts with it."""
        chains: dict[str, float] = {}
        for key in reversed(self.plan.tasks):
            seconds = speeds.seconds(self.plan.tasks[key])
            chains[key] = seconds + max((chains[later] for later in self._followers[key]), default=0.0)
        return chains

    @property
    def steps(self) -> int:
        """The training steps of tasks that have ended, and of running tasks if the engine knows them."""
        return self._steps_ended + sum(running.slot.steps for running in self.running.values())

    @property
    def seconds_left(self) -> float:
        """About how many seconds the remaining tasks take, if as many tasks run at once as now."""
        return self._remaining.seconds / max(1, len(self.running))

    @property
    def fraction_done(self) -> float:
        """The fraction of the plan's total time that has passed, in [0, 1]."""
        return self._remaining.fraction_done

    @property
    def pending(self) -> list[Task]:
        """The tasks that have not ended."""
        return [self.plan.tasks[key] for key, state in self.states.items() if state not in ENDED_STATES]

    def run(self, engine: Engine) -> None:
        """Runs the plan on an engine until every task has ended.

        Raises:
          OSError: the disk is full.
          KeyboardInterrupt: the user stopped it; running tasks are stopped, and finished results are kept.
        """
        try:
            self._start_ready_tasks(engine)
            while self.running:
                slots = [running.slot for running in self.running.values()]
                for slot in engine.wait(slots, WAIT_SECONDS):
                    self._record_end(slot, _outcome_or_failure(slot.result))
                self._start_ready_tasks(engine)
                self._on_change()
        finally:
            for slot in [*self._idle, *(running.slot for running in self.running.values())]:
                with contextlib.suppress(Exception):  # the other slots must be stopped too
                    slot.stop()
            for key in list(self.running):
                del self.running[key]
                self._set_state(key, TaskState.READY)
            self._on_change()

    def _update_waiting_tasks(self) -> None:
        """Sets waiting tasks whose prerequisites have ended to ready, finished or left out.

        A task that ends here (finished or left out) can end the wait of the tasks after it: `_set_state` adds these to
        `_to_update`, and the loop goes on until nothing is left to update.
        """
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
        """Sets the state of a task. If the task has ended, `_update_waiting_tasks` must then update those after it."""
        self.counts[self.states[key]] -= 1
        self.counts[state] += 1
        self.states[key] = state
        if state in ENDED_STATES:
            self._remaining.remove(self.plan.tasks[key])
            self._to_update.extend(self._followers[key])

    def _diverged(self, key: str) -> bool:
        return diverged(self.metrics[key])

    def _has_current_result(self, task: Task) -> bool:
        """Returns whether a task's result is there, has enough levels, and was made from its parent's own result."""
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
                self._record_end(slot, failed)

    def _slot(self, engine: Engine, resources: Resources) -> Slot | None:
        """Returns an idle slot with these resources, or a new slot if there is room; stops other idle slots for it."""
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
        """Returns the metrics of the levels before a level, those of the dense network first."""
        if not isinstance(task, LevelTask):
            return []
        return [self.metrics[task.other_level(level).key] for level in range(task.level)]

    def _record_end(self, slot: Slot, outcome: Outcome) -> None:
        """Records how the task in a slot ended."""
        key = next(key for key, running in self.running.items() if running.slot is slot)
        if outcome.ending is Ending.DISK_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), outcome.error)
        running = self.running.pop(key)
        if outcome.ending is Ending.LOST:
            slot.stop()
        else:
            self._idle.append(slot)
        if outcome.ending is Ending.FINISHED and outcome.metrics is not None:
            self._finish(key, running, outcome, outcome.metrics)
        else:
            self._retry_or_fail(key, running, outcome)
        self._update_waiting_tasks()

    def _finish(self, key: str, running: RunningTask, outcome: Outcome, metrics: dict) -> None:
        """Records the result of a task."""
        self.metrics[key] = metrics
        self._steps_ended += metrics.get("iterations", 0)
        self._set_state(key, TaskState.FINISHED)
        if not diverged(metrics):
            # The time in the metrics includes the time before an interruption.
            seconds = max(time.monotonic() - running.since, metrics.get("seconds", 0.0))
            self._remaining.learn(running.task, seconds)
        self._on_end(running.task, outcome)

    def _retry_or_fail(self, key: str, running: RunningTask, outcome: Outcome) -> None:
        """Makes a task ready again, or records that it has failed.

        A task whose process died becomes ready again and continues from its last checkpoint in a new process. Deaths of
        processes (out of memory, a lost machine) and errors of the task itself are counted separately.
        """
        failures, limit = (self._deaths, LOST_LIMIT) if outcome.ending is Ending.LOST else (self._errors, self._retries)
        failures[key] += 1
        if failures[key] <= limit:
            self._make_ready(key)
            return
        self.errors[key] = outcome.error
        self._set_state(key, TaskState.FAILED)
        self._on_end(running.task, outcome)


def _outcome_or_failure(call: Callable[[], Returned]) -> Returned | Outcome:
    """Returns the value of a slot's method, or the failure of its task if the method raises an error."""
    try:
        return call()
    except InputError:
        raise  # it concerns the whole request, and is reported once
    except Exception as error:  # noqa: BLE001 - after any error the task is tried again, then the error is reported
        return failure(error)
