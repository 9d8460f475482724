"""Magnitudes before and after retraining, against counts weight by weight."""

import dataclasses

import numpy as np
import pytest

from lottery_tf.algorithm import next_ticket
from lottery_tf.errors import InputError
from lottery_tf.landscape import directions, retraining
from lottery_tf.pruning import kept_counts, masks
from lottery_tf.pruning.treatments import SeededNetwork, Ticket, Treatment
from lottery_tf.seeds import generator

PRUNED = {"a/kernel": 0.2, "b/kernel": 0.1}
SIZES = {"a/kernel": 1200, "b/kernel": 200}
NEXT = kept_counts.counts_after(SIZES, PRUNED, rounds=2)


def network(seed):
    rng = np.random.default_rng(seed)
    return {
        "a/kernel": rng.normal(size=(60, 20)).astype(np.float32),
        "a/bias": np.zeros(20, np.float32),
        "b/kernel": rng.normal(0, 3, (20, 10)).astype(np.float32),
    }


@pytest.fixture(params=["layer", "global"])
def scope(request):
    return request.param


@pytest.fixture
def rounds(scope):
    """A dense network's final weights, the ticket made of them, its weights after retraining, and the next ticket."""
    initial, before, after = network(0), network(1), network(2)
    dense = Ticket(initial, masks.full({name: initial[name] for name in PRUNED}))
    seeded = SeededNetwork(initial, PRUNED, dict.fromkeys(PRUNED, lambda rng: None), seed=0)
    ticket = next_ticket(Treatment(scope=scope), seeded, dense, before, level=1)
    following = next_ticket(Treatment(scope=scope), seeded, ticket, after, level=2)
    return before, ticket.mask, after, following.mask


def test_shares_are_those_of_the_next_round_s_threshold(rounds, scope):
    """The threshold is read off the mask that the pruning loop itself makes next."""
    before, kept, after, kept_next = rounds
    *rows, whole = retraining.below_threshold(before, after, kept, NEXT, scope)
    own = {name: np.abs(after[name][kept[name] & ~kept_next[name]]).max() for name in kept}
    for row, name in zip(rows, kept, strict=True):
        removed = kept[name] & ~kept_next[name]
        threshold = own[name] if scope == "layer" else max(own.values())
        assert (row.layer, row.weights) == (name, kept[name].sum())
        assert row.threshold == threshold
        for share, state in ((row.share_before, before), (row.share_after, after)):
            count = sum(abs(weight) <= threshold for weight in state[name][kept[name]])
            assert share == pytest.approx(count / row.weights)
        assert row.share_after == pytest.approx(removed.sum() / row.weights)
    assert whole.share_before < whole.share_after, "pruning has just taken the small ones"
    np.testing.assert_equal(whole.threshold, np.nan if scope == "layer" else max(own.values()))


def test_lengths_are_those_of_the_next_projection(rounds, scope):
    """The one made at once is that of the same loop, from the weights before retraining."""
    before, kept, after, kept_next = rounds
    *rows, whole = retraining.below_threshold(before, after, kept, NEXT, scope)
    projection = directions.pruning_direction(after, kept, kept_next)
    seeded = SeededNetwork(before, PRUNED, dict.fromkeys(PRUNED, lambda rng: None), seed=0)
    at_once = next_ticket(Treatment(scope=scope), seeded, Ticket(before, kept), before, level=2)
    sooner = directions.pruning_direction(before, kept, at_once.mask)
    for row in rows:
        assert row.length_after == pytest.approx(np.linalg.norm(projection[row.layer]), rel=1e-6)
        assert row.length_before == pytest.approx(np.linalg.norm(sooner[row.layer]), rel=1e-6)
    assert whole.length_after == pytest.approx(directions.length(projection), rel=1e-6)
    assert whole.length_before > whole.length_after


def test_all_layers_together_count_every_weight_once(rounds, scope):
    before, kept, after, _ = rounds
    *rows, whole = retraining.below_threshold(before, after, kept, NEXT, scope)
    assert whole.layer == retraining.WHOLE_NETWORK
    assert whole.weights == sum(row.weights for row in rows)
    for name in ("share_before", "share_after"):
        below = sum(getattr(row, name) * row.weights for row in rows)
        assert getattr(whole, name) == pytest.approx(below / whole.weights)


def test_nothing_changes_where_nothing_is_retrained(rounds):
    before, kept, _, _ = rounds
    for row in retraining.below_threshold(before, before, kept, NEXT):
        assert (row.share_before, row.length_before) == (row.share_after, row.length_after)


def test_pruned_weights_are_not_looked_at(rounds):
    before, kept, after, _ = rounds
    rng = generator(0, "test")
    changed = [
        state | {name: np.where(kept[name], state[name], rng.normal(size=kept[name].shape)) for name in kept}
        for state in (before, after)
    ]
    for row, other in zip(
        retraining.below_threshold(before, after, kept, NEXT)[:-1],
        retraining.below_threshold(*changed, kept, NEXT)[:-1],
        strict=True,
    ):
        assert dataclasses.astuple(row) == pytest.approx(dataclasses.astuple(other))
    name = "a/kernel"
    histograms = [retraining.magnitude_histogram(*states, kept, name) for states in ((before, after), changed)]
    np.testing.assert_array_equal(histograms[0].before, histograms[1].before)


def test_histograms_count_all_kept_weights_in_the_same_bins(rounds):
    before, kept, after, _ = rounds
    found = retraining.magnitude_histogram(before, after, kept, "b/kernel", bins=7)
    for counts, state in ((found.before, before), (found.after, after)):
        magnitudes = np.abs(state["b/kernel"][kept["b/kernel"]]).astype(np.float64)
        assert counts.sum() == magnitudes.size
        for low, high, count in zip(found.edges, found.edges[1:], counts, strict=False):
            last = high == found.edges[-1]
            assert count == ((magnitudes >= low) & ((magnitudes <= high) if last else (magnitudes < high))).sum()


def test_layers_that_stay_whole_are_left_out(rounds, scope):
    before, kept, after, _ = rounds
    whole_first = NEXT | {"a/kernel": 1200}
    row, whole = retraining.below_threshold(
        before, after, kept | {"a/kernel": np.ones((60, 20), bool)}, whole_first, scope
    )
    assert (row.layer, whole.weights) == ("b/kernel", row.weights)
    assert whole.threshold == row.threshold


def test_what_cannot_be_counted_is_refused(rounds):
    before, kept, after, _ = rounds
    level = {name: int(mask.sum()) for name, mask in kept.items()}
    for scope, layer in (("layer", "a/kernel"), ("global", "all")):
        with pytest.raises(InputError, match=f"prunes none of the .* weights of '{layer}'"):
            retraining.below_threshold(before, after, kept, level, scope)
    with pytest.raises(InputError, match="The next level prunes no layer"):
        retraining.below_threshold(before, after, masks.full({name: after[name] for name in kept}), SIZES)
    with pytest.raises(InputError, match="Unknown scope of pruning"):
        retraining.below_threshold(before, after, kept, NEXT, "globally")
    with pytest.raises(InputError, match="bins is 0"):
        retraining.magnitude_histogram(before, after, kept, "a/kernel", bins=0)
    with pytest.raises(InputError, match="no kernel 'c'; it has a/kernel, b/kernel"):
        retraining.magnitude_histogram(before, after, kept, "c")
