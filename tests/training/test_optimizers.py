"""Optimizers of Keras do what they do in Keras and hold pruned weights, or are refused."""

import dataclasses

import keras
import numpy as np
import pytest
from examples_of_numbers import SETTINGS
from shared import tiny_network

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import model_weights
from lottery_tf.pruning import masks
from lottery_tf.training.batches import batch_indices
from lottery_tf.training.trainer import Trainer
from lottery_tf.training.training_result import IterationRange

OPTIMIZERS = {
    "adamw": "adamw",
    "an object": keras.optimizers.Lion(0.003, weight_decay=0.1),
    "a config": keras.optimizers.serialize(keras.optimizers.RMSprop(0.004)),
    "a schedule": keras.optimizers.SGD(keras.optimizers.schedules.PiecewiseConstantDecay([4, 8], [0.1, 0.02, 0.3])),
    "muon": keras.optimizers.Muon(0.01),
    "accumulates": keras.optimizers.Adam(0.01, gradient_accumulation_steps=2, clipnorm=0.5),
    "averages": keras.optimizers.Adam(0.05, use_ema=True, ema_overwrite_frequency=3),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_any_optimizer_does_what_it_does_in_keras_and_holds_pruned_weights(name, tiny_dataset):
    given = OPTIMIZERS[name]
    model = tiny_network()
    rng = np.random.default_rng(0)
    mask = {key: rng.random(kernel.shape) < 0.5 for key, kernel in model_weights.kernels(model).items()}
    ticket = lt.Ticket(model_weights.get_weights(model), mask)
    trained = Trainer(model, tiny_dataset, SETTINGS, optimizer=given).train(ticket, 3, 2)
    own = keras.optimizers.AdamW(0.01) if given == "adamw" else keras.optimizers.get(given)
    own = type(own).from_config(own.get_config())
    plain = lt.unmasked(model)
    model_weights.set_weights(plain, ticket.start)
    plain.compile(own, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    held = {layer.name + "/kernel": layer for layer in plain.layers if hasattr(layer, "kernel")}
    for indices in batch_indices(0, 12, 280, 20, 3, 2):
        batch = tiny_dataset.train.take(indices)
        plain.train_on_batch(batch.scaled, batch.labels)
        for key, layer in held.items():
            layer.kernel.assign(np.where(mask[key], layer.kernel, ticket.start[key]))
    for key, kept in mask.items():
        assert trained.final[key][~kept].tobytes() == ticket.start[key][~kept].tobytes()
        if name not in ("muon", "accumulates", "averages"):  # in these, a weight's step depends on other weights'
            np.testing.assert_allclose(trained.final[key], held[key].kernel, atol=2e-5)
        assert (trained.final[key][kept] != ticket.start[key][kept]).any()


@pytest.mark.slow
def test_a_schedule_goes_on_where_a_training_begins(tiny_dataset):
    """Steps 8 to 11 of a schedule that is 0 before them and 0.1 from there on."""
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay([7], [0.0, 0.1])
    model = tiny_network()
    trainer = Trainer(model, tiny_dataset, SETTINGS, optimizer=keras.optimizers.SGD(schedule))
    ticket = lt.Ticket(model_weights.get_weights(model), masks.full(model_weights.kernels(model)))
    still = trainer.train(ticket, 0, 0, iteration_range=IterationRange(last=6))
    assert still.final["output/kernel"].tobytes() == ticket.start["output/kernel"].tobytes()
    late = trainer.train(ticket, 0, 0, iteration_range=IterationRange(first=8))
    assert (late.final["output/kernel"] != ticket.start["output/kernel"]).any()


@pytest.mark.parametrize(
    ("optimizer", "settings", "message"),
    [
        ("adamm", {}, "Keras knows no optimizer 'adamm'"),
        (keras.optimizers.SGD(0.1), {"warmup_iterations": 5}, "brings its own learning rate"),
        (keras.optimizers.SGD(0.1, use_ema=True), {}, "use_ema without ema_overwrite_frequency"),
    ],
)
def test_optimizers_that_cannot_be_used(optimizer, settings, message, tiny_model, tiny_dataset):
    with pytest.raises(InputError, match=message):
        Trainer(tiny_model, tiny_dataset, dataclasses.replace(SETTINGS, **settings), optimizer=optimizer)
