"""Ranking, counting and packing of masks against brute force and the paper's numbers."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from lottery_tf import masks
from lottery_tf.errors import InputError
from lottery_tf.settings import NETWORKS


@hypothesis.given(st.data())
def test_prune_layer_keeps_the_highest_of_the_unmasked(data):
    size = data.draw(st.integers(1, 40))
    kept = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size)))
    fraction = data.draw(st.floats(0.01, 0.99))
    scores = np.array(
        data.draw(st.lists(st.integers(-3, 3), min_size=int(kept.sum()), max_size=int(kept.sum()))), float
    )
    result = masks.prune_layer(kept, scores, fraction, np.random.default_rng(0))
    assert not (result & ~kept).any(), "a masked weight came back"
    assert result.sum() == kept.sum() - int(kept.sum() * fraction)
    stays = result[kept]
    if stays.any() and (~stays).any():
        assert scores[stays].min() >= scores[~stays].max()


def test_ties_are_broken_at_random_and_by_seed():
    kept, scores = np.ones(1000, bool), np.zeros(1000)
    results = [masks.prune_layer(kept, scores, 0.5, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(results[0], results[1])
    assert 400 < (results[0] == results[2]).sum() < 600
    assert 200 < results[0][:500].sum() < 300, "ties favour one end of the layer"


def test_ties_fall_evenly():
    kept, scores = np.ones(4, bool), np.array([1.0, 0.0, 0.0, 0.0])
    counts = sum(masks.prune_layer(kept, scores, 0.25, np.random.default_rng(seed)).astype(int) for seed in range(3000))
    assert counts[0] == 3000
    assert all(1900 < count < 2100 for count in counts[1:])


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, float("nan")])
def test_a_fraction_outside_0_and_1_is_refused(fraction):
    with pytest.raises(InputError, match="must lie between 0 and 1"):
        masks.prune_layer(np.ones(3, bool), np.zeros(3), fraction, np.random.default_rng(0))


def test_scores_that_cannot_be_ranked_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match=r"shape \(2,\) for 3 unmasked"):
        masks.prune_layer(np.ones(3, bool), np.zeros(2), 0.5, rng)
    with pytest.raises(InputError, match="which are no numbers"):
        masks.prune_layer(np.ones(3, bool), np.array(["a", "b", "c"]), 0.5, rng)
    with pytest.raises(InputError, match="1 scores that are not numbers"):
        masks.prune_layer(np.ones(3, bool), np.array([0, 1, np.nan]), 0.5, rng)


def test_a_layer_without_weights_is_refused():
    with pytest.raises(InputError, match="keeps 0 of the 4 weights of 'b'"):
        masks.check({"a": np.ones(3, bool), "b": np.zeros((2, 2), bool)})


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
    shares = masks.pruned_fraction_by_layer(
        kernels, table.conv_pruned_fraction, table.dense_pruned_fraction, table.output_pruned_fraction
    )
    ladder = masks.ladder(kernels, shares, 24)
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
    packed = masks.pack(mask)
    assert packed["bits/layer/kernel"].nbytes == -(-mask["layer/kernel"].size // 8)
    np.testing.assert_array_equal(masks.unpack(packed)["layer/kernel"], mask["layer/kernel"])
