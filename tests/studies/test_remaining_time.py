"""The time that is left of a plan, by hand."""

import types

import pytest

from lottery_tf.models.settings import experiment_settings
from lottery_tf.studies import remaining_time
from lottery_tf.studies.costs import COSTS, Speeds
from lottery_tf.studies.remaining_time import RemainingTime, RunningTask
from lottery_tf.studies.tasks import LevelTask

TASKS = [LevelTask(experiment_settings("fc", "digits", "100"), seed) for seed in range(4)]
EACH = 10.0  # seconds
SPEEDS = [(TASKS[0], {"seconds": EACH})]


@pytest.fixture
def clock(monkeypatch):
    clock = types.SimpleNamespace(seconds=1000.0)
    monkeypatch.setattr(remaining_time.time, "monotonic", lambda: clock.seconds)
    return clock


def test_tasks_take_the_time_that_others_took_and_running_ones_are_counted_down(clock):
    running = {}
    left = RemainingTime(TASKS, Speeds(SPEEDS), running)
    assert (left.seconds, left.fraction_done) == (pytest.approx(40), 0)
    for task in TASKS[:2]:
        running[task.key] = RunningTask(task, None, clock.seconds)
    clock.seconds += 4
    assert (left.seconds, left.fraction_done) == (pytest.approx(40 - 2 * 4), pytest.approx(0.2))
    clock.seconds += 100
    assert left.seconds == pytest.approx(20), "a task that takes longer than others takes no more from what is left"
    for task in TASKS[:2]:
        left.remove(running.pop(task.key).task)
    assert (left.seconds, left.fraction_done) == (pytest.approx(20), pytest.approx(0.5))
    for task in TASKS[2:]:
        left.remove(task)
    assert (left.seconds, left.fraction_done) == (0, 1)


def test_networks_and_kinds_have_speeds_of_their_own(clock):
    other = LevelTask(experiment_settings("conv2", "digits", "100"), 0)
    left = RemainingTime([*TASKS, other], Speeds(SPEEDS), {})
    assert left.seconds == pytest.approx(40 + 100 * 60 / COSTS["conv2"].speeds["training"])


def test_another_speed_changes_the_time_and_not_the_share_that_is_done(clock):
    left = RemainingTime(TASKS, Speeds(SPEEDS), {})
    left.remove(TASKS[0])
    left.learn(TASKS[0], 3 * EACH)
    assert (left.seconds, left.fraction_done) == (pytest.approx(3 * 3 * EACH), pytest.approx(0.25))
    left.remove(TASKS[1])
    assert left.fraction_done == pytest.approx(0.5), "a third of the rest is done"
    for task in TASKS[2:]:
        left.remove(task)
    left.learn(TASKS[3], EACH)
    assert (left.seconds, left.fraction_done) == (0, 1)
