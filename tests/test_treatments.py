"""Steps 2 to 4 of the algorithm, and functions of a user's own."""

import numpy as np
import pytest

from lottery_tf import masks
from lottery_tf.actions import MASK0, MASK1
from lottery_tf.criteria import CRITERIA
from lottery_tf.errors import InputError
from lottery_tf.treatments import Ticket, Treatment, next_ticket

SHAPES = {"a/kernel": (20, 10), "b/kernel": (10, 5)}


def draw_state(seed):
    rng = np.random.default_rng(seed)
    kernels = {name: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}
    return kernels | {"a/bias": np.full(10, float(seed), np.float32)}


def rounds(treatment, count=3, initial=None):
    """Tickets of several rounds whose training is made up."""
    initial = initial or draw_state(0)
    draw = {name: lambda rng, shape=shape: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}
    ticket = Ticket(initial, masks.full({name: initial[name] for name in SHAPES}))
    yield ticket, None
    for level in range(1, count + 1):
        trained = draw_state(level)
        final = {
            name: np.where(ticket.mask[name], value, ticket.start[name]) if name in SHAPES else value
            for name, value in trained.items()
        }
        fractions = {"a/kernel": 0.2, "b/kernel": 0.1}
        ticket = next_ticket(treatment, ticket, final, initial, fractions, draw, 0, level, gradient=draw_state(9))
        yield ticket, final


@pytest.mark.parametrize("mask0", MASK0)
@pytest.mark.parametrize("mask1", MASK1)
def test_frozen_values_never_change_again(mask0, mask1):
    before = None
    for ticket, _ in rounds(Treatment("magnitude_increase", mask1, mask0)):
        for name in SHAPES if before else ():
            pruned = ~before.mask[name]
            assert (pruned <= ~ticket.mask[name]).all()
            assert ticket.start[name][pruned].tobytes() == before.start[name][pruned].tobytes()
        before = ticket


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_criterion_prunes_the_floor_counts(criterion):
    counts = [[int(t.mask[name].sum()) for name in SHAPES] for t, _ in rounds(Treatment(criterion))]
    assert counts == [[200, 50], [160, 45], [128, 41], [103, 37]]


def test_other_weights_go_back_to_their_initial_values():
    for ticket, _ in rounds(Treatment()):
        assert (ticket.start["a/bias"] == 0).all()


def test_actions_start_from_the_true_initial_weights_in_every_round():
    *_, (ticket, _) = rounds(Treatment("large_final", "reshuffle"))
    initial, kept = draw_state(0)["a/kernel"], ticket.mask["a/kernel"]
    np.testing.assert_array_equal(np.sort(ticket.start["a/kernel"][kept]), np.sort(initial[kept]))


def test_large_final_ranks_the_final_weights_of_the_round():
    (_, _), (ticket, final) = rounds(Treatment(), count=1)
    magnitudes, kept = np.abs(final["a/kernel"]), ticket.mask["a/kernel"]
    assert magnitudes[kept].min() > magnitudes[~kept].max()


def my_criterion(w_f, gradient):
    """A criterion of a user's own: keeps weights whose final value and gradient point the same way."""
    return w_f * gradient


def my_action(w_i):
    """A mask-1 action of a user's own."""
    return w_i / 2


def test_own_functions_by_module_and_name():
    treatment = Treatment(f"{__name__}:my_criterion", f"{__name__}:my_action")
    assert treatment.wants_gradient
    assert treatment.name == f"{__name__}+my_criterion-{__name__}+my_action-zero"
    *_, (ticket, final) = rounds(treatment, count=1)
    kept, score = ticket.mask["a/kernel"], final["a/kernel"] * draw_state(9)["a/kernel"]
    assert score[kept].min() > score[~kept].max()
    np.testing.assert_array_equal(ticket.start["a/kernel"][kept], draw_state(0)["a/kernel"][kept] / 2)


def wants_too_much(w_i, hessian):
    """A criterion that asks for something nobody has."""


def returns_a_row(w_i):
    """A mask-1 action that returns the wrong shape."""
    return w_i[0]


def returns_nan(start):
    """A mask-0 action that returns no numbers."""
    return start * np.nan


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("large_finale",), "Unknown mask criterion 'large_finale'; did you mean 'large_final'. Valid: large_final, "),
        (("random", "rewnd"), "Unknown mask-1 action 'rewnd'; did you mean 'rewind'"),
        (("random", "rewind", "hybrids"), "Unknown mask-0 action 'hybrids'; did you mean 'hybrid"),
        (("no.such.module:f",), "cannot import 'no.such.module'"),
        (("math:no_such",), "'math' has no function 'no_such'"),
        (("builtins:max",), "does not say what its parameters are called"),
        (("operator:neg",), "has parameters without a name"),
        ((f"{__name__}:wants_too_much",), "asks for hessian; it may ask for w_i, w_f, gradient"),
    ],
)
def test_unknown_names_are_refused(names, message):
    with pytest.raises(InputError) as error:
        Treatment(*names)
    assert message.replace("'.", "'") in str(error.value).replace("?", "")


@pytest.mark.parametrize(
    ("mask1", "mask0", "message"),
    [
        (f"{__name__}:returns_a_row", "zero", r"returned shape \(10,\) for a layer of shape \(20, 10\)"),
        ("rewind", f"{__name__}:returns_nan", "not finite numbers"),
    ],
)
def test_unusable_values_are_refused(mask1, mask0, message):
    with pytest.raises(InputError, match=message):
        list(rounds(Treatment("random", mask1, mask0)))
