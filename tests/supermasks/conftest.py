"""Fixtures of the tests of supermasks."""

import pytest
from digit_experiments import SETTINGS, experiment_with

from lottery_tf.models import networks
from lottery_tf.training.trainer import Trainer


@pytest.fixture(scope="module")
def trainer(digits):
    """One trainer for all tests, so that its steps are compiled once."""
    return Trainer(networks.build("fc"), digits, SETTINGS)


@pytest.fixture
def experiment(trainer):
    """An experiment with no results yet."""
    return experiment_with(trainer)
