"""Learned masks: reproducible, resumable, chosen on validation images, and packed as tickets."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from event_files import read, scalars

from lottery_tf.datasets.dataset import Dataset
from lottery_tf.datasets.splits import Split
from lottery_tf.masking import initial_weights, model_weights
from lottery_tf.models import networks
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.results.paths import learned_mask_path
from lottery_tf.results.store import ResultsFolder
from lottery_tf.supermasks.learning import MaskLearner
from lottery_tf.supermasks.mask_settings import MaskSettings
from lottery_tf.tickets import packing, ticket_format

pytestmark = pytest.mark.slow  # masks are learned

TRAINING = TrainingSettings(iterations=40, learning_rate=100.0, optimizer="momentum", batch_size=50, eval_interval=10)


def learner(digits, settings, training=TRAINING, **options):
    return MaskLearner(networks.build("fc"), digits, settings, training, **options)


@pytest.fixture(scope="module")
def undisturbed(digits):
    """A learner in memory: those `of` other settings share its compilation."""
    return learner(digits, MaskSettings())


@pytest.fixture(scope="module")
def learned(digits):
    """One mask, learned in memory."""
    return learner(digits, MaskSettings(rescale=True)).learn(seed=3)


def test_learning_beats_chance_by_far_and_is_reported_in_full(learned):
    metrics, history = learned.metrics, learned.history
    assert metrics["test_accuracy"] > 0.6
    assert history[:, 0].tolist() == [0, 10, 20, 30, 40]
    assert metrics["best_iteration"] == history[np.argmax(history[:, 4]), 0]
    assert metrics["best_val_accuracy"] == history[:, 4].max()
    logits = {name: value for name, value in learned.final.items() if name.endswith("/logits")}
    assert sum(value.size for value in logits.values()) == 266_200
    shares = [1 - 1 / (1 + np.exp(-value.astype(np.float64))) for value in logits.values()]
    assert metrics["pruned_fraction"] == pytest.approx(np.mean(np.concatenate([s.ravel() for s in shares])), abs=1e-6)
    for kept, value in zip(learned.mask.values(), logits.values(), strict=True):
        np.testing.assert_array_equal(kept, value >= 0)


def test_the_most_likely_mask_has_the_accuracy_that_is_reported(learned, digits):
    """By the packed ticket, which draws the weights from the seed: another route to the same network."""
    content = packing.pack_supermask(networks.build("fc"), learned.mask, 3, "initial", rescale=True)
    model = packing.rebuild(ticket_format.parse(content))
    right = np.argmax(model(digits.test.images / np.float32(255)), axis=1) == digits.test.labels
    assert learned.metrics["most_likely_test_accuracy"] == pytest.approx(right.mean())


def test_weights_stay_untrained(undisturbed):
    own = undisturbed.with_settings(MaskSettings(weights="signed_constant"))
    own.learn(0)
    model = networks.build("fc")
    initial = initial_weights.initial_weights(model, model_weights.get_weights(model), 0)
    for name, value in model_weights.get_weights(own.model.network).items():
        if name.endswith("kernel"):
            np.testing.assert_array_equal(np.sign(value), np.sign(initial[name]))
            assert np.unique(np.abs(value)).size == 1
        else:
            assert (value == 0).all()


def test_seeds_share_a_learner_and_each_is_reproducible(digits, learned):
    own = learner(digits, MaskSettings(rescale=True))
    results = [own.learn(seed) for seed in (2, 3)]
    assert any((results[0].mask[name] != kept).any() for name, kept in results[1].mask.items())
    np.testing.assert_array_equal(results[1].history, learned.history)
    for name, kept in learned.mask.items():
        np.testing.assert_array_equal(results[1].mask[name], kept)


class Stopped(Exception):
    """Stands for the process being killed."""


@pytest.mark.parametrize("g", ["bernoulli", "edge_popup"])
def test_an_interrupted_learning_ends_with_the_same_bits(g, undisturbed, digits, tmp_path):
    settings = MaskSettings(g=g, kept_fraction=0.4 if g == "edge_popup" else None)
    whole = undisturbed.with_settings(settings).learn(0)
    steps = []

    def stop(count):
        steps.append(count)
        if steps == [10, 10, 10]:
            raise Stopped

    results = ResultsFolder(tmp_path, {})
    own = learner(digits, settings, results=results, snapshot_seconds=0, on_steps=stop)
    with pytest.raises(Stopped):
        own.learn(0)
    resumed = own.learn(0)
    assert steps[3:] == [20, 10, 10], "it did not start from the snapshot"
    np.testing.assert_array_equal(whole.history, resumed.history)
    assert all(whole.final[name].tobytes() == value.tobytes() for name, value in resumed.final.items())
    times = {"seconds": 0}
    assert whole.metrics | times == resumed.metrics | times
    where = results.folder(learned_mask_path(settings.name, TRAINING, 0))
    assert {path.name for path in where.iterdir()} >= {"metrics.json", "history.csv", "mask.npz", "weights.npz"}
    board = read(where)
    assert scalars(board, "validation_accuracy") == pytest.approx({int(r[0]): r[4] for r in whole.history})
    assert list(scalars(board, "pruned_fraction/dense_1")) == [0, 10, 20, 30, 40]
    assert "mask probability/output/kernel" in board.Tags()["tensors"]


def test_convolutional_networks_learn_masks_too():
    rng = np.random.default_rng(0)
    splits = (Split(rng.integers(0, 256, (size, 8, 8, 3), np.uint8), rng.integers(0, 10, size)) for size in (60, 9, 9))
    short = dataclasses.replace(TRAINING, iterations=3, eval_interval=3, batch_size=20)
    result = MaskLearner(networks.build("conv2", (8, 8, 3)), Dataset(*splits), MaskSettings(rescale=True), short).learn(
        0
    )
    assert sum(kept.size for kept in result.mask.values()) == 38_592 + 4 * 4 * 64 * 256 + 256 * 256 + 256 * 10
    assert result.metrics["status"] == "finished"


def test_logits_are_there_when_a_mask_is_found_too(digits, tmp_path):
    settings = {"iterations": TRAINING.iterations}
    first, second = (
        learner(digits, MaskSettings(), results=ResultsFolder(tmp_path, settings)).learn(seed=1) for _ in range(2)
    )
    assert first.final.keys() == second.final.keys() and len(first.final) == 3
    assert all(first.final[name].tobytes() == second.final[name].tobytes() for name in first.final)


def test_a_network_may_return_probabilities(digits):
    once = dataclasses.replace(TRAINING, iterations=1, eval_interval=1)
    plain = networks.build("fc")
    model = keras.Model(plain.inputs, keras.layers.Softmax()(plain.outputs[0]))
    own = MaskLearner(model, digits, MaskSettings(), once, from_logits=False).learn(seed=1)
    other = learner(digits, MaskSettings(), once).learn(seed=1)
    np.testing.assert_allclose(own.history[:, 3], other.history[:, 3], rtol=1e-3)
    assert own.metrics["test_accuracy"] == pytest.approx(other.metrics["test_accuracy"], abs=0.01)


def test_a_diverged_learning_is_recorded(digits):
    wild = dataclasses.replace(TRAINING, optimizer="sgd", learning_rate=1e38)
    result = learner(digits, MaskSettings(l1=1e30), wild).learn(0)
    assert result.metrics["status"] == "diverged"
    json.dumps(result.metrics, allow_nan=False)


@pytest.mark.parametrize("weights", ["initial", "signed_constant"])
def test_a_multiplier_scales_the_weights_under_the_mask(digits, weights):
    """Learners that differ in it share a compiled model; the network of the stored mask has the scaled weights."""
    settings = MaskSettings(weights, rescale=True, weight_multiplier=0.5)
    short = dataclasses.replace(TRAINING, iterations=10)
    own = learner(digits, settings, short)
    found = own.learn(0)
    assert (found.metrics["weight_multiplier"], found.metrics["weights"]) == (0.5, weights)
    alone = own.model.most_likely_network()
    alone.compile(loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    accuracy = alone.evaluate(digits.test.images / np.float32(255), digits.test.labels, verbose=0)[1]
    assert found.metrics["most_likely_test_accuracy"] == pytest.approx(accuracy, abs=1e-6)
    whole = own.with_settings(dataclasses.replace(settings, weight_multiplier=1.0))
    scaled = {name: kernel.numpy() for name, kernel in model_weights.variables(alone).items() if "kernel" in name}
    assert whole.model is own.model
    whole.learn(0)
    for name, kernel in model_weights.kernels(whole.model.network).items():
        kept = scaled[name] != 0
        factor = np.float32(0.5 * kept.size / kept.sum())
        np.testing.assert_allclose(scaled[name][kept], (kernel * factor)[kept], rtol=1e-6)
