"""Ranking, counting and packing of masks against brute force and the paper's numbers."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from lottery_tf.errors import InputError
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning import kept_counts, masks, ranking


@hypothesis.given(st.data())
def test_keep_highest_keeps_the_highest_of_the_unmasked(data):
    size = data.draw(st.integers(1, 40))
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    count = data.draw(st.integers(0, int(kept.sum())))
    scores = np.array(
        data.draw(st.lists(st.integers(-3, 3), min_size=int(kept.sum()), max_size=int(kept.sum()))), float
    )
    result = ranking.keep_highest(kept, scores, count, np.random.default_rng(0))
    assert not (result & ~kept).any(), "a masked weight came back"
    assert result.sum() == count
    stays = result[kept]
    if stays.any() and (~stays).any():
        assert scores[stays].min() >= scores[~stays].max()


def test_ties_are_broken_at_random_and_by_seed():
    kept, scores = np.ones(1000, bool), np.zeros(1000)
    results = [ranking.keep_highest(kept, scores, 500, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(results[0], results[1])
    assert 400 < (results[0] == results[2]).sum() < 600
    assert 200 < results[0][:500].sum() < 300, "ties favour one end of the layer"


def test_ties_fall_evenly():
    kept, scores = np.ones(4, bool), np.array([1.0, 0.0, 0.0, 0.0])
    counts = sum(ranking.keep_highest(kept, scores, 3, np.random.default_rng(seed)).astype(int) for seed in range(3000))
    assert counts[0] == 3000
    assert all(1900 < count < 2100 for count in counts[1:])


@hypothesis.given(st.data())
def test_global_pruning_keeps_the_highest_of_all_layers_but_one_in_each(data):
    sizes = data.draw(st.lists(st.integers(1, 12), min_size=1, max_size=4))
    mask = {str(i): np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))) for i, n in enumerate(sizes)}
    for kept in mask.values():
        kept[0] = True
    unmasked = {name: int(kept.sum()) for name, kept in mask.items()}
    count = data.draw(st.integers(len(mask), sum(unmasked.values())))
    scores = data.draw(st.permutations(range(sum(unmasked.values()))))
    result = ranking.keep_highest_overall(mask, np.array(scores), count, np.random.default_rng(0))

    # By hand: weights go one at a time, the lowest first, unless one is the last of its layer.
    names = [name for name, kept in mask.items() for _ in range(kept.sum())]
    left = sorted(zip(scores, names, strict=True))
    while len(left) > count:
        left.remove(next(pair for pair in left if sum(name == pair[1] for _, name in left) > 1))
    expected = {name: {score for score, own in left if own == name} for name in mask}
    places = np.cumsum([0, *unmasked.values()])
    for (name, kept), first, last in zip(result.items(), places, places[1:], strict=False):
        assert not (kept & ~mask[name]).any(), "a masked weight came back"
        assert set(np.array(scores[first:last])[kept[mask[name]]]) == expected[name]


def test_ties_of_global_pruning_fall_evenly_on_the_layers():
    mask = {"a": np.ones(3000, bool), "b": np.ones((100, 10), bool)}
    results = [ranking.keep_highest_overall(mask, np.zeros(4000), 2000, np.random.default_rng(s)) for s in (0, 0, 1)]
    assert 1400 < results[0]["a"].sum() < 1600
    np.testing.assert_array_equal(results[0]["b"], results[1]["b"])
    assert (results[0]["b"] != results[2]["b"]).any()


def test_fewer_weights_than_layers_are_refused():
    mask = {"a": np.ones(3, bool), "b": np.ones(2, bool)}
    with pytest.raises(InputError, match="Cannot keep 1 weights in 2 layers"):
        ranking.keep_highest_overall(mask, np.zeros(5), 1, np.random.default_rng(0))


@pytest.mark.parametrize("fraction", [1, -0.1, 1.5, float("nan")])
def test_a_pruned_fraction_that_cannot_be_is_refused(fraction):
    with pytest.raises(InputError, match="pruned_fraction of 'a' is .* at least 0 .* and below 1"):
        kept_counts.counts_after({"a": 10}, {"a": fraction}, 1)


FC = {"a": 235_200, "b": 30_000, "c": 1_000}
FC_SHARES = {"a": 0.2, "b": 0.2, "c": 0.1}


@pytest.mark.parametrize("kept", [0.999, 0.5, 0.2, 0.05, 0.001])
def test_counts_for_a_kept_fraction_lie_on_the_ladder(kept):
    counts = kept_counts.counts_for(FC, FC_SHARES, kept)
    assert sum(counts.values()) == pytest.approx(kept * sum(FC.values()), abs=3)
    rounds = np.log(counts["a"] / FC["a"]) / np.log(0.8)
    assert counts["b"] == pytest.approx(FC["b"] * 0.8**rounds, abs=1)
    assert counts["c"] == pytest.approx(FC["c"] * 0.9**rounds, abs=1)


def test_counts_for_the_kept_fraction_of_a_level_are_nearly_that_levels():
    after = kept_counts.counts_after(FC, FC_SHARES, 7)
    counts = kept_counts.counts_for(FC, FC_SHARES, sum(after.values()) / sum(FC.values()))
    assert all(abs(counts[name] - after[name]) <= 4 for name in FC), "rounding down keeps a few weights more"


def test_layers_that_stay_whole_bound_the_kept_fraction():
    shares = FC_SHARES | {"b": 0}
    assert kept_counts.counts_for(FC, shares, 0.12)["b"] == 30_000
    with pytest.raises(InputError, match=r"kept_fraction is 0.11, but layers that are not pruned hold 0.1127"):
        kept_counts.counts_for(FC, shares, 0.11)
    for kept in (0, 1, 1.5):
        with pytest.raises(InputError, match="must lie between 0 and 1"):
            kept_counts.counts_for(FC, FC_SHARES, kept)


def test_scores_that_cannot_be_ranked_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"shape \(2,\) for 3 unmasked"):
        ranking.keep_highest(np.ones(3, bool), np.zeros(2), 1, rng)
    with pytest.raises(InputError, match="it must return numbers"):
        ranking.keep_highest(np.ones(3, bool), np.array(["a", "b", "c"]), 1, rng)
    with pytest.raises(InputError, match="NaN for 1 weights"):
        ranking.keep_highest(np.ones(3, bool), np.array([0, 1, np.nan]), 1, rng)


def test_a_layer_without_weights_is_refused():
    with pytest.raises(InputError, match="keeps 0 of the 4 weights of 'b'"):
        masks.check_mask({"a": np.ones(3, bool), "b": np.zeros((2, 2), bool)})


KERNEL_SHAPES = {
    "fc": [(784, 300), (300, 100), (100, 10)],
    "conv2": [(3, 3, 3, 64), (3, 3, 64, 64), (16384, 256), (256, 256), (256, 10)],
    "conv4": [(3, 3, 3, 64), (3, 3, 64, 64), (3, 3, 64, 128), (3, 3, 128, 128), (8192, 256), (256, 256), (256, 10)],
    "conv6": [
        (3, 3, 3, 64), (3, 3, 64, 64), (3, 3, 64, 128), (3, 3, 128, 128), (3, 3, 128, 256), (3, 3, 256, 256),
        (4096, 256), (256, 256), (256, 10),
    ],
}  # fmt: skip

KEPT_PERCENT = {  # powers of Table S1's shares; rounding the counts down keeps a few weights more
    "fc": {1: 80.04, 5: 32.87, 10: 10.83, 15: 3.58, 20: 1.19, 24: 0.50},
    "conv2": {24: 0.54},
    "conv4": {24: 1.28},
    "conv6": {24: 1.27},
}


@pytest.mark.parametrize("network", KERNEL_SHAPES)
def test_ladder_gives_the_known_percentages(network):
    kernels = {f"layer_{i}": np.empty(shape) for i, shape in enumerate(KERNEL_SHAPES[network])}
    table = NETWORKS[network]
    shares = kept_counts.pruned_fraction_by_layer(
        kernels, table.conv_pruned_fraction, table.dense_pruned_fraction, table.output_pruned_fraction
    )
    ladder = kept_counts.kept_fractions(kernels, shares, 24)
    for level, percent in KEPT_PERCENT[network].items():
        assert 0 <= 100 * ladder[level] - percent + 0.005 < 0.015


def test_kept_fractions():
    mask = {"a": np.array([True, False]), "b": np.array([[True, True, True], [False, False, False]])}
    assert masks.kept_fraction(mask) == 4 / 8
    assert masks.kept_fraction_by_layer(mask) == {"a": 0.5, "b": 0.5}
    assert masks.kept_fraction(masks.full(mask)) == 1


@hypothesis.given(st.lists(st.integers(1, 7), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_packing_keeps_every_bit(shape, seed):
    mask = {"layer/kernel": np.random.default_rng(seed).random(shape) < 0.5}
    packed = masks.pack_mask(mask)
    assert packed["bits/layer/kernel"].nbytes == -(-mask["layer/kernel"].size // 8)
    np.testing.assert_array_equal(masks.unpack_mask(packed)["layer/kernel"], mask["layer/kernel"])
