"""Controls of a ticket: masks of equal size, with other positions or other values."""

import numpy as np
import pytest

from lottery_tf.errors import InputError
from lottery_tf.pruning import controls
from lottery_tf.pruning.treatments import Treatment

SHAPES = {"a/kernel": (40, 30), "b/kernel": (30, 10)}


def made(control, draw=1, level=3, seed=0):
    rng = np.random.default_rng(7)
    state = {name: rng.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()} | {"a/bias": np.ones(3)}
    mask = {name: rng.random(shape) < 0.3 for name, shape in SHAPES.items()}
    draws = {name: lambda rng, shape=shape: rng.normal(size=shape) for name, shape in SHAPES.items()}
    return state, mask, controls.control_ticket(control, mask, state, draws, seed, level, draw)


@pytest.mark.parametrize("control", controls.CONTROLS)
def test_controls_have_equal_sizes_in_every_layer(control):
    state, mask, ticket = made(control)
    for name in SHAPES:
        assert ticket.mask[name].sum() == mask[name].sum()
        assert ticket.start[name].dtype == np.float32
    np.testing.assert_array_equal(ticket.start["a/bias"], state["a/bias"])


def test_reinit_keeps_the_mask_and_draws_the_kept_weights_anew():
    state, mask, ticket = made("reinit")
    for name in SHAPES:
        np.testing.assert_array_equal(ticket.mask[name], mask[name])
        assert (ticket.start[name][mask[name]] != state[name][mask[name]]).all()
        assert (ticket.start[name][~mask[name]] == 0).all()


def test_random_keeps_the_values_and_moves_the_mask():
    state, mask, ticket = made("random")
    for name in SHAPES:
        kept = ticket.mask[name]
        assert 0.2 < (kept & mask[name]).sum() / mask[name].sum() < 0.4, "places should agree by chance alone"
        np.testing.assert_array_equal(ticket.start[name], np.where(kept, state[name], 0))


def test_reorder_is_the_ticket_itself():
    state, mask, ticket = made("reorder")
    assert all((ticket.mask[name] == mask[name]).all() for name in SHAPES)
    assert all((ticket.start[name] == state[name]).all() for name in SHAPES)


@pytest.mark.parametrize("control", ["reinit", "random"])
def test_draws_levels_and_seeds_differ_and_come_again(control):
    starts = [made(control, draw, level, seed)[2].start["a/kernel"].tobytes()
              for draw, level, seed in ((1, 3, 0), (1, 3, 0), (2, 3, 0), (1, 4, 0), (1, 3, 1))]  # fmt: skip
    assert starts[0] == starts[1]
    assert len(set(starts)) == 4


def test_only_reorder_has_another_order():
    assert [name for name in controls.CONTROLS if controls.order_seed(name, 0, 1) is not None] == ["reorder"]
    assert len({controls.order_seed("reorder", seed, draw) for seed in (0, 1) for draw in (1, 2)}) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((Treatment(), 1, "reinti", 1), "Unknown control 'reinti'; did you mean 'reinit'"),
        ((Treatment(), 1, "reinit", 0), "draw of a control is 0; it must be at least 1"),
        ((Treatment(), 0, "random", 1), "'random' needs a level of at least 1; level 0 is the dense network"),
        ((Treatment(mask0="init"), 1, "reinit", 1), "cannot be compared with tickets of the mask-0 action 'init'"),
    ],
)
def test_controls_that_cannot_be_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        controls.check_control(*arguments)


def test_reorder_goes_with_the_dense_network_and_any_treatment():
    controls.check_control(Treatment(mask0="init"), 0, "reorder", 2)
