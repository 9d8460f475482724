"""Training on a smaller network: the same numbers but for rounding, and nothing that was left out has moved."""

import dataclasses

import keras
import numpy as np
import pytest

import lottery_tf as lt
from lottery_tf import networks
from lottery_tf.compact_training import CompactTraining, dense_stack, multiplications, parts_of, saved
from lottery_tf.controls import order_seed
from lottery_tf.pruning import Experiment
from lottery_tf.settings import TrainingSettings, run_settings
from lottery_tf.store import ResultsFolder, Snapshot
from lottery_tf.training import Stretch, Trainer
from lottery_tf.treatments import Ticket, Treatment

SETTINGS = TrainingSettings(iterations=25, learning_rate=0.01, batch_size=40, eval_interval=10)
HEARD = (("a", (1, 4, 5, 9)), ("b", (0, 7, 11)))  # units with outgoing connections


class Stopped(Exception):
    pass


@pytest.fixture
def model():
    layers = [lt.MaskedDense(16, "relu", name="a"), lt.MaskedDense(12, "relu", name="b"), lt.MaskedDense(3, name="c")]
    return keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten(), *layers])


@pytest.fixture
def trainer(model, tiny_dataset):
    return Trainer(model, tiny_dataset, SETTINGS)


def sparse_ticket(model, frozen=0.0):
    """A third of all weights kept, of the hidden units' outgoing ones those of `HEARD` alone; biases of all values."""
    rng = np.random.default_rng(0)
    start = {name: rng.normal(0, 0.3, value.shape).astype("f") for name, value in networks.get_state(model).items()}
    mask = {name: rng.random(start[name].shape) < 1 / 3 for name in networks.kernels(model)}
    for kernel, (_, heard) in zip(("b/kernel", "c/kernel"), HEARD, strict=True):
        mask[kernel][np.setdiff1d(np.arange(len(mask[kernel])), heard)] = False
        mask[kernel][heard, 0] = True
    # The units of b that are heard hear some unit of a; what leads from a to the others leads nowhere.
    mask["b/kernel"][np.ix_(HEARD[0][1], HEARD[1][1])] = True
    mask["b/kernel"][2, 3] = True  # a unit of a that leads nowhere but to one of b that is not heard
    return Ticket(start | {name: np.where(kept, start[name], frozen).astype("f") for name, kept in mask.items()}, mask)


def same_bits(a, b):
    return all(a[name].tobytes() == b[name].tobytes() for name in a | b)


@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
@pytest.mark.parametrize("options", [{}, {"stretch": Stretch(7, 20), "order_seed": order_seed("reorder", 0, 1)}])
def test_the_same_as_a_whole_training_but_for_rounding(optimizer, options, model, tiny_dataset):
    settings = dataclasses.replace(SETTINGS, optimizer=optimizer)
    trainer, ticket = Trainer(model, tiny_dataset, settings), sparse_ticket(model)
    whole, part = trainer.train(ticket, 0, 1, **options), CompactTraining(trainer, 0).train(ticket, 0, 1, **options)
    # 25 steps of float32 sums in another order: a rounding of 6e-8 grows to about 1e-5 where Adam divides small by small.
    np.testing.assert_allclose(part.history, whole.history, rtol=1e-4)
    assert (part.early_stop_iteration, part.test_accuracy) == (whole.early_stop_iteration, whole.test_accuracy)
    for a, b in ((part.final, whole.final), (part.best, whole.best)):
        for name, value in b.items():
            np.testing.assert_allclose(a[name], value, rtol=1e-3, atol=1e-4, err_msg=name)
    moved = np.mean([np.abs(whole.final[name] - ticket.start[name]).max() for name in ticket.mask])
    assert moved > 0.005, "the tolerance would pass a network that was not trained"


def test_what_is_left_out_stays_at_its_start_in_both(trainer, model):
    ticket, smaller = sparse_ticket(model), CompactTraining(trainer, 0)
    for trained in (trainer.train(ticket, 0, 1), smaller.train(ticket, 0, 1)):
        for (layer, heard), following in zip(HEARD, ("b", "c"), strict=True):
            unheard = np.setdiff1d(np.arange(ticket.start[f"{layer}/bias"].size), heard)
            for state in (trained.final, trained.best):
                assert state[f"{layer}/bias"][unheard].tobytes() == ticket.start[f"{layer}/bias"][unheard].tobytes()
                for name, axis in ((f"{layer}/kernel", 1), (f"{following}/kernel", 0)):
                    wanted = np.take(ticket.start[name], unheard, axis).tobytes()
                    assert np.take(state[name], unheard, axis).tobytes() == wanted
            assert (trained.final[f"{layer}/bias"][list(heard)] != ticket.start[f"{layer}/bias"][list(heard)]).any()


def test_layers_have_a_few_widths_and_one_trainer_each(trainer, model):
    ticket, smaller = sparse_ticket(model), CompactTraining(trainer, 0)
    parts = smaller.parts(ticket, Stretch())
    assert parts.sizes == (36, 4, 3, 3)
    assert [tuple(units) for units in parts.units[1:3]] == [heard for _, heard in HEARD]
    first = smaller.train(ticket, 0, 1)
    reached = dataclasses.replace(ticket, mask={n: kept.copy() for n, kept in ticket.mask.items()})
    reached.mask["b/kernel"][15, 0] = True
    wider = smaller.parts(reached, Stretch())
    assert wider.sizes == (36, 6, 3, 3), "5 units want the next width, 6 of 16"
    assert set(wider.units[1]) == {*HEARD[0][1], 15, 0}
    assert same_bits(first.final, smaller.train(ticket, 0, 1).final)
    assert len(smaller._smaller) == 1
    (other,) = smaller._smaller.values()
    assert all(other._images[name] is trainer._images[name] for name in ("train", "validation", "test"))


@pytest.mark.parametrize("compacted", [True, False])
def test_a_snapshot_is_taken_up_by_its_own_kind_only(compacted, trainer, model, tmp_path, caplog):
    ticket, limits = sparse_ticket(model), (0, np.inf)
    own, other = (CompactTraining(trainer, limit) for limit in (limits if compacted else limits[::-1]))
    whole = own.train(ticket, 0, 1)

    def stop(history):
        if len(history) > 2:
            raise Stopped

    with pytest.raises(Stopped):
        own.train(ticket, 0, 1, snapshot=Snapshot(tmp_path, 0), on_history=stop)
    steps = []
    refused = other.train(ticket, 0, 1, snapshot=Snapshot(tmp_path, 3600), on_steps=steps.append)
    assert "is of another start or mask" in caplog.text
    assert steps[0] == 10 == steps[1]
    assert same_bits(refused.final, other.train(ticket, 0, 1).final)
    steps.clear()
    resumed = own.train(ticket, 0, 1, snapshot=Snapshot(tmp_path, 3600), on_steps=steps.append)
    assert steps == [10, 10, 5]
    assert len(caplog.records) == 1, "the first of these steps are those of the snapshot, not trained again"
    assert same_bits(whole.final, resumed.final)
    assert same_bits(whole.best, resumed.best)
    np.testing.assert_array_equal(whole.history, resumed.history)


def test_weights_frozen_at_other_values_are_connections(trainer, model):
    smaller = CompactTraining(trainer, 0)
    assert smaller.parts(sparse_ticket(model, frozen=0.1), Stretch()) is None
    one = sparse_ticket(model)
    one.start["b/kernel"][15, 0] = 0.1
    assert 15 in smaller.parts(one, Stretch()).units[1]


def test_a_network_cut_in_two_is_trained_whole(trainer, model):
    ticket = sparse_ticket(model)
    ticket.mask["b/kernel"][:] = False
    ticket.mask["b/kernel"][3, 2] = True  # to a unit that nobody hears
    ticket.start["b/kernel"][:] = 0
    assert CompactTraining(trainer, 0).parts(ticket, Stretch()) is None


@pytest.mark.parametrize(
    "layers",
    [
        [keras.layers.Flatten(), lt.MaskedDense(8, "relu"), keras.layers.Dropout(0.5), lt.MaskedDense(3)],
        [keras.layers.Flatten(), lt.MaskedDense(8, "softmax"), lt.MaskedDense(3)],
        [keras.layers.Flatten(), lt.MaskedDense(8, "relu", kernel_regularizer="l2"), lt.MaskedDense(3)],
        [keras.layers.Flatten(), lt.MaskedDense(8, "relu", bias_constraint="non_neg"), lt.MaskedDense(3)],
        [lt.MaskedConv2D(4, 3), keras.layers.Flatten(), lt.MaskedDense(3)],
        [lt.MaskedDense(4), keras.layers.Flatten(), lt.MaskedDense(3)],
    ],
)
def test_other_networks_are_trained_whole(layers):
    assert dense_stack(keras.Sequential([keras.Input((6, 6, 1)), *layers])) == []


def test_weight_decay_moves_weights_without_a_gradient(model, tiny_dataset):
    trainer = Trainer(model, tiny_dataset, dataclasses.replace(SETTINGS, weight_decay=1e-3))
    assert CompactTraining(trainer, 0).parts(sparse_ticket(model), Stretch()) is None


def test_an_experiment_goes_on_from_levels_on_smaller_networks(model, tiny_dataset, tmp_path):
    """The levels' masks are those of whole trainings, and their results are whole."""
    found = {}
    for name, limit in (("compacted", 0), ("whole", np.inf)):
        results = ResultsFolder(tmp_path / name, {})
        experiment = Experiment(
            model, tiny_dataset, SETTINGS, lt.PruningSettings(dense=0.7, output=0.4), results=results
        )
        experiment.compact_training = CompactTraining(experiment.trainer, limit)
        found[name] = list(experiment.levels(Treatment(), 0, 3))
    assert any(CompactTraining(experiment.trainer, 0).parts(level.ticket, Stretch()) for level in found["whole"]), (
        "nothing was left out"
    )
    for part, whole in zip(found["compacted"], found["whole"], strict=True):
        assert all((part.mask[name] == whole.mask[name]).all() for name in whole.mask)
        assert same_bits(part.start, whole.start)
        assert part.metrics.keys() == whole.metrics.keys()
        assert {name: value.shape for name, value in part.final.items()} == {
            name: value.shape for name, value in whole.final.items()
        }


FC_LADDER = {  # hidden units with outgoing connections at some levels of large_final on MNIST, 6,000 iterations a level
    12: (273, 100), 13: (259, 100), 14: (247, 100), 16: (213, 98), 18: (178, 92), 20: (146, 85), 22: (114, 78),
    23: (99, 72), 24: (89, 66),
}  # fmt: skip


@pytest.mark.parametrize(("schedule", "from_level"), [("paper", 13), ("half", 13), ("quarter", 16), ("tenth", 23)])
def test_which_levels_of_fc_are_worth_it(schedule, from_level, tiny_dataset):
    settings, model = run_settings("fc", "mnist", schedule).training, networks.build("fc")
    images = {
        split: lt.Split(np.zeros((60, 28, 28, 1), np.uint8), np.zeros(60)) for split in ("train", "validation", "test")
    }
    smaller = CompactTraining(Trainer(model, lt.Dataset(**images), settings))
    assert from_level == min(level for level in FC_LADDER if smaller.parts(ticket_of(model, level), Stretch()))
    short = Stretch(settings.iterations - 1000)
    assert all(smaller.parts(ticket_of(model, level), short) is None for level in FC_LADDER)


def ticket_of(model, level):
    """An fc ticket with so many units with outgoing connections."""
    mask = {name: np.ones(kernel.shape, bool) for name, kernel in networks.kernels(model).items()}
    for name, heard in zip(("dense_2/kernel", "output/kernel"), FC_LADDER[level], strict=True):
        mask[name][heard:] = False
    state = networks.get_state(model)
    return Ticket(state | {name: np.where(kept, state[name], 0) for name, kept in mask.items()}, mask)


def test_arithmetic_by_hand():
    assert multiplications((5, 4, 3)) == 5 * 4 * 2 + 4 * 3 * 3
    assert saved((5, 4, 3), (5, 2, 3), iterations=10, batch_size=7) == 70 * (76 - 38)


def test_units_of_the_output_are_all_needed():
    model = keras.Sequential([keras.Input((4,)), lt.MaskedDense(3, name="only")])
    ticket = Ticket(networks.get_state(model), {"only/kernel": np.eye(4, 3) > 0})
    assert parts_of(dense_stack(model), ticket).sizes == (4, 3)
