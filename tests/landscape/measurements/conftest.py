"""Fixtures of the tests of measurements."""

import pytest
from measured_levels import SETTINGS, TRAINING
from shared import tiny_network

from lottery_tf.experiment import Experiment
from lottery_tf.landscape.measurements.measurer import LandscapeMeasurer
from lottery_tf.results.store import ResultsFolder
from lottery_tf.training.trainer import Trainer


@pytest.fixture(scope="module")
def trainer(tiny_dataset):
    """One trainer for all measurers: compiling one takes longer than most of what they do."""
    return Trainer(tiny_network(), tiny_dataset, TRAINING)


@pytest.fixture
def measurer_at(trainer):
    """Makes a measurer of a tiny network, with results in a folder or in memory."""

    def make(folder=None, settings=SETTINGS, pruning=None, **options):
        results = None if folder is None else ResultsFolder(folder, {})
        own = {"results": results, "trainer": trainer}
        return LandscapeMeasurer(
            Experiment(tiny_network(), trainer.dataset, TRAINING, pruning, **own, **options), settings
        )

    return make
