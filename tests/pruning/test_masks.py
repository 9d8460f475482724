"""Masks: their kept fractions, and their packing into bits."""

import hypothesis
import hypothesis.strategies as st
import numpy as np

from lottery_tf.pruning import masks


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
