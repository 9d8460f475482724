"""Values that cannot be are refused where they are given, in a sentence; those that can be pass."""

import dataclasses

import keras
import numpy as np
import pytest

import lottery_tf as lt
from lottery_tf.datasets.dataset import Dataset
from lottery_tf.datasets.loading import load
from lottery_tf.datasets.splits import Split
from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.masking import model_weights
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import Ticket, Treatment
from lottery_tf.results.store import ResultsFolder
from lottery_tf.supermasks.masked_model import MaskedModel
from lottery_tf.training.trainer import Trainer

NAN, INF = float("nan"), float("inf")


def network(units=4):
    return keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(units, "relu"), keras.layers.Dense(10)]
    )


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


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 4), complex), "Images must be real numbers, or texts; these are complex128"),
        (np.zeros((3, 28, 0, 1)), r"Images of the shape \(28, 0, 1\) are empty"),
    ],
)
def test_images_that_are_none(images, message):
    with pytest.raises(InputError, match=message):
        Split(images, np.zeros(3))


def test_the_sum_of_images_may_overflow():
    assert len(Split(np.full((3, 2), 3e38, np.float32), np.zeros(3))) == 3


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
        assert experiment.trained == 4 - (4 if already else 0)


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["xla", "graph"])
def test_an_interval_beyond_the_training_takes_no_memory(compiler, digits):
    model = lt.masked(network())
    ticket = Ticket(model_weights.get_weights(model), masks.full(model_weights.kernels(model)))
    results = []
    for interval in (6, 100_000_000):
        trainer = Trainer(model, digits, TrainingSettings(6, eval_interval=interval), compiler=compiler)
        results.append(trainer.train(ticket, 0, 0))
        assert sum(np.asarray(each).nbytes for each in trainer._programs._batches(0, 0, 0)) <= 6 * 60 * 8
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
    assert experiment.trained == 0


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


# Masks


@pytest.fixture
def layer():
    dense = lt.MaskedDense(2)
    dense.build((None, 3))
    return dense


KEPT = np.array([[1, 0], [1, 1], [0, 1]])


@pytest.mark.parametrize("dtype", [bool, np.uint8, int, float, np.float16])
def test_masks_of_booleans_or_zeros_and_ones(dtype, layer):
    layer.set_mask(KEPT.astype(dtype))
    assert layer.kernel_mask.numpy().tolist() == KEPT.astype(bool).tolist()


@pytest.mark.parametrize(
    "kept",
    [
        [[0.2, 0.7]] * 3, [[NAN, 1]] * 3, [[2, 1]] * 3, [[-1, 1]] * 3, [["False", "True"]] * 3, [[None, True]] * 3,
        np.ones((3, 2), complex), np.ones((3, 2), "M8[s]"), "False", None,
    ],
)  # fmt: skip
def test_masks_of_anything_else(kept, layer):
    with pytest.raises(InputError, match="a mask is of booleans, or of numbers that are 0 or 1; given: "):
        layer.set_mask(kept)
    assert layer.kernel_mask.numpy().all()


def test_a_supermask_of_floats_is_not_packed():
    model = lt.build("fc", (2, 2, 1))
    mask = {name: np.full(kept.shape, 0.7) for name, kept in masks.full(model_weights.kernels(model)).items()}
    with pytest.raises(InputError, match="dense_1/kernel: a mask is of booleans"):
        lt.pack_supermask(model, mask, 0)


@pytest.mark.parametrize("frozen", [NAN, INF, -INF, 1e39, "a", 1j])
def test_frozen_values_that_float32_does_not_have(frozen, layer):
    with pytest.raises(InputError, match="weights (must be finite numbers in float32|are numbers)"):
        layer.set_mask(KEPT, np.full((3, 2), frozen))
    layer.set_mask(KEPT, np.where(KEPT, np.nan, 0.25))  # those of kept weights are not read
    assert layer.kernel.numpy()[0, 1] == 0.25 and np.isfinite(layer.kernel.numpy()).all()


def test_what_has_no_mask_yet():
    with pytest.raises(InputError, match="has no weights yet: build it first"):
        lt.MaskedDense(2).set_mask(KEPT)
    for given in (None, "model.keras", [network()]):
        with pytest.raises(InputError, match="it must be a Keras Model"):
            lt.masked(given)


def test_a_mask_of_another_model():
    model = lt.masked(network())
    weights = lt.get_weights(model)
    mask = masks.full(model_weights.kernels(model))
    with pytest.raises(InputError, match="The mask is not one of the model .*: own"):
        lt.set_weights(model, weights, mask | {"own": np.ones(3, bool)})


def test_rewinding_keeps_masks_where_set_weights_takes_them_back():
    plain = network()
    model = lt.masked(plain)
    w0, named = model.get_weights(), lt.get_weights(model)
    rng = np.random.default_rng(0)
    for each in model_weights.masked_kernels(model).values():
        each.set_mask(rng.random(each.variable.shape) < 0.5, np.full(each.variable.shape, 0.125))
    mask = {name: layer.kernel_mask.numpy() for name, layer in model_weights.masked_kernels(model).items()}
    for given in (w0, named, plain.get_weights()):
        for variable in model.trainable_variables:
            variable.assign(rng.normal(size=variable.shape))  # a training
        frozen = lt.get_weights(model)
        lt.rewind(model, given)
        for name, value in lt.get_weights(model).items():
            wanted = np.where(mask[name], named[name], frozen[name]) if name in mask else named[name]
            assert value.tobytes() == wanted.tobytes()
        now = {name: layer.kernel_mask.numpy() for name, layer in model_weights.masked_kernels(model).items()}
        assert all((now[name] == mask[name]).all() for name in mask)
    model.set_weights(w0)
    assert all(layer.kernel_mask.numpy().all() for layer in model_weights.masked_kernels(model).values())


def test_rewinding_to_what_is_not_the_models():
    model = lt.masked(network())
    with pytest.raises(InputError, match="0 arrays are given; .* has 8, and 4 without its masks"):
        lt.rewind(model, ())
    with pytest.raises(InputError, match="wants a model with masks"):
        lt.rewind(network(), lt.get_weights(network()))
    with pytest.raises(InputError, match="The weights are not those of the model"):
        lt.rewind(model, {})


# Supermasks and tickets


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"initial_logit": NAN}, "initial_logit is nan; it must be a finite number"),
        ({"initial_logit": 1e39}, "must be a finite number in float32"),
        ({"initial_logit": np.float16(INF)}, "must be a finite number in float32"),
        ({"initial_logit": "0"}, "initial_logit is '0'; it must be a number"),
        ({"initial_logit": {"dense/kernel": INF}}, "must be a finite number|Initial logits are needed"),
        ({"samples": 1.5}, "samples is 1.5; it must be a whole number"),
        ({"rescale": "no"}, "rescale is 'no'; it must be True or False"),
        ({"seed": -1}, "seed is -1; it must be at least 0"),
        ({"seed": "0"}, "seed is '0'; it must be a whole number"),
        ({"l1": "1"}, "l1 is '1'; it must be a number"),
        ({"g": None}, "The function g None is not a name"),
        ({"g": "edge_popup", "kept_fraction": "0.5"}, "kept_fraction is '0.5'; it must be a number"),
        ({"weights": 1}, "The kind of weights 1 is not a name"),
    ],
)
def test_supermasks_that_cannot_be(arguments, message):
    with pytest.raises(InputError, match=message):
        MaskedModel(network(), **arguments)


def test_the_learner_of_masks_wants_settings(digits):
    with pytest.raises(InputError, match="settings is 'initial'; it must be of the type MaskSettings"):
        lt.MaskLearner(network(), digits, "initial", TrainingSettings(2))


def test_tickets_are_rebuilt_from_a_path_and_from_any_bytes(tmp_path):
    model = lt.build("fc", (2, 2, 1))
    content = lt.pack_supermask(model, masks.full(model_weights.kernels(model)), 0)
    path = tmp_path / "fc.ticket"
    path.write_bytes(content)
    wanted = lt.get_weights(lt.rebuild(content))
    for given in (path, str(path), bytearray(content), memoryview(content)):
        found = lt.get_weights(lt.rebuild(given))
        assert all(found[name].tobytes() == value.tobytes() for name, value in wanted.items())
    for given in (None, 3, [content], model):
        with pytest.raises(InputError, match="A ticket is the path of a file, or its bytes; given: "):
            lt.rebuild(given)
    with pytest.raises(DamagedFile, match="fc.ticket cannot be read as a ticket"):
        path.write_bytes(content[:-1])
        lt.rebuild(str(path))


# Examples


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [1, NAN, 1]}, "1 of 3 weights of examples are negative or not finite; the first is number 1, nan"),
        ({"weights": [-1, 1, INF]}, "2 of 3 weights of examples are negative or not finite; the first is number 0, -1"),
        ({"weights": "a"}, "weights is 'a'; it must be an array of numbers"),
        ({"weights": [1, 1]}, "2 weights but 3 labels"),
        ({"labels": [NAN] * 3}, "No label is a finite number"),
        ({"labels": {"a": [0, 1, 1], "b": [INF] * 3}}, "No label is a finite number"),
        ({"labels": ()}, "A data split has no labels"),
        ({"images": np.zeros((3, 2), "M8[s]")}, r"Images must be real numbers, or texts; these are datetime64\[s\]"),
        ({"images": np.zeros((3, 2), "m8[s]")}, "Images must be real numbers, or texts; these are timedelta"),
        ({"images": np.zeros(3, [("a", "f4")])}, "Images must be real numbers, or texts"),
        ({"images": np.array([[None]] * 3)}, "The images are ndarray of objects; arrays"),
        ({"images": [5]}, "1 images but 3 labels"),
        ({"divide_by": "a"}, "divide_by is 'a'; it must be a number"),
        ({"divide_by": NAN}, "divide_by is nan; it must be a finite number above 0"),
    ],
)
def test_examples_that_no_network_learns_from(change, message):
    usual = {"images": np.zeros((3, 2), np.float32), "labels": [0.5, NAN, 2]}  # a missing label among others
    assert np.isnan(lt.Split(**usual).labels[1])
    with pytest.raises(InputError, match=message):
        lt.Split(**usual | change)


def test_weights_that_are_not_finite_are_not_set():
    model = lt.masked(network())
    before = lt.get_weights(model)
    name = next(iter(before))
    for odd in (NAN, INF, 1e39):
        wrong = before | {name: np.full(before[name].shape, odd)}
        for put in (lt.set_weights, lt.rewind):
            with pytest.raises(InputError, match=f"{name}: weights must be finite numbers in float32"):
                put(model, wrong)
        with pytest.raises(InputError, match="weights must be finite numbers in float32"):
            lt.rewind(model, [np.full(variable.shape, odd) for variable in network().weights])
    assert all(value.tobytes() == before[name].tobytes() for name, value in lt.get_weights(model).items())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": 1.5}, "seed is 1.5; it must be a whole number"),
        ({"seed": "0"}, "seed is '0'; it must be a whole number"),
        ({"seed": 2**63}, r"seed is \d+; it must be below 2\*\*63"),
        ({"rescale": "no"}, "rescale is 'no'; it must be True or False"),
        ({"mask": None}, "mask is None; it must be an object"),
        ({"weights": "trained"}, "Unknown weights 'trained'. Valid: initial, signed_constant"),
    ],
)
def test_supermasks_that_are_not_packed(arguments, message):
    model = lt.build("fc", (2, 2, 1))
    with pytest.raises(InputError, match=message):
        lt.pack_supermask(**{"model": model, "mask": masks.full(model_weights.kernels(model)), "seed": 0} | arguments)


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
        ({"metrics": 5}, "metrics and loss_weights go with a loss"),
        ({"metrics": 5, "loss": "mse"}, "."),
    ],
)
def test_arguments_of_experiments(arguments, message, digits):
    with pytest.raises(InputError, match=message):
        lt.Experiment(network(), digits, TrainingSettings(4), **arguments)
