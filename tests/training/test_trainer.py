"""The compiled training against a plain Keras loop; its history and its early stop."""

import dataclasses

import keras
import numpy as np
import pytest
from shared import tiny_network
from short_trainings import CHANGING, SETTINGS, half_ticket

from lottery_tf.datasets.dataset import Dataset
from lottery_tf.datasets.splits import Split
from lottery_tf.masking import conversion, model_weights
from lottery_tf.models import networks
from lottery_tf.models.settings import OPTIMIZERS, TrainingSettings, experiment_settings
from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import Ticket
from lottery_tf.training.batches import batch_indices
from lottery_tf.training.optimizers import make_optimizer
from lottery_tf.training.trainer import Trainer
from lottery_tf.training.training_result import IterationRange


@pytest.mark.slow
@pytest.mark.parametrize(("optimizer", "compiler"), [*((name, "xla") for name in OPTIMIZERS), ("adam", "graph")])
def test_equals_a_plain_keras_loop(optimizer, compiler, tiny_model, tiny_dataset):
    """The same batches by `train_on_batch` on a model whose pruned weights are reset by hand after each step."""
    ticket = half_ticket(tiny_model)
    settings = dataclasses.replace(SETTINGS, optimizer=optimizer)
    trained = Trainer(tiny_model, tiny_dataset, settings, compiler=compiler).train(ticket, seed=3, level=2)

    plain = conversion.unmasked(tiny_model)
    model_weights.set_weights(plain, ticket.start)
    plain.compile(make_optimizer(settings), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for indices in batch_indices(0, 25, len(tiny_dataset.train), 40, seed=3, level=2):
        plain.train_on_batch(tiny_dataset.train.images[indices] / np.float32(255), tiny_dataset.train.labels[indices])
        state = model_weights.get_weights(plain)
        frozen = {name: np.where(kept, state[name], ticket.start[name]) for name, kept in ticket.mask.items()}
        model_weights.set_weights(plain, state | frozen)
    for name, value in model_weights.get_weights(plain).items():
        np.testing.assert_allclose(trained.final[name], value, rtol=2e-3, atol=2e-5)
    for name, kept in ticket.mask.items():
        assert trained.final[name][~kept].tobytes() == ticket.start[name][~kept].tobytes()


@pytest.mark.slow
def test_weight_decay_and_a_changing_rate_equal_a_plain_keras_loop(tiny_model, tiny_dataset):
    """Keras's own L2 regularizer, and a rate set by hand at each step."""
    ticket = half_ticket(tiny_model)
    settings = dataclasses.replace(
        SETTINGS,
        learning_rate=0.5,
        optimizer="momentum",
        weight_decay=0.01,
        warmup_iterations=5,
        learning_rate_drops=(15,),
    )
    trained = Trainer(tiny_model, tiny_dataset, settings).train(ticket, seed=3, level=2)
    decay = keras.regularizers.L2(0.005)  # Keras leaves out the half
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(12, "relu", kernel_regularizer=decay),
              keras.layers.Dense(3, kernel_regularizer=decay)]  # fmt: skip
    plain = keras.Sequential(layers)
    names = dict(zip(model_weights.variables(plain), ticket.start, strict=True))
    model_weights.set_weights(plain, {own: ticket.start[name] for own, name in names.items()})
    plain.compile(keras.optimizers.SGD(momentum=0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    for iteration, indices in enumerate(batch_indices(0, 25, len(tiny_dataset.train), 40, seed=3, level=2)):
        plain.optimizer.learning_rate = 0.5 * min(1, (iteration + 1) / 5) * (0.1 if iteration >= 15 else 1)
        plain.train_on_batch(tiny_dataset.train.images[indices] / np.float32(255), tiny_dataset.train.labels[indices])
        state = model_weights.get_weights(plain)
        for own, name in names.items():
            if name in ticket.mask:
                state[own] = np.where(ticket.mask[name], state[own], ticket.start[name])
        model_weights.set_weights(plain, state)
    for own, value in model_weights.get_weights(plain).items():
        np.testing.assert_allclose(trained.final[names[own]], value, rtol=2e-3, atol=2e-5)


@pytest.fixture(scope="module")
def changing_trainer(tiny_dataset):
    return Trainer(tiny_network(), tiny_dataset, CHANGING)


@pytest.mark.slow
@pytest.mark.parametrize("between", [10, 13])
def test_a_training_in_two_stretches_has_the_bits_of_one(between, changing_trainer):
    """Weights, order of images, augmentation, learning rate and history go on from where the first part ended."""
    trainer, ticket = changing_trainer, half_ticket(changing_trainer.model)
    passed = {}

    def passes(history):
        passed[int(history[-1, 0])] = model_weights.get_weights(trainer.model)

    whole = trainer.train(ticket, 0, 1, on_history=passes)
    first = trainer.train(ticket, 0, 1, iteration_range=IterationRange(last=between))
    if between in passed:
        assert all(first.final[name].tobytes() == value.tobytes() for name, value in passed[between].items())
    steps = []
    rest = trainer.train(
        Ticket(first.final, ticket.mask), 0, 1, iteration_range=IterationRange(first=between), on_steps=steps.append
    )
    assert sum(steps) == 25 - between
    assert rest.history[:, 0].tolist() == [between, 20, 25]
    assert all(rest.final[name].tobytes() == whole.final[name].tobytes() for name in whole.final)
    np.testing.assert_array_equal(rest.history[1:, 3:], whole.history[-2:, 3:])


@pytest.mark.slow
def test_the_rate_may_begin_elsewhere_in_its_schedule(tiny_model, tiny_dataset):
    ticket = half_ticket(tiny_model)
    settings = dataclasses.replace(SETTINGS, optimizer="sgd", learning_rate_drops=(12,))
    at_the_end = Trainer(tiny_model, tiny_dataset, settings).train(
        ticket, 0, 1, iteration_range=IterationRange(rate_from=25)
    )
    low = dataclasses.replace(SETTINGS, optimizer="sgd", learning_rate=0.001)
    expected = Trainer(tiny_model, tiny_dataset, low).train(ticket, 0, 1)
    np.testing.assert_allclose(at_the_end.history[1:, 3], expected.history[1:, 3], rtol=1e-6)


@pytest.mark.slow
def test_another_order_of_images_from_the_same_start(trainer):
    ticket = half_ticket(trainer.model)
    own, other = (trainer.train(ticket, 0, 1, order_seed=seed) for seed in (None, 7))
    assert own.history[0, 3] == other.history[0, 3]
    assert any((own.final[name] != other.final[name]).any() for name in own.final)
    as_seed = trainer.train(ticket, 7, 1)
    assert all(as_seed.final[name].tobytes() == other.final[name].tobytes() for name in other.final)


@pytest.mark.slow
def test_vgg19_takes_a_step():
    model = networks.build("vgg19", (16, 16, 3))
    rng = np.random.default_rng(0)
    splits = (Split(rng.integers(0, 256, (size, 16, 16, 3), np.uint8), rng.integers(0, 10, size)) for size in (4, 1, 1))
    training = experiment_settings("vgg19", "cifar10", "1", batch_size=2).training
    ticket = half_ticket(model)
    trained = Trainer(model, Dataset(*splits), training).train(ticket, 0, 0)
    assert np.isfinite(trained.history[-1, 1:]).all()
    assert all((trained.final[name] != ticket.start[name])[kept].any() for name, kept in ticket.mask.items())


def test_history_and_early_stop(trainer, tiny_dataset):
    ticket = half_ticket(trainer.model)
    trained = trainer.train(ticket, seed=0, level=0)
    assert trained.history[:, 0].tolist() == [0, 10, 20, 25]
    losses = trained.history[:, 3]
    assert trained.early_stop_iteration == trained.history[np.argmin(losses), 0]
    assert trained.early_stop_val_loss == losses.min()
    assert np.isnan(trained.history[0, 1:3]).all(), "nothing was trained before iteration 0"
    # Row 0 is the untrained network; the end is the final weights: both by Keras's own evaluation.
    plain = conversion.unmasked(trainer.model)
    plain.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    for state, row in ((ticket.start, trained.history[0]), (trained.final, trained.history[-1])):
        model_weights.set_weights(plain, state)
        expected = plain.evaluate(tiny_dataset.validation.images / 255, tiny_dataset.validation.labels, verbose=0)
        np.testing.assert_allclose(row[3:], expected, rtol=1e-5)
    model_weights.set_weights(plain, trained.final)
    _, accuracy = plain.evaluate(tiny_dataset.test.images / 255, tiny_dataset.test.labels, verbose=0)
    assert trained.final_test_accuracy == pytest.approx(accuracy)


@pytest.mark.slow
def test_test_accuracy_is_read_at_the_early_stop(tiny_model, tiny_dataset):
    """A learning rate that spoils the network after a good start: the two test accuracies are of two moments."""
    ticket = half_ticket(tiny_model)
    settings = TrainingSettings(iterations=40, learning_rate=1.0, optimizer="momentum", batch_size=40, eval_interval=5)
    trainer = Trainer(tiny_model, tiny_dataset, settings)
    long = trainer.train(ticket, 0, 0)
    assert 0 < long.early_stop_iteration < 40, "the test wants a run whose best point is not its last"
    short = trainer.train(ticket, 0, 0, iteration_range=IterationRange(last=int(long.early_stop_iteration)))
    assert long.test_accuracy == short.final_test_accuracy


def test_the_same_arguments_give_the_same_bits(trainer):
    ticket = half_ticket(trainer.model)
    first, again, other = (trainer.train(ticket, seed, level=0) for seed in (0, 0, 1))
    assert all(first.final[name].tobytes() == again.final[name].tobytes() for name in first.final)
    np.testing.assert_array_equal(first.history, again.history)
    assert any((first.final[name] != other.final[name]).any() for name in first.final), "the order ignores the seed"


@pytest.mark.slow
def test_divergence_is_recorded_and_ends_the_training(tiny_model, tiny_dataset):
    settings = TrainingSettings(iterations=500, learning_rate=1e30, optimizer="sgd", batch_size=40, eval_interval=10)
    trained = Trainer(tiny_model, tiny_dataset, settings).train(half_ticket(tiny_model), 0, 0)
    assert trained.diverged
    assert trained.history[-1, 0] < 500
    assert np.isnan([trained.test_accuracy, trained.final_test_accuracy]).all()
    assert np.isfinite(trained.early_stop_val_loss)


@pytest.mark.slow
def test_a_frozen_convolution_is_one(tiny_dataset):
    """What XLA does slowly is computing with it, trained or not."""
    layers = [keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3, trainable=False), keras.layers.Flatten()]
    frozen = keras.Sequential([*layers, keras.layers.Dense(3)])
    trainable = keras.Sequential([layers[0], keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(3)])
    settings = dataclasses.replace(SETTINGS, iterations=40, eval_interval=40)
    calls = []
    for model in (frozen, trainable):
        steps = []
        trainer = Trainer(conversion.masked(model), tiny_dataset, settings)
        state = model_weights.get_weights(trainer.model)
        kernels = model_weights.kernels(trainer.model)
        trainer.train(Ticket(state, masks.full(kernels)), 0, 0, on_steps=steps.append)
        calls.append(steps)
    assert calls[0] == calls[1] and len(calls[0]) > 1


def test_full_mask_is_the_dense_network(trainer):
    ticket = half_ticket(trainer.model)
    full = Ticket(ticket.start, masks.full(ticket.mask))
    trained = trainer.train(full, 0, 0)
    assert all((trained.final[name] != ticket.start[name]).mean() > 0.5 for name in ticket.mask)
