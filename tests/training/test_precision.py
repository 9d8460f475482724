"""Half precision: what computes in it and what stays float32; all other guarantees still hold."""

import dataclasses

import keras
import numpy as np
import pytest
from keras import layers
from shared import tiny_network
from short_trainings import SETTINGS, Stopped, half_ticket

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.landscape.curvature import Curvature
from lottery_tf.landscape.evaluator import Evaluator
from lottery_tf.masking import model_weights
from lottery_tf.models.settings import experiment_settings
from lottery_tf.pruning.mask0_actions import MASK0
from lottery_tf.pruning.treatments import Ticket
from lottery_tf.results.paths import experiment_folder
from lottery_tf.results.store import ResultsFolder
from lottery_tf.supermasks.heuristics import HeuristicSupermasks
from lottery_tf.supermasks.mask_sources import MaskSource
from lottery_tf.tickets.packing import pack_trained, rebuild
from lottery_tf.training import precision
from lottery_tf.training.batches import batch_indices
from lottery_tf.training.checkpoint import Checkpoint
from lottery_tf.training.optimizers import make_optimizer
from lottery_tf.training.trainer import Trainer

pytestmark = pytest.mark.slow  # half precision compiles slowly

HALF = ("mixed_bfloat16", "mixed_float16")


def in_half(name, **changes):
    return dataclasses.replace(SETTINGS, precision=name, **changes)


def small_convolutional_network():
    """Convolution, batch norm, inner model and softmax: layers whose types Keras treats differently."""
    inner = keras.Sequential([keras.Input((6, 6, 4)), lt.MaskedConv2D(3, 2, name="conv_2")], name="inner")
    return keras.Sequential(
        [keras.Input((6, 6, 1)), lt.MaskedConv2D(4, 3, padding="same", name="conv_1"), layers.BatchNormalization(),
         layers.ReLU(), inner, layers.Flatten(), lt.MaskedDense(3, name="output"), layers.Softmax()]
    )  # fmt: skip


@pytest.mark.parametrize("name", HALF)
def test_arithmetic_is_half_and_all_that_is_kept_is_float32(name):
    model = small_convolutional_network()
    before = keras.config.dtype_policy().name
    precision.set_precision(model, name)
    half = name.removeprefix("mixed_")
    types = {layer.name: layer.compute_dtype for layer in precision._layers(model)}
    assert types["conv_1"] == types["conv_2"] == half
    assert types["output"] == types[model.layers[-1].name] == "float32", "logits and what makes shares of them"
    assert {variable.dtype for variable in model.weights} <= {"float32", "bool"}
    assert keras.config.dtype_policy().name == before, "nothing global is switched"
    assert model(np.zeros((2, 6, 6, 1), np.float32)).dtype == "float32"


def test_a_model_with_policies_of_its_own_is_taken_as_it_is():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, dtype="float64"), layers.Dense(2, dtype="float32")])
    precision.set_precision(model, "mixed_bfloat16")
    assert [layer.compute_dtype for layer in model.layers] == ["float64", "float32"]


@pytest.mark.parametrize("name", HALF)
def test_training_equals_keras_under_the_same_policy(name, tiny_dataset):
    """The same batches by `train_on_batch` on layers that are built with the policy, pruned weights reset by hand."""
    model = tiny_network()
    ticket = half_ticket(model)
    trained = Trainer(model, tiny_dataset, in_half(name)).train(ticket, seed=3, level=2)
    plain = keras.Sequential([keras.Input((6, 6, 1)), layers.Flatten(dtype=name), layers.Dense(12, "relu", dtype=name),
                              layers.Dense(3, dtype="float32")])  # fmt: skip
    names = dict(zip(model_weights.variables(plain), ticket.start, strict=True))
    model_weights.set_weights(plain, {own: ticket.start[other] for own, other in names.items()})
    optimizer = make_optimizer(SETTINGS, scale_loss=name == "mixed_float16")
    plain.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), auto_scale_loss=False)
    for indices in batch_indices(0, 25, len(tiny_dataset.train), 40, seed=3, level=2):
        plain.train_on_batch(tiny_dataset.train.images[indices] / np.float32(255), tiny_dataset.train.labels[indices])
        state = model_weights.get_weights(plain)
        for own, other in names.items():
            if other in ticket.mask:
                state[own] = np.where(ticket.mask[other], state[own], ticket.start[other])
        model_weights.set_weights(plain, state)
    for own, value in model_weights.get_weights(plain).items():
        np.testing.assert_allclose(trained.final[names[own]], value, rtol=0.05, atol=0.01)
        assert trained.final[names[own]].dtype == np.float32
    plain_loss = Trainer(tiny_network(), tiny_dataset, SETTINGS).train(ticket, seed=3, level=2).history[-1, 3]
    assert trained.history[-1, 3] != plain_loss, "it computed in float32"
    assert trained.history[-1, 3] == pytest.approx(plain_loss, rel=0.05)


@pytest.mark.parametrize("name", HALF)
@pytest.mark.parametrize("mask0", MASK0)
def test_pruned_weights_are_held_to_the_bit(name, mask0, tiny_dataset):
    experiment = lt.Experiment(tiny_network(), tiny_dataset, in_half(name, optimizer="momentum", weight_decay=1e-3))
    for level in experiment.levels(lt.Treatment(mask0=mask0), seed=0, levels=2):
        for kernel, kept in level.mask.items():
            assert level.final[kernel][~kept].tobytes() == level.start[kernel][~kept].tobytes()
            assert level.final[kernel].dtype == np.float32
    assert level.metrics["level"] == 2


@pytest.mark.parametrize("name", HALF)
@pytest.mark.parametrize("make", [tiny_network, small_convolutional_network])
def test_an_interrupted_training_ends_with_the_same_bits(name, make, tiny_dataset, tmp_path):
    model, settings = make(), in_half(name)
    ticket = half_ticket(model)
    trainer = Trainer(model, tiny_dataset, settings, from_logits=make is tiny_network)

    def stop(history):
        if len(history) > 2:
            raise Stopped

    whole = trainer.train(ticket, 0, 1)
    with pytest.raises(Stopped):
        trainer.train(ticket, 0, 1, checkpoint=Checkpoint(tmp_path, 0), on_history=stop)
    steps = []
    resumed = trainer.train(ticket, 0, 1, checkpoint=Checkpoint(tmp_path, 0), on_steps=steps.append)
    assert steps[0] == 10
    assert all(whole.final[each].tobytes() == resumed.final[each].tobytes() for each in whole.final)
    np.testing.assert_array_equal(whole.history, resumed.history)


@pytest.mark.parametrize("name", HALF)
def test_copies_files_and_tickets_keep_what_the_model_is(name, tmp_path):
    model = small_convolutional_network()
    ticket = half_ticket(model)
    pruned = {each: np.where(kept, ticket.start[each], np.float32(0)) for each, kept in ticket.mask.items()}
    model_weights.set_weights(model, ticket.start | pruned, ticket.mask)
    precision.set_precision(model, name)
    images = np.random.default_rng(0).random((5, 6, 6, 1), np.float32)
    expected = np.asarray(model(images))
    model.save(tmp_path / "model.keras")
    copies = {
        "file": keras.models.load_model(tmp_path / "model.keras"),
        "masked": lt.masked(model),
        "unmasked": lt.unmasked(model),
        "ticket": rebuild(pack_trained(model, seed=0)),
    }
    for what, copy in copies.items():
        np.testing.assert_array_equal(np.asarray(copy(images)), expected, err_msg=what)
        assert precision.half_types(copy) == {name.removeprefix("mixed_")}, what
    np.testing.assert_allclose(np.asarray(lt.compact(model)(images)), expected, atol=0.02)


@pytest.mark.parametrize("name", HALF)
def test_masks_are_learned(name, tiny_dataset):
    settings = in_half(name, iterations=150, learning_rate=0.1, decay="cosine")
    learner = lt.MaskLearner(tiny_network(), tiny_dataset, lt.MaskSettings("signed_constant", rescale=True), settings)
    result = learner.learn(0)
    assert precision.half_types(learner.model.network) == {name.removeprefix("mixed_")}
    assert {variable.dtype for variable in learner.model.trainable_variables} == {"float32"}
    assert all(value.dtype == np.float32 for value in result.final.values())
    assert result.metrics["precision"] == name and result.metrics["decay"] == "cosine"
    assert result.metrics["best_val_accuracy"] > 0.5, "no better than chance"
    again = lt.MaskLearner(tiny_network(), tiny_dataset, learner.settings, settings).learn(0)
    assert all(again.final[each].tobytes() == value.tobytes() for each, value in result.final.items())


@pytest.mark.parametrize("name", HALF)
def test_supermasks_are_evaluated_as_the_network_was_trained(name, tiny_dataset):
    experiment = lt.Experiment(tiny_network(), tiny_dataset, in_half(name))
    dense = experiment.dense(0, weights=True)
    rows = (
        HeuristicSupermasks(experiment).evaluate(dense, MaskSource("oneshot", "large_final"), levels=1).metrics["rows"]
    )
    model = experiment.trainer.model
    model_weights.set_weights(model, dense.start)
    kept = experiment.results.read("seed-0/supermask/oneshot-large_final", weights=False).mask
    left = {each: np.where(mask, dense.start[each], np.float32(0)) for each, mask in kept.items()}
    model_weights.set_weights(model, dense.start | left)
    outputs = model.predict(tiny_dataset.test.images / np.float32(255), verbose=0)
    assert rows[0]["test_accuracy"] == np.mean(outputs.argmax(axis=1) == tiny_dataset.test.labels)


def float32_loss(state, split):
    """The tiny network's loss by NumPy, in float64."""
    hidden = split.images.reshape(len(split), -1) / 255 @ state["hidden/kernel"].astype(float) + state["hidden/bias"]
    logits = np.maximum(hidden, 0) @ state["output/kernel"].astype(float) + state["output/bias"]
    return np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(split)), split.labels])


@pytest.mark.parametrize("name", HALF)
def test_the_landscape_is_measured_in_float32(name, tiny_dataset):
    """Loss and slope are those of float32 to six digits, where half precision has three."""
    experiment = lt.Experiment(tiny_network(), tiny_dataset, in_half(name))
    state = experiment.dense(0, weights=True).final
    wanted = float32_loss(state, tiny_dataset.test)
    assert Evaluator(experiment.trainer, "test")(state).loss == pytest.approx(wanted, rel=1e-5)
    model_weights.set_weights(experiment.trainer.model, state)
    assert experiment.trainer.evaluate("test")[0] != pytest.approx(wanted, rel=1e-5)
    curvature = Curvature(experiment.model, tiny_dataset.test)
    gradient = curvature.gradient(state)
    step = np.zeros_like(state["hidden/bias"])
    step[0] = 1e-4
    ends = [float32_loss(state | {"hidden/bias": state["hidden/bias"].astype(float) + s * step}, tiny_dataset.test)
            for s in (-1, 1)]  # fmt: skip
    assert gradient["hidden/bias"][0] == pytest.approx((ends[1] - ends[0]) / 2e-4, rel=1e-3)
    assert precision.half_types(experiment.model), "the experiment's own model is left alone"


def test_an_overflow_is_told_from_other_divergence(tiny_dataset):
    """Weights whose sums leave the range of float16 have a loss in float32; a learning rate without limit has none."""
    usual = half_ticket(tiny_network())
    huge = {"hidden/kernel": usual.start["hidden/kernel"] * np.float32(1e6)}
    large = Ticket(usual.start | huge, usual.mask)
    overflow = Trainer(tiny_network(), tiny_dataset, in_half("mixed_float16")).train(large, 0, 0)
    assert overflow.diverged and overflow.overflow
    for name in ("float32", "mixed_bfloat16"):
        assert not Trainer(tiny_network(), tiny_dataset, in_half(name)).train(large, 0, 0).diverged
    wild = in_half("mixed_bfloat16", learning_rate=1e30, optimizer="sgd")
    diverged = Trainer(tiny_network(), tiny_dataset, wild).train(half_ticket(tiny_network()), 0, 0)
    assert diverged.diverged and not diverged.overflow


def test_an_output_that_is_not_float32_is_cast(tiny_dataset):
    layers_ = [layers.Flatten(), layers.Dense(3, dtype="mixed_bfloat16")]
    trainer = Trainer(lt.masked(keras.Sequential([keras.Input((6, 6, 1)), *layers_])), tiny_dataset, SETTINGS)
    trained = trainer.train(half_ticket(trainer.model), 0, 0)
    assert np.isfinite(trained.history[-1]).all()


def test_precision_tells_results_apart_and_older_folders_are_float32(tmp_path):
    single, half = (dataclasses.asdict(experiment_settings("fc", precision=name)) for name in ("float32", HALF[0]))
    older = dataclasses.asdict(experiment_settings("fc"))
    for name in ("precision", "decay"):
        del older["training"][name]
    ResultsFolder(tmp_path, older)
    ResultsFolder(tmp_path, single)
    with pytest.raises(InputError, match="training.precision is float32 there, mixed_bfloat16 here"):
        ResultsFolder(tmp_path, half)
    assert experiment_folder(experiment_settings("fc", precision=HALF[0])) == "fc-digits/1000-mixed_bfloat16"


def test_an_unknown_precision_names_the_valid_ones():
    with pytest.raises(InputError, match="Unknown precision 'bfloat16'; did you mean 'mixed_bfloat16'.*float32"):
        in_half("bfloat16")
