"""Finds levels and continues the algorithm, with trainings that NumPy makes up."""

from types import SimpleNamespace

import numpy as np
import pytest

from lottery_tf.errors import InputError
from lottery_tf.levels.shared_parts import SharedParts
from lottery_tf.levels.treatment_levels import TreatmentLevels
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import level_path
from lottery_tf.results.store import MemoryResults
from lottery_tf.results.stored_result import StoredResult, fingerprint

SIZE = 60
DEFAULT = Treatment()


class MadeUp:
    """A recorder that trains nothing: every kept weight moves by something of its own.

    Args:
      results: where it stores.
      diverging: the levels that diverge.
    """

    def __init__(self, results, diverging=()):
        self.results, self.diverging, self.trainings, self.plans = results, diverging, 0, []

    def train(self, ticket, plan):
        self.trainings += 1
        self.plans.append(plan)
        moved = ticket.start["w"] + np.random.default_rng(plan.level).normal(size=SIZE)
        final = {"w": np.where(ticket.mask["w"], moved, ticket.start["w"])}
        status = "diverged" if plan.level in self.diverging else "finished"
        own = {"parent": "", "seed": plan.seed, "level": plan.level, "status": status, "keep_weights": False}
        metrics = own | plan.identity | {"fingerprint": fingerprint(final, ticket.mask)}
        result = StoredResult(ticket.mask, metrics, start=ticket.start, final=final)
        self.results.write(plan.path, result)
        return result


def levels_of(treatment=DEFAULT, seed=0, **options):
    """The levels of a treatment, the recorder that trains them, and where they are stored."""
    results = MemoryResults()
    recorder = MadeUp(results, **options)
    network = SimpleNamespace(
        initial=lambda seed: {"w": np.random.default_rng(seed).normal(size=SIZE)},
        draws=True,
        names=["w"],
        pruned_fraction={"w": 0.2},
        draw={"w": lambda rng: rng.normal(size=SIZE)},
    )
    trainer = SimpleNamespace(settings=SimpleNamespace(iterations=100))
    levels = SharedParts(network, trainer, recorder, results, keep_weights=False)
    return TreatmentLevels(levels, treatment, seed), recorder, results


def numbers(recorder):
    return [plan.level for plan in recorder.plans]


def test_what_is_missing_before_a_level_is_trained_first():
    levels, recorder, results = levels_of()
    levels.next_level(3)
    assert numbers(recorder) == [0, 1, 2, 3]
    assert [plan.path for plan in recorder.plans] == ["seed-0/dense"] + [
        level_path(0, DEFAULT.name, n) for n in (1, 2, 3)
    ]
    parents = [plan.identity.get("parent", "") for plan in recorder.plans]
    found = [results.read(plan.path, weights=False).metrics["fingerprint"] for plan in recorder.plans]
    assert parents == ["", *found[:3]]


def test_one_shot_levels_need_the_dense_network_alone():
    levels, recorder, _ = levels_of(Treatment(rounds="oneshot"))
    levels.next_level(3)
    assert numbers(recorder) == [0, 3]


def test_it_is_taken_up_at_the_nearest_level_with_weights_to_the_same_bits():
    levels, recorder, results = levels_of()
    wanted = [levels.next_level(number) for number in (1, 2, 3, 4)]
    results.drop_weights(level_path(0, DEFAULT.name, 4))
    again = levels.find_or_train(4, weights=True)
    assert numbers(recorder) == [0, 1, 2, 3, 4, 1, 2, 3, 4], "the weights of 1 to 3 were dropped"
    assert again.final["w"].tobytes() == wanted[-1].final["w"].tobytes()
    results.drop_weights(level_path(0, DEFAULT.name, 4))
    levels.find_or_train(4, weights=True)
    assert numbers(recorder)[9:] == [4], "level 3 has its weights again"


def test_weights_are_dropped_once_the_next_level_is_there():
    levels, _, results = levels_of()

    def with_weights():
        return [n for n in range(1, 5) if results.read(level_path(0, DEFAULT.name, n), weights=True)]

    levels.next_level(1)
    assert with_weights() == [1]
    levels.next_level(2)
    assert with_weights() == [2]
    levels.next_level(4)
    assert with_weights() == [4]


def test_children_of_another_parent_are_not_found():
    levels, recorder, _ = levels_of()
    one = levels.next_level(1)
    parent = one.metrics["parent"]
    assert levels.find_or_train(1, weights=False, parent=parent).metrics == one.metrics
    assert recorder.trainings == 2
    levels.find_or_train(1, weights=False, parent="other")
    assert recorder.trainings == 3


def test_nothing_follows_a_level_that_diverged():
    levels, recorder, _ = levels_of(seed=5, diverging=(2,))
    with pytest.raises(
        InputError, match="Level 2 of large_final-rewind-zero, seed 5, diverged; it has no later levels"
    ):
        levels.next_level(4)
    assert numbers(recorder) == [0, 1, 2]
    one_shot, *_ = levels_of(Treatment(rounds="oneshot"), seed=5, diverging=(2,))
    assert one_shot.next_level(3).metrics["status"] == "finished"


def test_a_late_rewind_point_is_trained_once_for_all_levels():
    treatment = Treatment(rewind_to=30)
    levels, recorder, results = levels_of(treatment)
    level = levels.next_level(2)
    plans = {plan.path: plan for plan in recorder.plans}
    assert len(plans) == len(recorder.plans) == 4
    assert (plans["seed-0/rewind-30"].identity, plans["seed-0/rewind-30"].iterations.last) == ({"kind": "rewind"}, 30)
    assert {plan.iterations.first for plan in recorder.plans if treatment.name in plan.path} == {30}
    rewound = results.read("seed-0/rewind-30", weights=True).final["w"]
    np.testing.assert_array_equal(level.start["w"], np.where(level.mask["w"], rewound, 0))
