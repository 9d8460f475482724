"""Fixtures of the tests of trainings."""

import numpy as np
import pytest
from shared import tiny_network
from short_trainings import SETTINGS

from lottery_tf.datasets.dataset import Dataset
from lottery_tf.datasets.splits import Split
from lottery_tf.training.trainer import Trainer


@pytest.fixture(scope="module")
def trainer(tiny_dataset):
    """One trainer for many tests: it compiles once, and each training begins anew."""
    return Trainer(tiny_network(), tiny_dataset, SETTINGS)


@pytest.fixture
def few_colour_images():
    rng = np.random.default_rng(0)
    splits = (Split(rng.integers(0, 256, (size, 8, 8, 3), np.uint8), rng.integers(0, 10, size)) for size in (24, 8, 8))
    return Dataset(*splits)
