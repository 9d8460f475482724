"""Stability to data order and to perturbed starts: on a known landscape, and with a real trainer."""

import numpy as np
import pytest

from lottery_tf.landscape import directions, stability
from lottery_tf.landscape.evaluator import Evaluator
from lottery_tf.landscape.interpolation import LossAndError
from lottery_tf.masking import initial_weights, model_weights
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.pruning.treatments import Ticket
from lottery_tf.training.trainer import Trainer

TICKET = Ticket(
    {"k": np.array([0.9, 0.1, 0.0, 7.0], np.float32), "bias": np.array([0.5], np.float32)},
    {"k": np.array([True, True, True, False])},
)


def two_wells(state):
    """Wells at +1 and -1 of the first weight, a pass of height 1 between them."""
    loss = float((state["k"][0] ** 2 - 1) ** 2)
    return LossAndError(loss, loss)


def to_the_nearest_well(ticket):
    """Training that goes to the well on its side of the pass."""
    return ticket.start | {"k": np.array([np.sign(ticket.start["k"][0]), *ticket.start["k"][1:]])}


def test_instability_is_the_barrier_between_each_pair_of_copies():
    ends = [{"k": np.array([x])} for x in (1.0, 1.0, -1.0)]
    paths = list(stability.instability(two_wells, ends, points=31))
    assert [path.error_barrier for path in paths] == pytest.approx([0, 1, 1])
    assert [path.stable() for path in paths] == [True, False, False]
    assert [path.positions.size for path in stability.instability(two_wells, ends)] == [30] * 3


@pytest.mark.parametrize("far", [0.5, 3.0])
def test_perturbations_move_kept_kernel_weights_only(far):
    moved = stability.perturbed(TICKET, far, 0, "level", 3)
    step = moved.start["k"].astype(np.float64) - TICKET.start["k"]
    assert np.linalg.norm(step) == pytest.approx(far, rel=1e-6)
    assert step[3] == 0
    assert moved.start["bias"] is TICKET.start["bias"]
    assert moved.mask is TICKET.mask


def test_small_perturbations_return_and_large_ones_do_not():
    before = TICKET.start | {"k": np.array([1.0, 0, 0, 7.0])}
    unperturbed = to_the_nearest_well(TICKET)
    returns = list(
        stability.robustness(
            to_the_nearest_well,
            two_wells,
            TICKET,
            unperturbed,
            before,
            0.5,
            seed=0,
            level=2,
            multiples=(0.1, 1, 1000),
            draw=DRAW_THAT_CROSSES,
            points=31,
        )
    )
    assert [found.distance for found in returns] == pytest.approx([0.05, 0.5, 500])
    assert [found.multiple for found in returns] == [0.1, 1, 1000]
    for lines in ([found.to_unperturbed for found in returns], [found.to_before for found in returns]):
        assert [line.error_barrier for line in lines] == pytest.approx([0, 0, 1])
    # All in one direction, and the end is that of the training from there.
    steps = [stability.perturbed(TICKET, found.distance, 0, 2, DRAW_THAT_CROSSES).start["k"] for found in returns]
    assert [np.sign(step[0]) for step in steps] == [1, 1, -1]
    assert [found.end["k"][0] for found in returns] == [1, 1, -1]


# A direction in which the first weight falls.
DRAW_THAT_CROSSES = next(
    draw for draw in range(100) if stability.perturbed(TICKET, 1000, 0, 2, draw).start["k"][0] < -100
)


@pytest.mark.slow
def test_with_a_real_trainer(tiny_model, tiny_dataset):
    """A longer way from the start is a longer way from the unperturbed end; pruned weights stay frozen."""
    trainer = Trainer(tiny_model, tiny_dataset, TrainingSettings(20, learning_rate=0.01, batch_size=40))
    rng = np.random.default_rng(0)
    start = initial_weights.initial_weights(tiny_model, model_weights.get_weights(tiny_model), 0)
    ticket = Ticket(start, {name: rng.random(k.shape) < 0.5 for name, k in model_weights.kernels(tiny_model).items()})

    def train(ticket, order_seed=None):
        return trainer.train(ticket, 0, level=1, order_seed=order_seed).final

    evaluate = Evaluator(trainer, "test")
    own, other = train(ticket), train(ticket, order_seed=1)
    (path,) = stability.instability(evaluate, [own, other], points=5)
    assert path.errors[[-1, 0]].tolist() == [evaluate(own).error, evaluate(other).error]
    projection = directions.length({name: start[name][kept] for name, kept in ticket.mask.items()})
    returns = list(
        stability.robustness(
            train, evaluate, ticket, own, other, projection, seed=0, level=1, multiples=(0, 0.1, 1), points=5
        )
    )
    assert all(returns[0].end[name].tobytes() == own[name].tobytes() for name in own)
    distances = [directions.length({name: found.end[name] - own[name] for name in own}) for found in returns]
    assert 0 == distances[0] < distances[1] < distances[2]
    for found in returns:
        assert found.distance == found.multiple * projection
        assert found.to_before.errors[0] == evaluate(other).error
        for name, kept in ticket.mask.items():
            assert found.end[name][~kept].tobytes() == start[name][~kept].tobytes()
