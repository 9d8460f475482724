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
from lottery_tf.study.costs import COSTS, Speeds
from lottery_tf.study.engines import Engine, Need, Slot
from lottery_tf.study.folder import satisfied
from lottery_tf.study.studies import Plan
from lottery_tf.study.work import LevelWork, Work
from lottery_tf.study.worker import End, Ended, failure

WAIT_SECONDS = 0.5  # between two looks at what is going on
LOST_LIMIT = 10  # processes that may die over one unit


class Standing(enum.Enum):
    """Where a unit of a plan stands."""

    WAITING = "waiting"  # for what it needs
    READY = "ready"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    LEFT_OUT = "left out"  # what it needs failed or diverged


ENDS = frozenset((Standing.FINISHED, Standing.FAILED, Standing.LEFT_OUT))


@dataclasses.dataclass
class Running:
    """A unit that is at work."""

    work: Work
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
        on_end: Callable[[Work, Ended], None] = lambda work, ended: None,
    ):
        self.plan = plan
        self._retries = retries
        self._threads = threads
        self._on_change, self._on_end = on_change, on_end
        self.metrics = dict(found)
        self.states = dict.fromkeys(plan.works, Standing.WAITING)
        self.counts = collections.Counter(self.states.values())
        self.errors: dict[str, str] = {}
        self.running: dict[str, Running] = {}
        self._idle: list[Slot] = []
        self._tries: collections.Counter[str] = collections.Counter()
        self._lost: collections.Counter[str] = collections.Counter()
        self._followers: dict[str, list[str]] = {key: [] for key in plan.works}
        for key, work in plan.works.items():
            for earlier in work.prerequisites:
                self._followers[earlier].append(key)
        self._speeds = Speeds((plan.works[key], metrics) for key, metrics in found.items())
        self._pending: collections.Counter[tuple[str, str]] = collections.Counter()
        for work in plan.works.values():
            self._pending[work.network, work.kind] += work.amount
        self._share_a_second = 1 / self._left()
        self._way_to_go = self._ways_to_go()
        self._ready: list[tuple[float, int, str]] = []
        self._rank = {key: rank for rank, key in enumerate(plan.works)}
        self._steps_ended = 0
        self._unsettled: collections.deque[str] = collections.deque(plan.works)
        self._settle()

    def _ways_to_go(self) -> dict[str, float]:
        """For each unit the seconds from its beginning to the end of the longest way that leads on from it."""
        ways: dict[str, float] = {}
        for key in reversed(self.plan.works):
            own = self._speeds.seconds(self.plan.works[key])
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
        pending = sum(amount / self._speeds.of(*group) for group, amount in self._pending.items())
        now = time.monotonic()
        begun = (min(self._speeds.seconds(unit.work), now - unit.since) for unit in self.running.values())
        return max(0.0, pending - sum(begun))

    def _learn(self, work: Work, seconds: float) -> None:
        """Takes note of how long a unit took."""
        share = self.share_done
        self._speeds.learn(work, seconds)
        if left := self._left():
            self._share_a_second = (1 - share) / left

    @property
    def pending(self) -> list[Work]:
        """The units that are neither finished nor given up."""
        return [self.plan.works[key] for key, state in self.states.items() if state not in ENDS]

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
                    self._end(slot, _told(slot.result))
                self._start(engine)
                self._on_change()
        finally:
            for slot in [*self._idle, *(running.slot for running in self.running.values())]:
                with contextlib.suppress(Exception):  # one that cannot be stopped does not keep the others
                    slot.stop()
            for key in list(self.running):
                del self.running[key]
                self._set(key, Standing.READY)
            self._on_change()

    def _settle(self) -> None:
        """Puts waiting units where they belong, once all that they need has ended: ready, finished, or left out."""
        while self._unsettled:
            self._settle_one(self._unsettled.popleft())

    def _settle_one(self, key: str) -> None:
        work = self.plan.works[key]
        before = [self.states[earlier] for earlier in work.prerequisites]
        if self.states[key] is not Standing.WAITING or not ENDS.issuperset(before):
            return
        start = [unit.key for unit in (work.made_from, work.rewinds_to) if unit]
        if any(state is not Standing.FINISHED for state in before) or any(map(self._diverged, start)):
            self._set(key, Standing.LEFT_OUT)
        elif self._is_result_of(work, self.metrics.get(key)):
            self._set(key, Standing.FINISHED)
        else:
            self._make_ready(key)

    def _make_ready(self, key: str) -> None:
        self._set(key, Standing.READY)
        heapq.heappush(self._ready, (-self._way_to_go[key], self._rank[key], key))

    def _set(self, key: str, state: Standing) -> None:
        self.counts[self.states[key]] -= 1
        self.counts[state] += 1
        self.states[key] = state
        if state in ENDS:
            work = self.plan.works[key]
            self._pending[work.network, work.kind] -= work.amount
            self._unsettled.extend(self._followers[key])

    def _diverged(self, key: str) -> bool:
        return self.metrics[key].get("status") == "diverged"

    def _is_result_of(self, work: Work, metrics: dict | None) -> bool:
        """Whether metrics that were found are this unit's, made from what it needs as that is now."""
        if metrics is None:
            return False
        if work.made_from and metrics["parent"] != self.metrics[work.made_from.key]["fingerprint"]:
            return False
        return satisfied(work, metrics)

    def _start(self, engine: Engine) -> None:
        """Starts as many units as there is room for, strictly in order: nothing small overtakes what is large."""
        if not self._ready and not engine.keeps_idle_slots:
            while self._idle:
                self._idle.pop().stop()
        while self._ready:
            key = self._ready[0][-1]
            work = self.plan.works[key]
            slot = self._slot(engine, Need.of(COSTS[work.network], self._threads))
            if slot is None:
                return
            heapq.heappop(self._ready)
            self._set(key, Standing.RUNNING)
            self.running[key] = Running(work, slot, time.monotonic())
            if (failed := _told(lambda slot=slot, work=work: slot.start(work, self._earlier(work)))) is not None:
                self._end(slot, failed)

    def _slot(self, engine: Engine, need: Need) -> Slot | None:
        """A slot of the right kind: an idle one, or a new one if there is room, with idle ones of another kind stopped."""
        for slot in self._idle:
            if slot.need == need:
                self._idle.remove(slot)
                return slot
        busy = [running.slot.need for running in self.running.values()]
        if not engine.fits([*busy, need]):
            return None
        while self._idle and not engine.fits([*busy, *(slot.need for slot in self._idle), need]):
            self._idle.pop().stop()
        return engine.slot(need)

    def _earlier(self, work: Work) -> list[dict]:
        """The metrics of a treatment's levels below a level, the dense network's first."""
        if not isinstance(work, LevelWork):
            return []
        return [self.metrics[work.sibling(level).key] for level in range(work.level)]

    def _end(self, slot: Slot, ended: Ended) -> None:
        """Takes note of how the unit in a slot ended."""
        key = next(key for key, running in self.running.items() if running.slot is slot)
        work, since = self.running[key].work, self.running[key].since
        if ended.end is End.DISK_FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), ended.error)
        del self.running[key]
        if ended.end is End.LOST:
            slot.stop()
        else:
            self._idle.append(slot)
        if ended.end is End.FINISHED:
            self.metrics[key] = ended.metrics
            self._steps_ended += ended.metrics.get("iterations", 0)
            self._set(key, Standing.FINISHED)
            if ended.metrics.get("status") != "diverged":
                # What was taken up where another process left it took longer than this one knows.
                self._learn(work, max(time.monotonic() - since, ended.metrics.get("seconds", 0.0)))
            self._on_end(work, ended)
        elif self._is_tried_again(key, ended):
            self._make_ready(key)
        else:
            self.errors[key] = ended.error
            self._set(key, Standing.FAILED)
            self._on_end(work, ended)
        self._settle()

    def _is_tried_again(self, key: str, ended: Ended) -> bool:
        counted, limit = (self._lost, LOST_LIMIT) if ended.end is End.LOST else (self._tries, self._retries)
        counted[key] += 1
        return counted[key] <= limit


def _told(what: Callable[[], Ended | None]) -> Ended | None:
    """What a slot returns; an error of its own (files that cannot be read or written here) as the end of its unit."""
    try:
        return what()
    except InputError:
        raise  # what is wrong with the request is told once, not unit by unit
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told, tried again, and reported
        return failure(error)
