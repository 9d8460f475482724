"""Standardized images: against mean and deviation in double precision, and on real images."""

import numpy as np
import pytest

from lottery_tf.datasets import loading
from lottery_tf.datasets.splits import Split
from lottery_tf.datasets.standardized import standardized

RNG = np.random.default_rng(0)
TRAIN = RNG.integers(0, [256, 90, 7], (50, 4, 5, 3), dtype=np.uint8)
TEST = RNG.integers(0, 256, (20, 4, 5, 3), dtype=np.uint8)


def test_each_channel_is_standardized_by_the_training_images():
    train, test = standardized([Split(TRAIN, np.zeros(50)), Split(TEST, np.ones(20))])
    mean, deviation = TRAIN.mean((0, 1, 2)), TRAIN.std((0, 1, 2))
    np.testing.assert_allclose(train.images, (TRAIN - mean) / deviation, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(test.images, (TEST - mean) / deviation, rtol=1e-6, atol=1e-6)
    assert train.images.dtype == test.images.dtype == np.float32
    assert test.labels.tolist() == [1] * 20
    assert "given as they are" in repr(train)


def test_a_channel_of_one_value_becomes_zero():
    (train,) = standardized([Split(np.full((2, 3, 3, 1), 77, np.uint8), np.zeros(2))])
    assert (train.images == 0).all()


@pytest.mark.slow
def test_standardized_cifar10_is_cifar10(real_data_dir):
    plain = loading.load("cifar10", real_data_dir)
    images = loading.load("cifar10_standardized", real_data_dir)
    assert images.fingerprint != plain.fingerprint
    for name, split in images.splits.items():
        assert split.images.shape == plain.splits[name].images.shape
        assert (split.labels == plain.splits[name].labels).all()
    sizes = {name: len(split) for name, split in images.splits.items()}
    assert sizes == {"train": 45_000, "validation": 5_000, "test": 10_000}
    assert images.train.images.mean((0, 1, 2), dtype=np.float64) == pytest.approx([0, 0, 0], abs=1e-5)
    assert images.train.images.std((0, 1, 2), dtype=np.float64) == pytest.approx([1, 1, 1], abs=1e-5)
    correlation = np.corrcoef(images.test.images[:100].ravel(), plain.test.images[:100].ravel())
    assert correlation[0, 1] > 0.99
    black = images.test.images.min((0, 1, 2))  # of each channel: minus mean / deviation
    assert black == pytest.approx([-1.99, -1.98, -1.71], abs=0.02)
