"""Losses and metrics of Keras against Keras's own loop, and messages if they do not fit."""

import dataclasses

import keras
import numpy as np
import pytest
from examples_of_numbers import LABELS, NUMBERS, RNG, SETTINGS, splits
from keras import layers

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.landscape.curvature import Curvature
from lottery_tf.landscape.evaluator import Evaluator
from lottery_tf.masking import model_weights
from lottery_tf.pruning import masks
from lottery_tf.results.store import ResultsFolder
from lottery_tf.training.batches import batch_indices
from lottery_tf.training.checkpoint import Checkpoint
from lottery_tf.training.objective import BestReading, KerasObjective, describe
from lottery_tf.training.trainer import Trainer


def network(*outputs, activation=None):
    """A network of one hidden layer with an output layer for each of some numbers of units."""
    inputs = keras.Input((5,), name="numbers")
    hidden = layers.Dense(6, "relu")(inputs)
    heads = [layers.Dense(units, activation, name=f"head{i}")(hidden) for i, units in enumerate(outputs)]
    return keras.Model(inputs, heads[0] if len(heads) == 1 else heads)


HEADS = {  # what is trained -> outputs of the network, their activation, labels, arguments
    "binary": ((1,), "sigmoid", LABELS[:, None] > 1, {"loss": "binary_crossentropy", "metrics": ["accuracy", "AUC"]}),
    "multi-label": (
        (4,),
        None,
        RNG.integers(0, 2, (120, 4)),
        {
            "loss": keras.losses.BinaryCrossentropy(from_logits=True),
            "metrics": [keras.metrics.F1Score("micro", threshold=0.5)],
        },
    ),
    "regression": ((2,), None, NUMBERS[:, :2] * 3, {"loss": keras.losses.Huber(), "metrics": ["mae", "mse"]}),
    "several outputs": (
        (3, 1),
        None,
        {"head0": LABELS, "head1": NUMBERS[:, :1]},
        {
            "loss": {"head0": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "head1": "mse"},
            "metrics": {"head0": ["accuracy"], "head1": ["mae"]},
            "loss_weights": {"head0": 1.0, "head1": 0.5},
        },
    ),
    "a function": ((1,), None, NUMBERS[:, :1], {"loss": lambda a, b: keras.ops.mean(keras.ops.abs(a - b), axis=-1)}),
}


def by_keras(model, dataset, arguments, optimizer, ticket, batches):
    """The same training by `train_on_batch` on a plain copy; gives the readings that `evaluate` makes."""
    plain = lt.unmasked(model)
    model_weights.set_weights(plain, ticket.start)
    plain.compile(optimizer, **arguments)
    for indices in batches:
        batch = dataset.train.take(indices)
        plain.train_on_batch(batch.images, batch.labels)
    return plain


@pytest.mark.slow
@pytest.mark.parametrize("head", HEADS)
def test_any_loss_and_metrics_are_those_of_keras(head):
    outputs, activation, labels, arguments = HEADS[head]
    model, dataset = lt.masked(network(*outputs, activation=activation)), splits(NUMBERS, labels)
    trainer = Trainer(model, dataset, SETTINGS, **arguments)
    weights = model_weights.get_weights(model)
    ticket = lt.Ticket(weights, masks.full(model_weights.kernels(model)))
    trained = trainer.train(ticket, seed=3, level=2)
    plain = by_keras(
        model, dataset, arguments, keras.optimizers.Adam(0.01, epsilon=1e-8), ticket, batch_indices(0, 12, 60, 20, 3, 2)
    )
    own = model_weights.get_weights(plain)
    for name, value in trained.final.items():
        np.testing.assert_allclose(value, own[name], atol=1e-5)
    test = dataset.test
    wanted = plain.evaluate(test.images, test.labels, batch_size=30, verbose=0, return_dict=True)
    assert trained.final_test == pytest.approx(wanted, rel=1e-4)
    assert len(trained.columns) == trained.history.shape[1] == 1 + 2 * len(wanted)
    assert trained.columns[: 1 + len(wanted)] == ("iteration", *(f"train_{name}" for name in trained.final_test))
    assert np.isfinite(trained.history[1:]).all()


def test_readings_are_means_over_batches_of_unequal_size(tiny_dataset):
    """The last batch of an evaluation is smaller; its examples count as much as others."""
    many = splits_of(np.resize(NUMBERS, (1120, 5)), np.resize(NUMBERS[:, :1] * 2, (1120, 1)), 520)
    trainer = Trainer(lt.masked(network(1)), many, SETTINGS, loss="mse", metrics=["mae"])
    predicted = trainer.model.predict(many.validation.images, verbose=0)
    errors = predicted - many.validation.labels
    assert trainer.evaluate("validation") == pytest.approx((np.mean(errors**2), np.mean(np.abs(errors))), rel=1e-5)


def splits_of(images, labels, size):
    return lt.Dataset(*(lt.Split(images[:size], labels[:size]) for _ in range(3)))


def test_examples_count_as_much_as_their_weights():
    weighted = [lt.Split(NUMBERS[:60], NUMBERS[:60, :1], weights=np.arange(60) < 30) for _ in range(3)]
    trainer = Trainer(lt.masked(network(1)), lt.Dataset(*weighted), SETTINGS, loss="mse")
    errors = trainer.model.predict(NUMBERS[:60], verbose=0) - NUMBERS[:60, :1]
    assert trainer.evaluate("test")[0] == pytest.approx(np.mean(errors[:30] ** 2) / 2, rel=1e-5)


def test_labels_for_each_step():
    """A class for each of four steps: loss and accuracy are means over the steps."""
    model = keras.Sequential([keras.Input((4, 5)), layers.Dense(3)])
    steps, kinds = RNG.normal(size=(120, 4, 5)).astype(np.float32), RNG.integers(0, 3, (120, 4))
    trainer = Trainer(lt.masked(model), splits(steps, kinds), SETTINGS)
    logits = trainer.model.predict(steps[60:90], verbose=0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(kinds[60:90], logits)
    accuracy = np.mean(logits.argmax(-1) == kinds[60:90])
    assert trainer.evaluate("validation") == pytest.approx((float(loss), accuracy), rel=1e-5)


@pytest.mark.parametrize(
    ("outputs", "labels", "arguments", "message"),
    [
        ((3,), np.eye(3)[LABELS], {}, 'whole numbers from 0, one for each image; the train labels are .* loss="mse"'),
        ((3,), LABELS - 1, {}, "whole numbers from 0"),
        ((3,), NUMBERS[:, 0], {}, "whole numbers from 0"),
        ((3, 1), (LABELS, NUMBERS[:, :1]), {}, "has several outputs; say what each is trained for"),
        ((3,), LABELS[:, None], {}, r"labels have shape \(1,\) for each image"),
        ((3,), LABELS, {"metrics": ["accuracy"]}, "metrics and loss_weights need a loss"),
        ((3,), NUMBERS, {"loss": "mse"}, "cannot be computed from outputs of shape"),
        ((1,), NUMBERS[:, :1], {"loss": "no such loss"}, "cannot be computed from outputs of shape"),
        ((1,), NUMBERS[:, :1], {"loss": "mse", "best_by": "mea"}, "Unknown reading 'mea'"),
        ((1,), NUMBERS[:, :1], {"loss": "mse", "metrics": [lambda a, b: a - b], "best_by": "lambda"}, "Say best_is"),
    ],
)
def test_what_does_not_fit_is_a_sentence(outputs, labels, arguments, message):
    with pytest.raises(InputError, match=message):
        Trainer(lt.masked(network(*outputs)), splits(NUMBERS, labels), SETTINGS, **arguments)


def test_the_best_reading_is_the_lowest_or_the_highest():
    objective = KerasObjective(network(1), "mse", ["mae", keras.metrics.R2Score(), "cosine_similarity"])
    objective.build(NUMBERS[:2], NUMBERS[:2, :1])
    assert objective.metrics == ("mae", "r2_score", "cosine_similarity")
    readings = (1.0, 2.0, 3.0, 4.0)
    for by, best, cost in (
        ("loss", None, 1), ("val_mae", None, 2), ("validation_r2_score", None, -3), ("r2_score", "lowest", 3),
        ("loss", "highest", -1),
    ):  # fmt: skip
        assert BestReading(objective, by, best).cost(readings) == cost
    with pytest.raises(InputError, match="Say best_is='lowest' or best_is='highest'"):
        BestReading(objective, "loss", "biggest")


@pytest.mark.slow
def test_the_early_stopping_point_is_that_of_the_metric(tiny_dataset):
    settings = dataclasses.replace(SETTINGS, iterations=60, learning_rate=0.3)
    arguments = {"loss": "mse", "metrics": ["mae"], "best_by": "mae"}
    dataset = splits(NUMBERS, NUMBERS[::-1, :1])
    model = lt.masked(network(1))
    ticket = lt.Ticket(model_weights.get_weights(model), masks.full(model_weights.kernels(model)))
    for best_is, choose in (("lowest", np.argmin), ("highest", np.argmax)):
        trained = Trainer(model, dataset, settings, best_is=best_is, **arguments).train(ticket, 0, 0)
        column = trained.history[:, trained.columns.index("validation_mae")]
        assert trained.early_stop_iteration == trained.history[choose(column), 0]


@pytest.mark.slow
def test_an_experiment_on_numbers_lasts_and_is_taken_up(tmp_path):
    """Regression: levels on disk with their own columns, resumed to the bit, masks learned, curvature measured."""
    dataset = splits(NUMBERS, NUMBERS[:, :1] ** 2)
    head = {"loss": "mse", "metrics": ["mae"], "optimizer": keras.optimizers.AdamW(0.02)}
    results = ResultsFolder(tmp_path / "runs", {})
    read = []
    experiment = lt.Experiment(network(1), dataset, SETTINGS, results=results, on_reading=read.append, **head)
    *_, last = experiment.levels(lt.Treatment(), 0, 2)
    assert {"validation_mae", "train_loss", "level"} <= read[-1].keys()
    assert last.metrics["test_accuracy"] is None
    assert last.metrics["test"].keys() == {"loss", "mae"}
    found = results.read("seed-0/large_final-rewind-zero/level-02", weights=True)
    assert (
        found.columns == last.columns == ("iteration", "train_loss", "train_mae", "validation_loss", "validation_mae")
    )
    np.testing.assert_array_equal(found.history, last.history)
    for other in (
        {"loss": "mae"},
        {"metrics": ["mse"]},
        {"optimizer": keras.optimizers.AdamW(0.03)},
        {"best_by": "mae"},
    ):
        with pytest.raises(InputError, match=f"{next(iter(other))}.* there, .* here"):
            lt.Experiment(network(1), dataset, SETTINGS, results=results, **head | other)
    with pytest.raises(InputError, match="measurement needs the accuracy"):
        Evaluator(experiment.trainer)
    checkpoint = Checkpoint(tmp_path, 0)
    trainer, whole = experiment.trainer, experiment.trainer.train(found.ticket, 0, 2)

    class Stopped(Exception):
        pass

    def stop(history):
        if len(history) == 3:
            raise Stopped

    for _ in range(1):
        with pytest.raises(Stopped):
            trainer.train(found.ticket, 0, 2, checkpoint=checkpoint, on_history=stop)
    taken_up = trainer.train(found.ticket, 0, 2, checkpoint=checkpoint)
    np.testing.assert_array_equal(taken_up.history, whole.history)
    learner = lt.MaskLearner(network(1), dataset, lt.MaskSettings(), SETTINGS, results=results, **head)
    learned = learner.learn(0)
    assert learned.metrics["optimizer"].startswith("adamw-")
    assert learned.metrics["test_accuracy"] is None
    other = lt.MaskLearner(
        network(1), dataset, lt.MaskSettings(), SETTINGS, results=results, **head | {"optimizer": "lion"}
    )
    assert other.learn(0).metrics["optimizer"].startswith("lion-")
    weights = model_weights.get_weights(experiment.model)
    errors = experiment.model.predict(NUMBERS[:60], verbose=0) - NUMBERS[:60, :1] ** 2
    assert Curvature(experiment.model, dataset.train, loss="mse").loss(weights) == pytest.approx(
        np.mean(errors**2), rel=1e-5
    )


def test_heads_are_described_for_the_record():
    assert describe({"loss": keras.losses.Huber(2.0), "metrics": ("mae", test_labels_for_each_step)}) == {
        "loss": {"class_name": "Huber", "config": {"reduction": "sum_over_batch_size", "delta": 2.0}},
        "metrics": ["mae", "test_labels_for_each_step"],
    }
