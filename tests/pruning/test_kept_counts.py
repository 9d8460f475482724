"""Kept counts against the paper's numbers."""

import numpy as np
import pytest

from lottery_tf.errors import InputError
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning import kept_counts


@pytest.mark.parametrize("fraction", [1, -0.1, 1.5, float("nan")])
def test_a_pruned_fraction_that_cannot_be_is_refused(fraction):
    with pytest.raises(InputError, match="pruned_fraction of 'a' is .* at least 0 .* and below 1"):
        kept_counts.counts_after({"a": 10}, {"a": fraction}, 1)


FC = {"a": 235_200, "b": 30_000, "c": 1_000}
FC_SHARES = {"a": 0.2, "b": 0.2, "c": 0.1}


@pytest.mark.parametrize("kept", [0.999, 0.5, 0.2, 0.05, 0.001])
def test_counts_for_a_kept_fraction_are_those_of_rounds(kept):
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
def test_rounds_give_the_known_percentages(network):
    kernels = {f"layer_{i}": np.empty(shape) for i, shape in enumerate(KERNEL_SHAPES[network])}
    table = NETWORKS[network]
    shares = kept_counts.pruned_fraction_by_layer(
        kernels, table.conv_pruned_fraction, table.dense_pruned_fraction, table.output_pruned_fraction
    )
    kept = kept_counts.kept_fractions(kernels, shares, 24)
    for level, percent in KEPT_PERCENT[network].items():
        assert 0 <= 100 * kept[level] - percent + 0.005 < 0.015
