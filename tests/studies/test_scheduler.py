"""The scheduler with a made-up engine: no processes, no trainings, and every outcome that the test wants."""

import collections
import itertools
import sys

import pytest

from lottery_tf.studies.planning import Request, plan
from lottery_tf.studies.scheduler import LOST_LIMIT, Scheduler, TaskState
from lottery_tf.studies.worker import Ending, Outcome


class MadeUpSlot:
    steps, reading = 0, None

    def __init__(self, resources, engine):
        self.resources, self._engine, self.task, self.stopped = resources, engine, None, False

    def start(self, task, earlier):
        assert self.task is None and not self.stopped
        self.task = task
        self._engine.started.append(task.key)
        self._engine.earlier[task.key] = [metrics["fingerprint"] for metrics in earlier]

    def result(self):
        task, self.task = self.task, None
        return self._engine.end(task)

    def stop(self):
        self.stopped = True


class MadeUpEngine:
    """Ends units in the order in which they were started.

    `ends` says for some keys how they end, one end after the other; all others are finished.
    """

    def __init__(self, workers=2, ends=None, keeps_idle_slots=True):
        self.workers, self.slots, self.keeps_idle_slots = workers, [], keeps_idle_slots
        self.started, self.earlier = [], {}
        self.ends = {key: iter(ends) for key, ends in (ends or {}).items()}

    def fits(self, resource_list):
        return len(resource_list) <= self.workers

    def slot(self, resources):
        self.slots.append(MadeUpSlot(resources, self))
        return self.slots[-1]

    def wait(self, busy, seconds):
        return [min(busy, key=lambda slot: self.started.index(slot.task.key))]

    def end(self, task):
        return next(self.ends.get(task.key, iter(())), finished(task))


def finished(task, **changes):
    parent = f"of {task.prerequisites[0]}" if task.prerequisites else ""
    metrics = {"fingerprint": f"of {task.key}", "parent": parent, "iterations": task.iterations, "seconds": 1.0}
    return Outcome(Ending.FINISHED, metrics | {"levels": getattr(task, "levels", 0), "status": "finished"} | changes)


LOST = Outcome(Ending.LOST, error="gone")
SMALL = plan(Request(("demo",), seeds=(0, 1), levels=3, schedule="100"))
RUN = "fc-digits/100"
LEVEL = RUN + "/seed-0/large_final-rewind-zero/level-0{}"


def scheduled(plan=SMALL, found=None, engine=None, **options):
    engine = engine or MadeUpEngine()
    scheduler = Scheduler(plan, found or {}, **options)
    scheduler.run(engine)
    assert all(slot.stopped for slot in engine.slots)
    return scheduler, engine


def test_everything_is_done_once_and_in_order():
    scheduler, engine = scheduled()
    assert sorted(engine.started) == sorted(SMALL.tasks)
    for key, task in SMALL.tasks.items():
        assert all(engine.started.index(resources) < engine.started.index(key) for resources in task.prerequisites)
    assert set(scheduler.states.values()) == {TaskState.FINISHED}
    assert scheduler.steps == sum(task.iterations for task in SMALL.tasks.values())
    assert scheduler.fraction_done == pytest.approx(1)
    assert engine.earlier[LEVEL.format(3)] == [
        f"of {RUN}/seed-0/dense",
        f"of {LEVEL.format(1)}",
        f"of {LEVEL.format(2)}",
    ]


def test_the_longest_way_goes_first():
    _, engine = scheduled(engine=MadeUpEngine(workers=1))
    trained = [key for key in engine.started if SMALL.tasks[key].iterations]
    levels = [0 if key.endswith("dense") else int(key[-1]) for key in trained]
    assert levels == sorted(levels), "a chain ran ahead while others, as long, had further to go"


def test_what_is_there_is_not_done_again():
    found = {key: finished(task).metrics for key, task in SMALL.tasks.items() if "large_final" not in key}
    _, engine = scheduled(found=found)
    assert sorted(engine.started) == sorted(key for key in SMALL.tasks if "large_final" in key)
    # The end of a chain alone: what comes before is done, and then it is still the right one's child.
    only = {key: metrics for key, metrics in found.items() if not key.endswith(("level-01", "level-02"))}
    _, engine = scheduled(found=only)
    assert not {key for key in only if key in engine.started}


def test_a_child_of_another_parent_is_done_again():
    found = {key: finished(task).metrics for key, task in SMALL.tasks.items()}
    del found[LEVEL.format(1)]
    other = finished(SMALL.tasks[LEVEL.format(1)], fingerprint="another")
    _, engine = scheduled(found=found, engine=MadeUpEngine(ends={LEVEL.format(1): [other]}))
    assert engine.started[:2] == [LEVEL.format(1), LEVEL.format(2)]


def test_a_failure_is_tried_again_then_told_and_stops_nothing_else():
    failed = Outcome(Ending.FAILED, error="Traceback: no")
    ended = []
    ends = {LEVEL.format(2): itertools.repeat(failed)}
    scheduler, engine = scheduled(engine=MadeUpEngine(ends=ends), retries=2, on_end=lambda *end: ended.append(end))
    assert engine.started.count(LEVEL.format(2)) == 3
    assert scheduler.errors == {LEVEL.format(2): "Traceback: no"}
    assert scheduler.states[LEVEL.format(3)] is TaskState.LEFT_OUT
    assert collections.Counter(scheduler.states.values()) == scheduler.counts
    assert scheduler.counts[TaskState.FINISHED] == len(SMALL.tasks) - 2
    assert [outcome for task, outcome in ended if task.key == LEVEL.format(2)] == [failed]


def test_one_failure_may_pass():
    ends = {LEVEL.format(2): [Outcome(Ending.FAILED, error="once")]}
    scheduler, _ = scheduled(engine=MadeUpEngine(ends=ends))
    assert scheduler.errors == {} and scheduler.counts[TaskState.FINISHED] == len(SMALL.tasks)


def test_nothing_follows_on_what_diverged():
    diverged = finished(SMALL.tasks[LEVEL.format(1)], status="diverged")
    scheduler, _ = scheduled(engine=MadeUpEngine(ends={LEVEL.format(1): [diverged]}))
    assert scheduler.states[LEVEL.format(1)] is TaskState.FINISHED
    assert [scheduler.states[LEVEL.format(n)] for n in (2, 3)] == [TaskState.LEFT_OUT] * 2
    assert scheduler.errors == {}


def test_a_lost_process_costs_nothing_but_time_and_has_its_bounds():
    ends = {LEVEL.format(2): [LOST] * 3}
    scheduler, engine = scheduled(engine=MadeUpEngine(ends=ends), retries=0)
    assert scheduler.counts[TaskState.FINISHED] == len(SMALL.tasks)
    assert sum(slot.stopped for slot in engine.slots) == 2 + 3, "a slot whose process was gone was used again"
    scheduler, engine = scheduled(engine=MadeUpEngine(ends={LEVEL.format(2): itertools.repeat(LOST)}))
    assert engine.started.count(LEVEL.format(2)) == LOST_LIMIT + 1
    assert scheduler.states[LEVEL.format(2)] is TaskState.FAILED


def test_files_that_cannot_be_read_here_are_the_failure_of_one_unit():
    class NoFiles(MadeUpSlot):
        def start(self, task, earlier):
            if task.key == LEVEL.format(2):
                raise NotADirectoryError(task.key)
            super().start(task, earlier)

    engine = MadeUpEngine()
    engine.slot = lambda resources: engine.slots.append(NoFiles(resources, engine)) or engine.slots[-1]
    scheduler, _ = scheduled(engine=engine)
    assert "NotADirectoryError" in scheduler.errors[LEVEL.format(2)]
    assert scheduler.counts[TaskState.FINISHED] == len(SMALL.tasks) - 2


def test_time_left_follows_what_the_study_shows_and_the_fraction_done_never_falls():
    whole = plan(Request(("figure7",), ("fc",), (0, 1), 3, "digits", "100"))
    true = {"training": 20.0, "learned mask": 1.0, "supermasks": 0.3}  # seconds; the table has the order reversed
    takes = {key: true[task.kind] * task.amount / 6 for key, task in whole.tasks.items()}
    takes |= {key: true[task.kind] for key, task in whole.tasks.items() if task.iterations}
    ends = {key: [finished(task, seconds=takes[key])] for key, task in whole.tasks.items()}
    left, shares, seen = dict(takes), [], set()

    def on_end(task, outcome):
        del left[task.key]
        seen.add(task.kind)
        shares.append(scheduler.fraction_done)
        if len(seen) == len(true):
            estimate = scheduler.seconds_left * max(1, len(scheduler.running))
            assert estimate == pytest.approx(sum(left.values()), rel=0.05, abs=0.5)

    scheduler = Scheduler(whole, {}, on_end=on_end)
    scheduler.run(MadeUpEngine(ends=ends))
    assert len(seen) == len(true)
    assert shares == sorted(shares) and shares[0] > 0 and shares[-1] == pytest.approx(1)


@pytest.mark.slow
def test_long_chains():
    long = plan(Request(("demo",), seeds=(0,), levels=2000, schedule="100"))
    found = {key: finished(task).metrics for key, task in long.tasks.items()}
    _, engine = scheduled(long, found=found)
    assert engine.started == []


def test_a_full_disk_ends_it_all():
    full = Outcome(Ending.DISK_FULL, error="No space left on device")
    engine = MadeUpEngine(ends={LEVEL.format(2): [full]})
    with pytest.raises(OSError, match="No space left"):
        Scheduler(SMALL, {}).run(engine)
    assert all(slot.stopped for slot in engine.slots)


def test_slots_are_as_wide_as_their_network_wants():
    mixed = plan(Request(("figure5",), ("fc", "conv2"), (0,), 2, "digits", "100"))
    _, engine = scheduled(mixed, engine=MadeUpEngine(workers=1))
    assert {slot.resources.threads for slot in engine.slots} == {1, 2}
    assert len(engine.slots) <= 3, "slots were changed to and fro"
    _, engine = scheduled(mixed, engine=MadeUpEngine(workers=1), threads=3)
    assert {slot.resources.threads for slot in engine.slots} == {3}


@pytest.mark.parametrize("keeps", [True, False])
def test_slots_without_work_are_kept_or_given_back(keeps):
    chain = plan(Request(("demo",), seeds=(0,), levels=3, schedule="100"))
    engine = MadeUpEngine(workers=3, keeps_idle_slots=keeps)
    ends = [f"{RUN}/seed-0/{criterion}-rewind-zero/level-03" for criterion in ("large_final", "random")]
    idle_at_the_end = []

    def on_end(task, outcome):
        idle_at_the_end.append(sum(slot.task is None and not slot.stopped for slot in engine.slots))

    scheduled(chain, engine=engine, on_end=on_end)
    assert set(ends) <= set(engine.started)
    # Three chains end one after the other: with nothing left to do, a slot is idle for one and then for two of them.
    assert idle_at_the_end[-3:] == ([1, 2, 3] if keeps else [1, 1, 1])


def test_supermasks_with_fewer_levels_are_made_again():
    mask_sources = plan(Request(("figure7",), ("fc",), (0,), 5, "digits", "100"))
    found = {key: finished(task).metrics for key, task in mask_sources.tasks.items()}
    short = next(key for key in found if "supermask" in key)
    found[short]["levels"] = 4
    _, engine = scheduled(mask_sources, found=found)
    assert engine.started == [short]


def calls_per_task(seeds):
    """How many functions are called to schedule a task of the paper's experiments with fc."""
    whole, calls = plan(Request(("paper",), ("fc",), seeds)), 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        _, engine = scheduled(whole)
    finally:
        sys.setprofile(None)
    assert len(engine.started) == len(whole.tasks)
    return calls / len(whole.tasks)


@pytest.mark.slow
def test_a_task_costs_the_same_in_a_plan_of_any_size():
    few, many = calls_per_task((0,)), calls_per_task(tuple(range(5)))
    assert many < 1.1 * few < 2000
