"""The mask of the next level: one layer or all together, each round or in one shot."""

import numpy as np
import pytest
from rounds_by_hand import SHAPES, draw_state, one_step, rounds

from lottery_tf.algorithm import next_ticket
from lottery_tf.pruning import masks
from lottery_tf.pruning.criteria import CRITERIA
from lottery_tf.pruning.treatments import SeededNetwork, Ticket, Treatment


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_criterion_prunes_the_floor_counts(criterion):
    counts = [[int(t.mask[name].sum()) for name in SHAPES] for t, _ in rounds(Treatment(criterion))]
    assert counts == [[200, 50], [160, 45], [128, 41], [103, 37]]


def test_large_final_ranks_the_final_weights_of_the_round():
    (_, _), (ticket, final) = rounds(Treatment(), count=1)
    magnitudes, kept = np.abs(final["a/kernel"]), ticket.mask["a/kernel"]
    assert magnitudes[kept].min() > magnitudes[~kept].max()


@pytest.mark.parametrize("level", [1, 5, 20])
def test_one_shot_masks_are_the_ranking_of_the_dense_weights(level):
    _, final, ticket = one_step(Treatment(rounds="oneshot"), level)
    for name, share in (("a/kernel", 0.2), ("b/kernel", 0.1)):
        count = final[name].size
        for _ in range(level):
            count -= int(count * share)
        threshold = np.sort(np.abs(final[name]), axis=None)[-count]
        np.testing.assert_array_equal(ticket.mask[name], np.abs(final[name]) >= threshold)


def test_a_kept_fraction_in_one_shot():
    _, final, ticket = one_step(Treatment(rounds="oneshot", chosen_kept_fraction=0.3))
    kept = {name: own.sum() for name, own in ticket.mask.items()}
    assert sum(kept.values()) == 75
    assert np.log(kept["b/kernel"] / 50) / np.log(kept["a/kernel"] / 200) == pytest.approx(
        np.log(0.9) / np.log(0.8), 0.05
    )
    for name, own in ticket.mask.items():
        assert np.abs(final[name][own]).min() > np.abs(final[name][~own]).max()


@pytest.mark.parametrize("criterion", ["large_final", "large_init", "magnitude_increase"])
def test_global_pruning_ranks_all_layers_together(criterion):
    initial, final, ticket = one_step(Treatment(criterion, scope="global"), level=4)
    score = {
        "large_final": lambda w_i, w_f: abs(w_f),
        "large_init": lambda w_i, w_f: abs(w_i),
        "magnitude_increase": lambda w_i, w_f: abs(w_f) - abs(w_i),
    }[criterion]
    weights = [
        (score(initial[name][at], final[name][at]), name, at) for name in SHAPES for at in np.ndindex(SHAPES[name])
    ]
    count = 83 + 34  # what four rounds leave of 200 and of 50 weights
    kept = sorted(weights)[-count:]
    assert {(name, at) for _, name, at in kept} == {
        (name, tuple(map(int, at))) for name in SHAPES for at in np.argwhere(ticket.mask[name])
    }


def test_global_percentiles_are_those_of_all_layers():
    """One layer's weights are far larger: percentiles within layers would hide that."""
    initial, final = draw_state(0), draw_state(1)
    initial["b/kernel"], final["b/kernel"] = 100 * initial["b/kernel"], 100 * final["b/kernel"]
    dense = Ticket(initial, masks.full({name: initial[name] for name in SHAPES}))
    treatment = Treatment("large_init_large_final", scope="global")
    network = SeededNetwork(initial, dict.fromkeys(SHAPES, 0.5), dict.fromkeys(SHAPES, list), seed=0)
    ticket = next_ticket(treatment, network, dense, final, level=1)
    assert ticket.mask["b/kernel"].sum() >= 45


def test_global_rounds_keep_as_many_weights_as_layer_wise_ones():
    for scope in ("layer", "global"):
        totals = [sum(int(kept.sum()) for kept in ticket.mask.values()) for ticket, _ in rounds(Treatment(scope=scope))]
        assert totals == [250, 205, 169, 140]


def test_layers_that_stay_whole_are_not_ranked():
    initial, final = draw_state(0), draw_state(1)
    final["b/kernel"] *= 0.001
    dense = Ticket(initial, masks.full({name: initial[name] for name in SHAPES}))
    network = SeededNetwork(initial, {"a/kernel": 0.2, "b/kernel": 0}, dict.fromkeys(SHAPES, list), seed=0)
    for scope in ("layer", "global"):
        ticket = next_ticket(Treatment(scope=scope), network, dense, final, level=1)
        assert [int(kept.sum()) for kept in ticket.mask.values()] == [160, 50]
