"""The compiled training against a plain Keras loop, and what its history, early stop and resuming must be."""

import dataclasses

import keras
import numpy as np
import pytest
from shared import tiny_network

import lottery_tf as lt
from lottery_tf.datasets.dataset import Dataset
from lottery_tf.datasets.splits import Split
from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, initial_weights, model_weights
from lottery_tf.models import networks
from lottery_tf.models.settings import OPTIMIZERS, TrainingSettings, run_settings
from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import Ticket
from lottery_tf.training.batches import batch_indices
from lottery_tf.training.checkpoint import Checkpoint
from lottery_tf.training.optimizers import make_optimizer
from lottery_tf.training.trainer import Trainer
from lottery_tf.training.training_result import IterationRange

SETTINGS = TrainingSettings(iterations=25, learning_rate=0.01, batch_size=40, eval_interval=10)


@pytest.fixture(scope="module")
def trainer(tiny_dataset):
    """One trainer for many tests: it compiles once, and each training begins anew."""
    return Trainer(tiny_network(), tiny_dataset, SETTINGS)


def half_ticket(model, seed=0):
    """Random starting weights, half of them frozen where they are."""
    rng = np.random.default_rng(seed)
    start = initial_weights.initial_weights(model, model_weights.get_weights(model), seed)
    return Ticket(
        start, {name: rng.random(kernel.shape) < 0.5 for name, kernel in model_weights.kernels(model).items()}
    )


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


CHANGING = dataclasses.replace(
    SETTINGS, optimizer="sgd", weight_decay=1e-3, learning_rate_drops=(12,), augmentation="flip_and_crop"
)  # without moments: what an optimizer remembers is not rewound


@pytest.fixture(scope="module")
def changing_trainer(tiny_dataset):
    return Trainer(tiny_network(), tiny_dataset, CHANGING)


@pytest.mark.slow
@pytest.mark.parametrize("between", [10, 13])
def test_a_training_in_two_stretches_has_the_bits_of_one(between, changing_trainer):
    """Weights, order of images, augmentation, learning rate and history go on from where the first stretch ended."""
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


@pytest.fixture
def few_colour_images():
    rng = np.random.default_rng(0)
    splits = (Split(rng.integers(0, 256, (size, 8, 8, 3), np.uint8), rng.integers(0, 10, size)) for size in (24, 8, 8))
    return Dataset(*splits)


@pytest.mark.slow
def test_resnet20_ends_with_the_same_bits_when_interrupted(few_colour_images, tmp_path):
    """With its augmentation, batch norm, weight decay and a drop of the learning rate before and after."""
    training = run_settings("resnet20", "cifar10", "6", batch_size=4, eval_interval=2).training
    assert training.learning_rate_drops == (4, 5)
    model = networks.build("resnet20", (8, 8, 3))
    trainer, ticket = Trainer(model, few_colour_images, training), half_ticket(model)
    whole = trainer.train(ticket, 0, 1)

    def stop(history):
        if len(history) == 3:
            raise Stopped

    with pytest.raises(Stopped):
        trainer.train(ticket, 0, 1, checkpoint=Checkpoint(tmp_path, 0), on_history=stop)
    steps = []
    resumed = trainer.train(ticket, 0, 1, checkpoint=Checkpoint(tmp_path, 0), on_steps=steps.append)
    assert steps == [2, 2, 2]
    assert all(whole.final[name].tobytes() == resumed.final[name].tobytes() for name in whole.final)
    np.testing.assert_array_equal(whole.history, resumed.history)
    statistics = [name for name in whole.final if "moving" in name]
    assert len(statistics) == 2 * 21
    assert all((whole.final[name] != ticket.start[name]).any() for name in statistics)
    for name, kept in ticket.mask.items():
        assert whole.final[name][~kept].tobytes() == ticket.start[name][~kept].tobytes()


@pytest.mark.slow
def test_vgg19_takes_a_step():
    model = networks.build("vgg19", (16, 16, 3))
    rng = np.random.default_rng(0)
    splits = (Split(rng.integers(0, 256, (size, 16, 16, 3), np.uint8), rng.integers(0, 10, size)) for size in (4, 1, 1))
    training = run_settings("vgg19", "cifar10", "1", batch_size=2).training
    ticket = half_ticket(model)
    trained = Trainer(model, Dataset(*splits), training).train(ticket, 0, 0)
    assert np.isfinite(trained.history[-1, 1:]).all()
    assert all((trained.final[name] != ticket.start[name])[kept].any() for name, kept in ticket.mask.items())


def test_images_that_cannot_be_augmented_are_refused(tiny_dataset):
    flat = [Split(split.images.reshape(len(split), -1), split.labels)
            for split in (tiny_dataset.train, tiny_dataset.validation, tiny_dataset.test)]  # fmt: skip
    model = keras.Sequential([keras.Input((36,)), keras.layers.Dense(3)])
    with pytest.raises(InputError, match=r"needs images with height, width and channels; these have shape \(36,\)"):
        Trainer(model, Dataset(*flat), CHANGING)


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


def dropout_and_batch_norm():
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(12, "relu"),
              keras.layers.BatchNormalization(), keras.layers.Dropout(0.3), keras.layers.Dense(3)]  # fmt: skip
    return conversion.masked(keras.Sequential(layers))


class Stopped(Exception):
    """Stands for the process being killed."""


@pytest.mark.slow
@pytest.mark.parametrize("make", [tiny_network, dropout_and_batch_norm])
def test_an_interrupted_training_ends_with_the_same_bits(make, tiny_dataset, tmp_path):
    """A trainer that was never stopped and one whose trainings are, at each reading of the validation loss."""
    model = make()
    ticket = half_ticket(model)
    whole = Trainer(model, tiny_dataset, SETTINGS).train(ticket, 0, 1)
    trainer = Trainer(model, tiny_dataset, SETTINGS)
    for stop_at in (1, 2, 3):
        folder = tmp_path / str(stop_at)
        folder.mkdir()

        def stop(history, stop_at=stop_at):
            if len(history) > stop_at:
                raise Stopped

        with pytest.raises(Stopped):
            trainer.train(ticket, 0, 1, checkpoint=Checkpoint(folder, 0), on_history=stop)
        steps = []
        resumed = trainer.train(ticket, 0, 1, checkpoint=Checkpoint(folder, 0), on_steps=steps.append)
        assert steps[0] == 10 * (stop_at - 1), "it did not start from the snapshot"
        assert sum(steps) == 25
        for a, b in ((whole.final, resumed.final), (whole.best, resumed.best)):
            assert all(a[name].tobytes() == b[name].tobytes() for name in a)
        np.testing.assert_array_equal(whole.history, resumed.history)
        assert dataclasses.replace(whole, final={}, best={}, history=None, seconds=0) == dataclasses.replace(
            resumed, final={}, best={}, history=None, seconds=0
        )


def test_a_damaged_snapshot_is_not_used(trainer, tmp_path, caplog):
    ticket = half_ticket(trainer.model)
    whole = trainer.train(ticket, 0, 1, checkpoint=Checkpoint(tmp_path, 0))
    content = bytearray((tmp_path / "snapshot.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "snapshot.npz").write_bytes(content)
    again = trainer.train(ticket, 0, 1, checkpoint=Checkpoint(tmp_path, 3600))
    assert "snapshot.npz is damaged" in caplog.text
    np.testing.assert_array_equal(whole.history, again.history)


def test_a_snapshot_of_another_ticket_is_not_taken_up(trainer, tmp_path, caplog):
    other = half_ticket(trainer.model, seed=1)
    trainer.train(half_ticket(trainer.model), 0, 1, checkpoint=Checkpoint(tmp_path, 0))
    taken_up = trainer.train(other, 0, 1, checkpoint=Checkpoint(tmp_path, 3600))
    assert "belongs to another training" in caplog.text
    np.testing.assert_array_equal(taken_up.history, trainer.train(other, 0, 1).history)


def test_divergence_is_recorded_and_ends_the_training(tiny_model, tiny_dataset):
    settings = TrainingSettings(iterations=500, learning_rate=1e30, optimizer="sgd", batch_size=40, eval_interval=10)
    trained = Trainer(tiny_model, tiny_dataset, settings).train(half_ticket(tiny_model), 0, 0)
    assert trained.diverged
    assert trained.history[-1, 0] < 500
    assert np.isnan([trained.test_accuracy, trained.final_test_accuracy]).all()
    assert np.isfinite(trained.early_stop_val_loss)


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


def test_every_epoch_is_a_fresh_permutation_without_its_last_partial_batch():
    rows = batch_indices(0, 9, size=10, batch_size=3, seed=0, level=0).reshape(3, 9)
    for epoch in rows:
        assert len(set(epoch)) == 9
    assert len({tuple(epoch) for epoch in rows}) == 3
    np.testing.assert_array_equal(batch_indices(4, 2, 10, 3, 0, 0), batch_indices(0, 9, 10, 3, 0, 0)[4:6])
    assert (batch_indices(0, 3, 10, 3, 0, 1) != rows[0].reshape(3, 3)).any()


def test_what_cannot_be_trained_is_refused(tiny_model, tiny_dataset):
    with pytest.raises(InputError, match="batch_size is 281, but there are 280 training images"):
        Trainer(tiny_model, tiny_dataset, dataclasses.replace(SETTINGS, batch_size=281))
    odd = Split(tiny_dataset.train.images[:, :5], tiny_dataset.train.labels)
    with pytest.raises(InputError, match=r"images have shape \(5, 6, 1\); the model .* takes \(6, 6, 1\)"):
        Trainer(tiny_model, dataclasses.replace(tiny_dataset, train=odd), SETTINGS)
    for part in ("train", "validation", "test"):
        split = getattr(tiny_dataset, part)
        odd = {part: Split(split.images, split.labels + 1)}
        with pytest.raises(InputError, match=f"largest {part} label is 3; the model .* has 3 outputs"):
            Trainer(tiny_model, dataclasses.replace(tiny_dataset, **odd), SETTINGS)
    steps = [keras.layers.LSTM(3, stateful=True), keras.layers.Dense(3)]
    stateful = keras.Sequential([keras.Input(batch_shape=(20, 6, 1)), *steps])
    sequences = Dataset(*[Split(np.zeros((40, 6, 1), np.float32), np.arange(40) % 3)] * 3)
    with pytest.raises(InputError, match="'lstm.*' is stateful"):
        Trainer(conversion.masked(stateful), sequences, dataclasses.replace(SETTINGS, batch_size=20))
    with pytest.raises(InputError, match="Unknown optimizer 'adm'; did you mean 'adam'"):
        dataclasses.replace(SETTINGS, optimizer="adm")


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


@pytest.mark.slow
def test_images_of_any_size_fit_a_model_that_takes_any(few_colour_images):
    def trainer(channels):
        layers = [keras.layers.Conv2D(2, 3), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)]
        model = conversion.masked(keras.Sequential([keras.Input((None, None, channels)), *layers]))
        return Trainer(model, few_colour_images, TrainingSettings(iterations=2, batch_size=4, eval_interval=1))

    free = trainer(3)
    assert np.isfinite(free.train(half_ticket(free.model), 0, 1).test_accuracy)
    with pytest.raises(InputError, match=r"have shape \(8, 8, 3\); the model .* takes \(None, None, 1\)"):
        trainer(1)


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


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("number", [7, -1])
def test_numbers_without_a_row_in_an_embedding_are_refused(part, number):
    """XLA would take another row without a word."""
    ids, size = keras.Input((4,), dtype="int32", name="ids"), keras.Input((1,), name="size")
    words = keras.layers.Flatten()(keras.layers.Embedding(7, 2, name="words")(ids))
    model = conversion.masked(keras.Model([ids, size], keras.layers.Dense(3)(keras.ops.concatenate([words, size], 1))))
    rng = np.random.default_rng(0)

    def split():
        return (rng.integers(0, 7, (40, 4)).astype("int32"), np.full((40, 1), 99, np.float32)), np.arange(40) % 3

    splits = {name: split() for name in ("train", "validation", "test")}
    settings = dataclasses.replace(SETTINGS, batch_size=20)
    Trainer(model, Dataset(*splits.values()), settings)
    splits[part][0][0][3, 2] = number
    with pytest.raises(InputError, match=f"The {part} data have the number {number}; 'words' has rows for 0 to 6"):
        Trainer(model, Dataset(*splits.values()), settings)


def test_a_model_that_keras_trains_and_cannot_evaluate_is_told(tiny_dataset):
    """RandomCrop crops in a training only."""
    layers = [keras.layers.RandomCrop(4, 4), keras.layers.Flatten(), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((6, 6, 1)), *layers], name="cropped")
    images = tiny_dataset.validation.scaled[:5]
    assert model(images, training=True).shape == (5, 3)
    with pytest.raises(ValueError, match="incompatible"):
        model.predict(images, verbose=0)
    trainer = Trainer(conversion.masked(model), tiny_dataset, SETTINGS)
    message = "^The model 'cropped' cannot be evaluated: Input 0 .* Keras's own evaluate fails likewise"
    with pytest.raises(InputError, match=message):
        trainer.evaluate("validation")
