"""Directions: their lengths against distances between rewind points; pruned weights have no part in them."""

import itertools

import numpy as np
import pytest

from lottery_tf.algorithm import next_ticket
from lottery_tf.errors import InputError
from lottery_tf.landscape import directions
from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import SeededNetwork, Ticket, Treatment


def network(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "a/kernel": rng.normal(size=(40, 30)).astype(np.float32),
        "a/bias": rng.normal(size=30).astype(np.float32),
        "b/kernel": rng.normal(size=(30, 7)).astype(np.float32),
    }


def successive_tickets():
    """The dense ticket and the two that rounds of pruning with rewinding make from it."""
    tickets = [Ticket(network(), masks.full({name: network()[name] for name in ("a/kernel", "b/kernel")}))]
    for level in (1, 2):
        final = network(level)
        final |= {name: np.where(kept, final[name], tickets[-1].start[name]) for name, kept in tickets[-1].mask.items()}
        fractions = {"a/kernel": 0.3, "b/kernel": 0.1}
        seeded = SeededNetwork(network(), fractions, dict.fromkeys(fractions, lambda rng: None), seed=0)
        tickets.append(next_ticket(Treatment(), seeded, tickets[-1], final, level))
    return tickets


def distance(first, second):
    return np.sqrt(sum(((first[name].astype(np.float64) - second[name]) ** 2).sum() for name in first))


def test_length_of_the_projection_is_the_distance_between_rewind_points():
    tickets = successive_tickets()
    for this, following in itertools.pairwise(tickets):
        projection = directions.pruning_direction(this.start, this.mask, following.mask)
        assert directions.length(projection) == pytest.approx(distance(this.start, following.start), rel=1e-12)
        arrived = {name: this.start[name] + step for name, step in projection.items()}
        for name, values in arrived.items():
            np.testing.assert_array_equal(values, following.start[name])


def test_masks_that_are_not_nested_are_refused():
    _, first, second = successive_tickets()
    with pytest.raises(InputError, match="keeps weights of 'a/kernel' that the mask before it does not keep"):
        directions.pruning_direction(first.start, second.mask, first.mask)
    with pytest.raises(InputError, match="must have the same kernels"):
        directions.pruning_direction(first.start, first.mask, {"a/kernel": first.mask["a/kernel"]})


def test_random_directions_are_of_length_one_and_spare_removed_weights():
    mask = successive_tickets()[2].mask
    drawn = [directions.random_direction(mask, 0, "here", draw) for draw in range(200)]
    for direction in drawn:
        assert directions.length(direction) == pytest.approx(1, rel=1e-12)
        assert all((direction[name][~kept] == 0).all() for name, kept in mask.items())
    # Evenly drawn: each kept weight has the same share of the squared length, whichever layer it is in.
    total = sum(kept.sum() for kept in mask.values())
    for name, kept in mask.items():
        squared = np.mean([(direction[name] ** 2).sum() for direction in drawn])
        assert squared == pytest.approx(kept.sum() / total, rel=0.05)


def test_random_directions_repeat_by_their_keys_alone():
    mask = {"a": np.ones(50, bool), "b": np.ones(50, bool)}
    first, again, other = (directions.random_direction(mask, 0, "x", draw) for draw in (0, 0, 1))
    np.testing.assert_array_equal(first["a"], again["a"])
    assert abs(np.corrcoef(first["a"], other["a"])[0, 1]) < 0.5
    assert abs(np.corrcoef(first["a"], first["b"])[0, 1]) < 0.5


@pytest.mark.parametrize("far", [0.0, 0.01, 3.7, 250.0])
def test_a_state_moves_by_the_distance_asked_for(far):
    state, mask = network(), successive_tickets()[2].mask
    direction = {name: 3 * values for name, values in directions.random_direction(mask, 0).items()}
    there = directions.moved(state, direction, far)
    # What is left is the rounding of 1,410 numbers of float32.
    assert distance(state, there) == pytest.approx(far, rel=1e-6, abs=1e-5)
    assert there["a/bias"] is state["a/bias"]
    assert there["a/kernel"].dtype == np.float32


def test_directions_that_lead_nowhere_are_refused():
    with pytest.raises(InputError, match="length 0.0; it must be above 0"):
        directions.moved(network(), {"a/kernel": np.zeros((40, 30))}, 1.0)
    with pytest.raises(InputError, match="moves c/kernel, which the weights do not have"):
        directions.moved(network(), {"c/kernel": np.ones(3)}, 1.0)
