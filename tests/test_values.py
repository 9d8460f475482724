"""Trainers, experiments and learners refuse invalid values at once, and accept valid ones.

A behaviour of several modules: splits, trainer, experiment and the learner of masks.
"""

import dataclasses

import numpy as np
import pytest
from digit_networks import network

import lottery_tf as lt
from lottery_tf.datasets.dataset import Dataset
from lottery_tf.datasets.loading import load
from lottery_tf.datasets.splits import Split
from lottery_tf.errors import InputError
from lottery_tf.masking import model_weights
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import Ticket, Treatment
from lottery_tf.results.store import ResultsFolder
from lottery_tf.training.feeds import MemoryFeed
from lottery_tf.training.trainer import Trainer

NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def digits():
    whole = load("digits")
    return Dataset(*(Split(split.images[:120], split.labels[:120]) for split in whole.splits.values()), "some digits")


# Images


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("odd", [NAN, INF, -INF, 1e300, -3.5e38])
def test_images_that_are_not_finite_are_refused(split, odd, digits):
    images = getattr(digits, split).images.astype(np.float64 if np.isfinite(odd) else np.float32) / 255
    finite = dataclasses.replace(digits, **{split: Split(images, getattr(digits, split).labels)})
    assert getattr(finite, split).images.dtype == images.dtype
    images[[7, 9], 3, 4, 0] = odd
    with pytest.raises(
        InputError, match="2 of 120 images have values that are not finite in float32; the first is number 7"
    ):
        Split(images, getattr(digits, split).labels)


# Trainings


def huge(w_i):
    """A mask-1 action after which the network's loss is NaN."""
    return np.full_like(w_i, 1e30)


@pytest.mark.slow
def test_a_treatment_that_diverges_at_its_first_reading_is_a_result_and_others_follow(digits, tmp_path):
    treatments = [Treatment(mask1=f"{__name__}:huge"), Treatment()]
    for already in (0, 3):  # the second time all is found
        results = ResultsFolder(tmp_path, {"model": "mine"})
        experiment = lt.Experiment(network(), digits, TrainingSettings(4, eval_interval=2), results=results)
        found = [[level.metrics for level in experiment.levels(each, 0, levels=2)] for each in treatments]
        assert [[metrics["status"] for metrics in levels] for levels in found] == [
            ["finished", "diverged"],
            ["finished", "finished", "finished"],
        ]
        assert (found[0][1]["iterations"], found[0][1]["test_accuracy"]) == (0, None)
        assert experiment.trainings == 4 - (4 if already else 0)


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["xla", "graph"])
def test_an_interval_beyond_the_training_takes_no_memory(compiler, digits, monkeypatch):
    counts, chunk = [], MemoryFeed.chunk

    def counted_chunk(feed, first, count, *more):
        counts.append(count)
        assert count <= 6, "the images of more iterations are chosen than are trained"
        return chunk(feed, first, count, *more)

    monkeypatch.setattr(MemoryFeed, "chunk", counted_chunk)
    model = lt.masked(network())
    ticket = Ticket(model_weights.get_weights(model), masks.full(model_weights.kernels(model)))
    results = []
    for interval in (6, 100_000_000):
        trainer = Trainer(model, digits, TrainingSettings(6, eval_interval=interval), compiler=compiler)
        results.append(trainer.train(ticket, 0, 0))
        assert sum(counts) == 6
        counts.clear()
    one, other = results
    assert one.history.tobytes() == other.history.tobytes()
    assert all(one.final[name].tobytes() == other.final[name].tobytes() for name in one.final)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda e: next(e.levels(Treatment(), "0", 1)), "seed is '0'; it must be a whole number"),
        (lambda e: next(e.levels(Treatment(), -1, 1)), "seed is -1; it must be at least 0"),
        (lambda e: next(e.levels(Treatment(), 0.0, 1)), "seed is 0.0; it must be a whole number"),
        (lambda e: next(e.levels(Treatment(), 0, "3")), "levels is '3'; it must be a whole number"),
        (lambda e: next(e.levels(Treatment(), 0, 2.0)), "levels is 2.0; it must be a whole number"),
        (lambda e: next(e.levels("large_final", 0, 1)), "treatment is 'large_final'; it must be of the type Treatment"),
        (lambda e: e.dense(None), "seed is None; it must be a whole number"),
        (lambda e: e.level(Treatment(), 0, "1"), "number is '1'; it must be a whole number"),
        (lambda e: e.load(Treatment(), "a", 1), "seed is 'a'; it must be a whole number"),
        (lambda e: e.rewind_point(0, "2"), "iteration is '2'; it must be a whole number"),
        (lambda e: e.control(Treatment(), 0, 1, "reinit", "1"), "draw is '1'; it must be a whole"),
        (lambda e: lt.Experiment(e.model, e.trainer.dataset, {"iterations": 3}), "training is {'iterations': 3}; it"),
        (lambda e: lt.Experiment(e.model, e.trainer.dataset, e.trainer.settings, 0.2), "pruning is 0.2; it must be of"),
    ],
)
def test_experiments_say_what_they_cannot_take(ask, message, digits):
    experiment = lt.Experiment(network(), digits, TrainingSettings(4))
    with pytest.raises(InputError) as caught:
        ask(experiment)
    assert str(caught.value).startswith(message)
    assert experiment.trainings == 0


def test_trainers_say_what_they_cannot_take(digits):
    model = lt.masked(network())
    with pytest.raises(InputError, match="settings is 300; it must be of the type TrainingSettings"):
        Trainer(model, digits, 300)
    ticket = Ticket(model_weights.get_weights(model), masks.full(model_weights.kernels(model)))
    with pytest.raises(InputError, match="seed is '0'; it must be a whole number"):
        Trainer(model, digits, TrainingSettings(2)).train(ticket, "0", 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: None, "initial gave None; it must give arrays by name"),
        (lambda w: list(w.values()), "it must give arrays by name"),
        (lambda w: w | {"own": np.zeros(3)}, "missing or unknown: "),
        (lambda w: dict(list(w.items())[1:]), "missing or unknown: "),
        (lambda w: {name: value[:1] for name, value in w.items()}, "of shape .*; the model's has"),
        (
            lambda w: {name: value * NAN for name, value in w.items()},
            "must be finite numbers in float32; nan is not one",
        ),
        (lambda w: {name: value + 1e39 for name, value in w.items()}, "must be finite numbers in float32"),
        (lambda w: {name: value.astype(str) for name, value in w.items()}, "weights are numbers; given: <U"),
    ],
)
def test_initial_weights_that_the_model_cannot_have(change, message, digits):
    model = network()
    weights = {name: value.astype(float) for name, value in lt.get_weights(model).items()}
    experiment = lt.Experiment(model, digits, TrainingSettings(4), initial=lambda seed: change(weights))
    with pytest.raises(InputError, match=message):
        experiment.dense(0)


def test_the_learner_of_masks_wants_settings(digits):
    with pytest.raises(InputError, match="settings is 'initial'; it must be of the type MaskSettings"):
        lt.MaskLearner(network(), digits, "initial", TrainingSettings(2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"keep_weights": "no"}, "keep_weights is 'no'; it must be True or False"),
        ({"from_logits": "yes"}, "from_logits is 'yes'; it must be True or False"),
        ({"snapshot_seconds": "x"}, "snapshot_seconds is 'x'; it must be a number"),
        ({"snapshot_seconds": NAN}, "snapshot_seconds is nan; it must be a finite number of at least 0"),
        ({"results": "folder"}, "results is 'folder'; it must be of the type MemoryResults or be of the type Results"),
        ({"labels": "a"}, "labels is 'a'; it must be an object with names and values"),
        ({"callbacks": print}, "callbacks is .*; it must be a list"),
        ({"on_steps": "x"}, "on_steps is 'x'; it must be a function"),
        ({"best_by": None}, "best_by is None; it must be text"),
        ({"metrics": 5}, "metrics and loss_weights need a loss"),
        ({"metrics": 5, "loss": "mse"}, "."),
    ],
)
def test_arguments_of_experiments(arguments, message, digits):
    with pytest.raises(InputError, match=message):
        lt.Experiment(network(), digits, TrainingSettings(4), **arguments)
