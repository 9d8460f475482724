"""Seeded draws: independence, and Glorot's distribution against its definition."""

import numpy as np
import pytest
from scipy import stats

from lottery_tf.seeds import generator, glorot_normal


def test_each_purpose_level_and_layer_has_a_stream_of_its_own():
    keys = [(0, "ties"), (1, "ties"), (0, "order"), (0, "ties", 1), (0, "ties", 1, "a"), (0, "ties", 1, "b")]
    first = [generator(*key).random() for key in keys]
    assert len(set(first)) == len(keys)
    assert first == [generator(*key).random() for key in keys]


def test_known_first_draws():
    """Pins the streams: a change here would change every result and every packed ticket."""
    assert generator(0, "initial weights", "dense_1/kernel").integers(10**9, size=3).tolist() == [
        740217523,
        800833267,
        972988945,
    ]
    assert glorot_normal((2, 2), generator(7, "x")).tobytes().hex() == "4f6a73bd8754d63e0a96aabd80af663f"


@pytest.mark.parametrize(("shape", "fans"), [((784, 300), 1084), ((3, 3, 64, 128), 9 * 192)])
def test_glorot_normal(shape, fans):
    values = glorot_normal(shape, np.random.default_rng(0))
    unit = values / (np.sqrt(2 / fans) / stats.truncnorm(-2, 2).std())
    assert values.dtype == np.float32
    assert values.shape == shape
    assert np.abs(unit).max() <= 2
    assert stats.kstest(unit.ravel(), stats.truncnorm(-2, 2).cdf).pvalue > 0.01
