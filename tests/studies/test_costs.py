"""Speeds by kind of work, and which measurements count."""

import pytest

from lottery_tf.studies.costs import COSTS, Speeds
from lottery_tf.studies.planning import Request, plan
from lottery_tf.studies.tasks import HeuristicMasksTask, LearnedMaskTask, LevelTask

WORKS = plan(Request(("figure7",), ("fc",), (0,), 5, "digits", "100")).tasks.values()
LEVEL, SUPERMASKS, MASK = (
    next(w for w in WORKS if isinstance(w, kind)) for kind in (LevelTask, HeuristicMasksTask, LearnedMaskTask)
)


def test_each_kind_of_work_has_a_speed_of_its_own():
    speeds = Speeds([(LEVEL, {"seconds": 2.0}), (MASK, {"seconds": 30.0}), (SUPERMASKS, {"seconds": 0.5})])
    assert [speeds.seconds(task) for task in (LEVEL, MASK, SUPERMASKS)] == pytest.approx([2, 30, 0.5])
    assert speeds.speed_for("fc", "training") == pytest.approx(100 * 60 / 2)


def test_what_was_not_measured_is_taken_from_the_table():
    speeds = Speeds([(MASK, {"seconds": 30.0}), (LEVEL, {"seconds": 1e-3, "status": "diverged"})])
    assert speeds.seconds(LEVEL) == pytest.approx(100 * 60 / COSTS["fc"].speeds["training"])
    assert speeds.measured("fc", "training") == 0


def test_what_the_running_study_shows_goes_before_what_was_found():
    speeds = Speeds([(LEVEL, {"seconds": 2.0})] * 1000)
    speeds.learn(LEVEL, 6.0)
    speeds.learn(LEVEL, 8.0)
    assert speeds.seconds(LEVEL) == pytest.approx(7)
    assert speeds.seconds(MASK) == pytest.approx(MASK.amount / COSTS["fc"].speeds["learned mask"])


def test_every_network_has_a_speed_for_every_kind():
    kinds = {task.kind for task in WORKS}
    assert all(set(cost.speeds) == kinds for cost in COSTS.values())
