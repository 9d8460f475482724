"""Heuristic Supermasks: accuracies against Keras's own; nothing is evaluated twice."""

import dataclasses
import itertools
import shutil

import numpy as np
import pytest
from digit_experiments import experiment_with
from shared import trainer_with

from lottery_tf.errors import InputError
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import level_path, supermask_path
from lottery_tf.results.store import ResultsFolder
from lottery_tf.supermasks.heuristics import HeuristicSupermasks
from lottery_tf.supermasks.mask_sources import UNTRAINED, MaskSource, one_shot_masks

MOVEMENT = MaskSource("oneshot", "movement")


@pytest.fixture
def on_disk(trainer, tmp_path):
    """An experiment with a results folder."""
    return experiment_with(trainer, results=ResultsFolder(tmp_path, {}))


def evaluate(experiment, mask_source, levels=3, seed=0):
    """The result of a mask source, and how many networks were evaluated for it."""
    supermasks = HeuristicSupermasks(experiment)
    return supermasks.evaluate(experiment.dense(seed, weights=True), mask_source, levels), supermasks.evaluated


# Accuracies


def plain_network():
    """The network built with Keras alone."""
    import keras

    layers = [keras.layers.Dense(300, "relu"), keras.layers.Dense(100, "relu"), keras.layers.Dense(10)]
    plain = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), *layers])
    plain.compile(metrics=["accuracy"], loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return plain


def keras_accuracy(plain, state, mask, split):
    plain.set_weights([np.where(mask[name], value, 0) if name in mask else value for name, value in state.items()])
    return plain.evaluate(split.images / np.float32(255), split.labels, verbose=0)[1]


@pytest.mark.slow
def test_accuracies_are_those_of_keras(experiment, digits):
    """Biases that are not zero are seen to stay as they were initialized."""
    rng, dense = np.random.default_rng(5), experiment.dense(0, weights=True)
    initial = {
        name: rng.normal(0, 0.3, value.shape).astype(np.float32) if name.endswith("bias") else value
        for name, value in dense.start.items()
    }
    result = HeuristicSupermasks(experiment).evaluate(dataclasses.replace(dense, start=initial), MOVEMENT, levels=12)
    constant = {
        name: value if name.endswith("bias") else np.where(value < 0, -1, 1) * value.std()
        for name, value in initial.items()
    }
    states, plain = {"initial": initial, "signed_constant": constant}, plain_network()
    scores = {name: np.abs(dense.final[name] - initial[name]) for name in dense.mask}
    masks = list(one_shot_masks(scores, experiment.pruned_fraction, levels=12, seed=0))
    rows = result.metrics["rows"]
    assert [(row["level"], row["weights"]) for row in rows] == list(itertools.product(range(1, 13), states))
    for row in rows[::5]:
        state, mask = states[row["weights"]], masks[row["level"] - 1]
        for name, split in (("validation", digits.validation), ("test", digits.test)):
            assert row[f"{name}_accuracy"] == pytest.approx(keras_accuracy(plain, state, mask, split), abs=1e-6)
        assert row["kept_fraction"] == sum(kept.sum() for kept in mask.values()) / 266_200
    assert len({row["test_accuracy"] for row in rows[::5]}) > 2, "the comparison says little"


@pytest.mark.slow
def test_the_untrained_baseline_keeps_everything(experiment, digits):
    result, evaluated = evaluate(experiment, UNTRAINED)
    start, mask = experiment.dense(0, weights=True).start, result.mask
    assert all(kept.all() for kept in mask.values())
    row = result.metrics["rows"][0]
    assert (row["level"], row["kept_fraction"], row["weights"], evaluated) == (0, 1.0, "initial", 2)
    assert row["test_accuracy"] == pytest.approx(keras_accuracy(plain_network(), start, mask, digits.test), abs=1e-6)


@pytest.mark.slow
def test_the_best_is_chosen_on_validation_images(trainer):
    validation = iter([0.2, 0.1, 0.7, 0.3, 0.7, 0.9])  # initial and signed_constant by turns
    test = iter([0.9, 0.9, 0.4, 0.8, 0.5, 0.3])
    answers = {"validation": validation, "test": test}
    experiment = experiment_with(trainer_with(trainer, accuracy=lambda split: next(answers[split])))
    result = HeuristicSupermasks(experiment).evaluate(experiment.dense(0, weights=True), MOVEMENT, levels=3)
    best = {
        weights: experiment.results.read(supermask_path(0, MOVEMENT.name, weights), weights=False)
        for weights in ("initial", "signed_constant")
    }
    found = {weights: (found.metrics["level"], found.metrics["test_accuracy"]) for weights, found in best.items()}
    assert found == {"initial": (2, 0.4), "signed_constant": (3, 0.3)}
    for name, kept in result.mask.items():
        np.testing.assert_array_equal(kept, best["initial"].mask[name])
        assert (best["signed_constant"].mask[name] <= kept).all()


@pytest.mark.slow
def test_an_evaluation_leaves_later_trainings_as_they_are(trainer):
    levels = experiment_with(trainer).levels(Treatment(), 0, 3)
    undisturbed = [level.metrics["fingerprint"] for level in levels]
    experiment, found = experiment_with(trainer), []
    for level in experiment.levels(Treatment(), 0, 3):
        evaluate(experiment, MOVEMENT)
        found.append(level.metrics["fingerprint"])
    assert found == undisturbed


# Iterative masks


def test_iterative_masks_are_those_of_the_levels(experiment):
    treatment = Treatment("random", "reinit", "hybrid")
    _, *levels = experiment.levels(treatment, 0, 3)
    trained = experiment.trainings
    result, evaluated = evaluate(
        experiment, MaskSource("iterative", treatment.criterion, treatment.mask1, treatment.mask0)
    )
    assert (experiment.trainings, evaluated) == (trained, 6)
    rows = result.metrics["rows"]
    assert [row["kept_fraction"] for row in rows[::2]] == [level.metrics["kept_fraction"] for level in levels]
    best = max(rows[::2], key=lambda row: row["validation_accuracy"])
    for name, kept in levels[best["level"] - 1].mask.items():
        np.testing.assert_array_equal(result.mask[name], kept)


def test_missing_levels_are_trained(experiment):
    evaluate(experiment, MaskSource("iterative", "movement", "rewind", "zero"), levels=2)
    assert experiment.trainings == 3


# What is stored


def stored(experiment):
    """The content of every file of the supermasks, without the times."""
    folder = experiment.results.folder("seed-0/supermask")
    files = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.npz")}
    for path in folder.rglob("metrics.json"):
        lines = path.read_text().splitlines()
        files[path.relative_to(folder)] = [line for line in lines if '"seconds"' not in line]
    return files


def test_nothing_is_evaluated_twice(on_disk):
    first, count = evaluate(on_disk, MOVEMENT, levels=3)
    again, count_again = evaluate(on_disk, MOVEMENT, levels=3)
    fewer, count_fewer = evaluate(on_disk, MOVEMENT, levels=2)
    assert (count, count_again, count_fewer) == (6, 0, 0)
    assert first.metrics == again.metrics == fewer.metrics


def test_more_levels_are_evaluated_anew(on_disk):
    before, _ = evaluate(on_disk, MOVEMENT, levels=2)
    after, count = evaluate(on_disk, MOVEMENT, levels=4)
    assert count == 8
    assert after.metrics["rows"][:4] == before.metrics["rows"]


@pytest.mark.slow
def test_supermasks_of_another_dense_network_are_made_again(on_disk):
    evaluate(on_disk, MOVEMENT)
    dense = on_disk.dense(0, weights=True)
    dense.metrics["fingerprint"] = "other"
    on_disk.results.write(level_path(0, "dense", 0), dense)
    result, count = evaluate(on_disk, MOVEMENT)
    assert (count, result.metrics["parent"]) == (6, "other")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lost", "file"), [("", "mask.npz"), ("initial", "metrics.json"), ("signed_constant", "mask.npz")]
)
def test_what_is_damaged_is_made_again(lost, file, on_disk):
    evaluate(on_disk, MOVEMENT)
    wanted = stored(on_disk)
    (on_disk.results.folder(supermask_path(0, MOVEMENT.name, lost)) / file).write_bytes(b"")
    _, count = evaluate(on_disk, MOVEMENT)
    assert count == 6
    assert stored(on_disk) == wanted


@pytest.mark.slow
@pytest.mark.parametrize("finished", [0, 1, 2])
def test_interrupted_it_ends_with_the_same_files(finished, on_disk, monkeypatch):
    """Stopped when none, one or two of a mask source's three results are stored."""
    evaluate(on_disk, MOVEMENT)
    wanted = stored(on_disk)
    shutil.rmtree(on_disk.results.folder("seed-0/supermask"))
    write, written = ResultsFolder.write, []

    def stopping(self, place, result):
        if len(written) == finished:
            raise KeyboardInterrupt
        written.append(place)
        write(self, place, result)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(ResultsFolder, "write", stopping)
        evaluate(on_disk, MOVEMENT)
    assert len(written) == finished
    assert evaluate(on_disk, MOVEMENT)[1] == 6
    assert stored(on_disk) == wanted


# Refusals


def returns_nan(w_i):
    return np.full_like(w_i, np.nan)


def returns_too_few(w_i):
    return w_i[1:]


@pytest.mark.parametrize(
    ("mask_source", "levels", "message"),
    [
        (MaskSource("oneshot", "movment"), 2, "Unknown mask criterion 'movment'; did you mean 'movement'"),
        (MaskSource("one_shot", "movement"), 2, "Unknown source of masks 'one_shot'; did you mean 'oneshot'"),
        (MaskSource("iterative", "movement", "rewindd", "zero"), 2, "Unknown mask-1 action 'rewindd'"),
        (MOVEMENT, 0, "levels is 0; it must be at least 1"),
        (MaskSource("oneshot", f"{__name__}:returns_nan"), 2, "NaN for 235200 weights"),
        (MaskSource("oneshot", f"{__name__}:returns_too_few"), 2, r"scores of shape \(235199,\) for 235200"),
    ],
)
def test_refusals(mask_source, levels, message, experiment):
    with pytest.raises(InputError, match=message):
        evaluate(experiment, mask_source, levels)


def test_a_diverged_dense_network_is_refused(experiment):
    dense = experiment.dense(0, weights=True)
    diverged = dataclasses.replace(dense, metrics=dense.metrics | {"status": "diverged"})
    with pytest.raises(InputError, match="dense training of seed 0 diverged"):
        HeuristicSupermasks(experiment).evaluate(diverged, MOVEMENT)
