"""Experiments: levels of every treatment, what they are made from, and all combinations of choices."""

import contextlib
import dataclasses
import fcntl
import gc
import itertools
import weakref

import numpy as np
import pytest
from shared import tiny_network, trainer_with
from tiny_experiments import SETTINGS, experiment_with, on_disk

from lottery_tf.errors import InputError
from lottery_tf.experiment import Experiment
from lottery_tf.masking import conversion, model_weights
from lottery_tf.models.settings import PruningSettings, TrainingSettings
from lottery_tf.pruning.criteria import CRITERIA
from lottery_tf.pruning.mask0_actions import MASK0
from lottery_tf.pruning.mask1_actions import MASK1
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.store import ResultsFolder
from lottery_tf.training import tensorboard
from lottery_tf.training.trainer import Trainer


def test_levels_have_the_kept_fractions_of_rounds_and_hold_their_masks(experiment):
    levels = list(experiment.levels(Treatment(), seed=0, levels=3))
    counts = [{name: int(kept.sum()) for name, kept in level.mask.items()} for level in levels]
    assert [list(count.values()) for count in counts] == [[432, 36], [346, 33], [277, 30], [222, 27]]
    for before, after in itertools.pairwise(levels):
        for name, kept in after.mask.items():
            assert (kept <= before.mask[name]).all()
            assert (after.final[name][~kept] == 0).all()
            magnitudes = np.abs(before.final[name])
            newly_pruned = before.mask[name] & ~kept
            assert magnitudes[kept].min() >= magnitudes[newly_pruned].max()
    assert [level.metrics["kept_fraction"] for level in levels] == [(a + b) / 468 for a, b in map(dict.values, counts)]


@pytest.mark.parametrize("criterion", CRITERIA)
def test_every_criterion_with_some_actions(criterion, experiment):
    position = list(CRITERIA).index(criterion)
    treatment = Treatment(criterion, list(MASK1)[position % len(MASK1)], list(MASK0)[position % len(MASK0)])
    *_, last = experiment.levels(treatment, seed=0, levels=2)
    assert last.metrics["status"] == "finished"
    assert (last.metrics["criterion"], last.metrics["mask1"], last.metrics["mask0"]) == (
        treatment.criterion, treatment.mask1, treatment.mask0,
    )  # fmt: skip


@pytest.mark.parametrize("mask0", MASK0)
def test_pruned_weights_keep_their_bits_through_the_trainings(mask0, experiment):
    levels = list(experiment.levels(Treatment(mask0=mask0), seed=0, levels=3))
    for level, later in itertools.pairwise(levels):
        for name, kept in level.mask.items():
            assert level.final[name][~kept].tobytes() == level.start[name][~kept].tobytes()
            assert later.final[name][~kept].tobytes() == level.final[name][~kept].tobytes()


@pytest.mark.parametrize("mask1", MASK1)
def test_mask_1_actions_set_where_kept_weights_start(mask1, experiment):
    dense, ticket = experiment.levels(Treatment(mask1=mask1), seed=0, levels=1)
    for name, kept in ticket.mask.items():
        start, initial = ticket.start[name][kept], dense.start[name][kept]
        assert (start == initial).all() == (mask1 == "rewind")
        if mask1 == "rewind" or mask1.endswith("init_sign"):
            assert (np.sign(start) == np.sign(initial)).all()


def test_saliency_is_that_of_one_batch_at_the_starting_weights(experiment, tiny_dataset):
    """snip's mask by hand, with the gradient from Keras on the same images."""
    import keras
    import tensorflow as tf

    from lottery_tf.seeds import generator

    dense, ticket = experiment.levels(Treatment("snip"), seed=0, levels=1)
    plain = conversion.unmasked(experiment.model)
    model_weights.set_weights(plain, dense.start)
    batch = generator(0, "saliency batch", 1).choice(280, 40, replace=False)
    with tf.GradientTape() as tape:
        outputs = plain(tiny_dataset.train.images[batch] / np.float32(255))
        losses = keras.losses.sparse_categorical_crossentropy(
            tiny_dataset.train.labels[batch], outputs, from_logits=True
        )
        loss = tf.reduce_mean(losses)
    layers = [layer for layer in plain.layers if hasattr(layer, "kernel")]
    gradients = tape.gradient(loss, [layer.kernel.value for layer in layers])
    for kept, layer, gradient in zip(ticket.mask.values(), layers, gradients, strict=True):
        saliency = np.abs(layer.kernel.numpy() * gradient.numpy())
        assert saliency[kept].min() >= saliency[~kept].max() * (1 - 1e-5)


@pytest.mark.slow
def test_on_disk_and_in_memory_agree_and_nothing_is_trained_twice(trainer, tiny_model, tiny_dataset, tmp_path):
    treatment = Treatment("movement", "reinit", "hybrid")
    in_memory = list(Experiment(tiny_model, tiny_dataset, SETTINGS).levels(treatment, 0, 3))
    first = on_disk(trainer, tmp_path)
    found = list(first.levels(treatment, 0, 2)) + list(first.levels(treatment, 0, 3))[3:]
    again = on_disk(trainer, tmp_path)
    assert [level.metrics["fingerprint"] for level in again.levels(treatment, 0, 3)] == [
        level.metrics["fingerprint"] for level in in_memory
    ]
    assert [level.metrics["level"] for level in found] == [0, 1, 2, 3]
    assert (first.trainings, again.trainings) == (4, 0)


@pytest.mark.slow
def test_nothing_is_locked_while_a_level_is_looked_at(trainer, tmp_path, monkeypatch):
    flock = fcntl.flock  # one that would wait raises here
    monkeypatch.setattr(fcntl, "flock", lambda file, operation: flock(file, operation | fcntl.LOCK_NB))
    experiment, other = on_disk(trainer, tmp_path), on_disk(trainer, tmp_path)
    for level in experiment.levels(Treatment(), 0, 2):
        number = level.metrics["level"]
        assert other.level(Treatment(), 0, number).metrics == level.metrics
        if number:
            assert (
                experiment.control(Treatment(), 0, number, "reorder").metrics["parent"] == level.metrics["fingerprint"]
            )
    assert (experiment.trainings, other.trainings) == (5, 0)


@pytest.mark.slow
def test_weights_dropped_or_not_a_level_can_be_loaded(trainer, tmp_path):
    lean = on_disk(trainer, tmp_path, keep_weights=False)
    *_, last = lean.levels(Treatment(), 0, 2)
    model = lean.load(Treatment(), 0, 2)
    assert lean.trainings == 3
    for name, layer in model_weights.masked_kernels(model).items():
        np.testing.assert_array_equal(layer.kernel_mask.numpy(), last.mask[name])
    lean.load(Treatment(), 0, 1)
    assert lean.trainings == 4


def test_a_loaded_model_stays_as_it_is(experiment):
    """A later load, and a later training, work on another model."""
    wanted = {level.metrics["level"]: level for level in experiment.levels(Treatment(), 0, 2)}
    loaded = {number: experiment.load(Treatment(), 0, number) for number in (2, 0, 1)}
    experiment.level(Treatment("random"), 0, 1)
    for number, model in loaded.items():
        state = model_weights.get_weights(model)
        assert state.keys() == wanted[number].final.keys()
        assert all(state[name].tobytes() == value.tobytes() for name, value in wanted[number].final.items())
        for name, layer in model_weights.masked_kernels(model).items():
            np.testing.assert_array_equal(layer.kernel_mask.numpy(), wanted[number].mask[name])


def test_a_trainer_that_trains_something_else_is_refused(trainer, digits):
    others = {"dataset": digits, "settings": dataclasses.replace(SETTINGS, iterations=16)}
    for name, other in others.items():
        with pytest.raises(InputError, match="The trainer has other images or training settings"):
            Experiment(tiny_network(), trainer.dataset, SETTINGS, trainer=trainer_with(trainer, **{name: other}))


@pytest.mark.slow
def test_a_diverged_training_ends_its_treatment_only(tiny_model, tiny_dataset, tmp_path):
    wild = TrainingSettings(iterations=60, learning_rate=1e30, optimizer="sgd", batch_size=40, eval_interval=5)
    results = ResultsFolder(tmp_path, {})
    for _ in range(2):  # the second time it is found, not trained
        experiment = Experiment(tiny_model, tiny_dataset, wild, results=results)
        levels = list(experiment.levels(Treatment(), 0, 3))
        assert [level.metrics["status"] for level in levels] == ["diverged"]
        assert levels[0].metrics["test_accuracy"] is None
    assert experiment.trainings == 0


def test_own_pruned_fractions(trainer):
    experiment = experiment_with(trainer, pruning=PruningSettings(dense=0.5, output=0.25))
    *_, last = experiment.levels(Treatment(), 0, 2)
    assert [int(kept.sum()) for kept in last.mask.values()] == [108, 21]


@pytest.mark.slow
def test_probabilities_instead_of_logits(tiny_dataset):
    import keras

    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    logits = keras.Sequential(layers)
    softmax = keras.Sequential([*layers, keras.layers.Softmax()])
    losses = []
    for model, from_logits in ((logits, True), (softmax, False)):
        (dense, _) = Experiment(model, tiny_dataset, SETTINGS, from_logits=from_logits).levels(Treatment(), 0, 1)
        losses.append(dense.history[:, 3])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


def test_criteria_see_the_initial_weights_where_a_rewind_point_is_later(experiment):
    initial = experiment.dense(0, weights=True).start
    *_, level = experiment.levels(Treatment("large_init", rewind_to=10), 0, 2)
    for name, kept in level.mask.items():
        assert np.abs(initial[name][kept]).min() > np.abs(initial[name][~kept]).max()


def test_one_shot_levels_come_from_the_dense_network(experiment):
    levels = list(experiment.levels(Treatment(rounds="oneshot"), 0, 3))
    assert [level.metrics["parent"] for level in levels[1:]] == [levels[0].metrics["fingerprint"]] * 3
    assert [[int(kept.sum()) for kept in level.mask.values()] for level in levels[1:]] == [
        [346, 33],
        [277, 30],
        [222, 27],
    ]
    for level in levels[1:]:
        for name, kept in level.mask.items():
            final = np.abs(levels[0].final[name])
            assert final[kept].min() >= final[~kept].max()
            np.testing.assert_array_equal(level.start[name], np.where(kept, levels[0].start[name], 0))
    assert experiment.trainings == 4


def test_a_kept_fraction_has_one_level(experiment):
    treatment = Treatment(rounds="oneshot", chosen_kept_fraction=0.1)
    levels = list(experiment.levels(treatment, 0, 24))
    assert [level.metrics["level"] for level in levels] == [0, 1]
    assert levels[1].metrics["kept_fraction"] == pytest.approx(0.1, abs=0.002)
    assert levels[1].metrics["chosen_kept_fraction"] == 0.1
    with pytest.raises(InputError, match="The level is 2; the treatment .*kept0.1 has level 1 only"):
        experiment.level(treatment, 0, 2)


def test_global_levels_keep_as_much_as_layer_wise_ones(experiment):
    layer, overall = (list(experiment.levels(Treatment(scope=scope), 0, 3)) for scope in ("layer", "global"))
    assert [a.metrics["kept_fraction"] for a in layer] == [b.metrics["kept_fraction"] for b in overall]
    for before, after in itertools.pairwise(overall):
        pruned = [np.abs(before.final[name][before.mask[name] & ~kept]) for name, kept in after.mask.items()]
        kept = [np.abs(before.final[name][kept]) for name, kept in after.mask.items()]
        assert np.concatenate(pruned).max() <= np.concatenate(kept).min()


@pytest.mark.slow
def test_fine_tuning_goes_on_at_the_last_learning_rate(tiny_model, tiny_dataset):
    settings = TrainingSettings(15, 0.1, "sgd", 40, 5, learning_rate_drops=(5, 10))
    dense, tuned = Experiment(tiny_model, tiny_dataset, settings).levels(Treatment(mask1="finetune"), 0, 1)
    for name, kept in tuned.mask.items():
        np.testing.assert_array_equal(tuned.start[name][kept], dense.final[name][kept])
    trainer = Trainer(tiny_model, tiny_dataset, TrainingSettings(15, 0.001, "sgd", 40, 5))
    np.testing.assert_allclose(tuned.history, trainer.train(tuned.ticket, 0, 1).history, rtol=1e-5)


def test_a_kept_fraction_that_cannot_be_is_refused_before_anything_is_trained(trainer):
    experiment = experiment_with(trainer, pruning=PruningSettings(output=0))
    with pytest.raises(InputError, match="kept_fraction is 0.05, but layers that are not pruned hold 0.0769"):
        next(experiment.levels(Treatment(rounds="oneshot", chosen_kept_fraction=0.05), 0, 1))
    assert experiment.trainings == 0


def test_nothing_to_prune_is_refused(tiny_model, tiny_dataset):
    with pytest.raises(InputError, match="All pruned fractions are 0"):
        Experiment(tiny_model, tiny_dataset, SETTINGS, PruningSettings(dense=0, output=0))


def test_no_levels_are_refused(experiment):
    with pytest.raises(InputError, match="levels is 0; it must be at least 1"):
        list(experiment.levels(Treatment(), 0, 0))


@pytest.mark.slow
def test_a_page_is_written_while_nobody_else_is_at_work_on_the_treatment(trainer, tmp_path, monkeypatch):
    experiment, treatment = on_disk(trainer, tmp_path), Treatment("random")
    locked = []

    def write(folder, identity, settings, finished):
        with open(folder.parent / f".{folder.name}.lock") as lock, contextlib.suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        locked.append([metrics["level"] for metrics in finished])

    monkeypatch.setattr(tensorboard, "write_treatment_page", write)
    found = [level.metrics for level in experiment.levels(treatment, 0, 1)]
    experiment.level(treatment, 0, 1)
    experiment.level(treatment, 0, 1, earlier=found[:1])
    assert locked == [[0, 1], [0, 1]]


@pytest.mark.slow
def test_an_experiment_that_goes_leaves_nothing_in_memory(tiny_dataset):
    """Its parts refer to each other, so Python would free them much later."""
    experiment = Experiment(tiny_network(), tiny_dataset, TrainingSettings(iterations=4, batch_size=20))
    list(experiment.levels(Treatment("random"), seed=0, levels=1))
    left = [weakref.ref(each) for each in (experiment, experiment.trainer, experiment.model)]
    gc.disable()
    try:
        del experiment
        assert [each() for each in left] == [None] * len(left)
    finally:
        gc.enable()
