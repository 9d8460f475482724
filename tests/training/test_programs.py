"""The compiled steps: gradients against finite differences, and none of pruned weights."""

import keras
import numpy as np
import pytest
from short_trainings import SETTINGS, half_ticket

import lottery_tf as lt
from lottery_tf.datasets.dataset import Dataset
from lottery_tf.masking import model_weights
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.pruning.treatments import Ticket
from lottery_tf.training.trainer import Trainer


def test_gradient_equals_finite_differences(trainer, tiny_dataset):
    ticket = half_ticket(trainer.model)
    indices = np.arange(30)
    gradient = trainer.gradient(ticket, indices)
    few = Dataset(
        tiny_dataset.train,
        type(tiny_dataset.train)(tiny_dataset.train.images[:30], tiny_dataset.train.labels[:30]),
        tiny_dataset.test,
    )
    meter = Trainer(trainer.model, few, SETTINGS)
    for name, kept in ticket.mask.items():
        place = tuple(np.argwhere(kept)[5])
        losses = []
        for step in (-2e-3, 2e-3):  # small enough to cross no kink of a ReLU
            moved = ticket.start[name].copy()
            moved[place] += step
            model_weights.set_weights(trainer.model, ticket.start | {name: moved})
            losses.append(meter.evaluate("validation")[0])
        assert gradient[name][place] == pytest.approx((losses[1] - losses[0]) / 4e-3, rel=0.05, abs=1e-4)


@pytest.mark.slow
def test_pruned_weights_have_no_gradient_that_could_be_clipped():
    """A layer with pruned inputs trains as a smaller one that does not have them, under one norm for all gradients."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 6)).astype(np.float32), rng.integers(0, 3, 60)
    kernel, finals = rng.normal(size=(6, 3)).astype(np.float32), []
    for inputs in (6, 3):
        images = x[:, :inputs]
        dataset = lt.Dataset((images[:40], y[:40]), (images[40:50], y[40:50]), (images[50:], y[50:]))
        model = lt.masked(keras.Sequential([keras.Input((inputs,)), keras.layers.Dense(3, use_bias=False, name="a")]))
        kept = np.repeat(np.arange(inputs)[:, None] < 3, 3, axis=1)
        start = np.where(kept, kernel[:inputs], 0).astype(np.float32)
        optimizer = keras.optimizers.SGD(0.5, global_clipnorm=0.01)
        trainer = Trainer(model, dataset, TrainingSettings(20, 0.5, "sgd", 10, 10), optimizer=optimizer)
        finals.append(trainer.train(Ticket({"a/kernel": start}, {"a/kernel": kept}), 0, 0).final["a/kernel"][:3])
    np.testing.assert_allclose(finals[0], finals[1], rtol=1e-5)
    assert np.abs(finals[0] - kernel[:3]).max() > 0.001
