"""The evaluator against Keras's own evaluation, with and without batch norm."""

import keras
import numpy as np
import pytest

from lottery_tf.errors import InputError
from lottery_tf.landscape import interpolation
from lottery_tf.landscape.evaluator import Evaluator
from lottery_tf.masking import conversion, initial_weights, model_weights
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.training.trainer import Trainer

SETTINGS = TrainingSettings(iterations=30, learning_rate=0.01, batch_size=40, eval_interval=30)


def keras_evaluation(model):
    """Loss and error of a state on a split, by a plain copy of the model."""
    plain = conversion.unmasked(model)
    plain.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])

    def evaluate(state, split):
        model_weights.set_weights(plain, state)
        loss, accuracy = plain.evaluate(split.images / np.float32(255), split.labels, verbose=0)
        return loss, 1 - accuracy

    return evaluate


def with_batch_norm():
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(12, "relu"),
              keras.layers.BatchNormalization(momentum=0.9), keras.layers.Dense(3)]  # fmt: skip
    return conversion.masked(keras.Sequential(layers))


def random_states(model, count=2):
    return [initial_weights.initial_weights(model, model_weights.get_weights(model), seed) for seed in range(count)]


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_points_of_a_line_are_evaluated_as_by_keras(split, tiny_model, tiny_dataset):
    by_keras, (first, second) = keras_evaluation(tiny_model), random_states(tiny_model)
    path = interpolation.line(Evaluator(Trainer(tiny_model, tiny_dataset, SETTINGS), split), first, second, points=4)
    for share, loss, error in zip(path.positions, path.losses, path.errors, strict=True):
        state = {name: share * first[name] + (1 - share) * second[name] for name in first}
        expected = by_keras(state, getattr(tiny_dataset, split))
        assert (loss, error) == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_masks_of_the_model_do_not_change_a_state(tiny_model, tiny_dataset):
    """A mask left behind by a training that prunes half the weights."""
    first, second = random_states(tiny_model)
    evaluate = Evaluator(Trainer(tiny_model, tiny_dataset, SETTINGS), "test")
    expected = evaluate(first)
    rng = np.random.default_rng(0)
    mask = {name: rng.random(kernel.shape) < 0.5 for name, kernel in model_weights.kernels(tiny_model).items()}
    model_weights.set_weights(tiny_model, second, mask)
    assert evaluate(first) == expected


@pytest.mark.slow
def test_statistics_are_recomputed_for_every_state(tiny_dataset):
    """Statistics that are far off do no harm, as every batch has its own; without recomputing they do."""
    model = with_batch_norm()
    trainer = Trainer(model, tiny_dataset, SETTINGS)
    by_keras, (state,) = keras_evaluation(model), random_states(model, 1)
    recomputed, averaged = Evaluator(trainer, "test"), Evaluator(trainer, "test", batch_norm_images=0)
    names = [name for name in state if "moving_mean" in name]
    spoiled = state | {name: np.full(12, 50, np.float32) for name in names}
    assert recomputed(spoiled) == recomputed(state)
    assert averaged(spoiled).loss > 2 * averaged(state).loss
    assert averaged(spoiled) == pytest.approx(by_keras(spoiled, tiny_dataset.test), rel=1e-4)
    # The 280 training images are 7 batches of 40: statistics of the dense layer's outputs over all of them.
    dense = next(name for name in state if name.endswith("/kernel"))
    outputs = np.maximum(tiny_dataset.train.images.reshape(280, 36) / 255 @ state[dense].astype(np.float64), 0)
    exact = {name: outputs.mean(axis=0).astype(np.float32) for name in names}
    exact |= {name.replace("mean", "variance"): outputs.var(axis=0).astype(np.float32) for name in names}
    assert recomputed(state) == pytest.approx(by_keras(state | exact, tiny_dataset.test), rel=1e-4)


def test_unknown_splits_and_other_networks_are_refused(tiny_model, tiny_dataset):
    trainer = Trainer(tiny_model, tiny_dataset, SETTINGS)
    with pytest.raises(InputError, match="Unknown split 'tests'; did you mean 'test'"):
        Evaluator(trainer, "tests")
    with pytest.raises(InputError, match="The weights are not those of the model"):
        Evaluator(trainer)({"a": np.ones(3)})
