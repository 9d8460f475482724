"""The learning rate over a training."""

import keras
import numpy as np
import pytest

from lottery_tf.models.settings import TrainingSettings, experiment_settings
from lottery_tf.training.learning_rates import learning_rate


def test_a_rate_that_never_changes_is_a_number():
    assert learning_rate(TrainingSettings(10, 0.5)) == 0.5


def test_resnet_with_warmup():
    settings = experiment_settings("resnet20", "cifar10", learning_rate=0.03, warmup_iterations=20_000).training
    rate = learning_rate(settings)
    wanted = {0: 0.03 / 20_000, 9_999: 0.015, 19_999: 0.03, 20_000: 0.003, 24_999: 0.003, 25_000: 3e-4, 29_999: 3e-4}
    assert {at: float(rate(at)) for at in wanted} == pytest.approx(wanted)


def test_a_rate_that_begins_in_the_middle():
    rate = learning_rate(TrainingSettings(30, 0.5, learning_rate_drops=(10, 20)))
    rate.begins_at.assign(15)
    assert [float(rate(step)) for step in (0, 4, 5)] == pytest.approx([0.05, 0.05, 0.005])


@pytest.mark.parametrize("warmup", [None, 5])
def test_cosine_decay_is_keras_own(warmup):
    settings = TrainingSettings(40, learning_rate=0.2, warmup_iterations=warmup, decay="cosine")
    rate, steps = learning_rate(settings), np.arange(warmup or 0, 45)
    reference = keras.optimizers.schedules.CosineDecay(0.2, 40 - (warmup or 0))
    found = [float(rate(step)) for step in steps]
    np.testing.assert_allclose(found, [float(reference(step - (warmup or 0))) for step in steps], rtol=1e-5, atol=1e-8)
    assert found[40 - (warmup or 0)] == 0


def test_cosine_decay_goes_on_where_a_training_begins():
    rate = learning_rate(TrainingSettings(40, learning_rate=0.2, decay="cosine"))
    whole = [float(rate(step)) for step in range(40)]
    rate.begins_at.assign(30)
    assert [float(rate(step)) for step in range(10)] == whole[30:]
