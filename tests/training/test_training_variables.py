"""The variables of a training: where they begin, and what a checkpoint brings back."""

import keras
import numpy as np
import pytest
from shared import tiny_network
from short_trainings import half_ticket

import lottery_tf as lt
from lottery_tf.masking import model_weights
from lottery_tf.training.optimizers import ContinuedSchedule
from lottery_tf.training.training_result import IterationRange
from lottery_tf.training.training_variables import TrainingVariables


def step(model, optimizer):
    """A step with a gradient of 1 for every trainable weight."""
    optimizer.apply_gradients([(keras.ops.ones(each.shape), each) for each in model.trainable_variables])


@pytest.fixture
def adam():
    model, optimizer = tiny_network(), keras.optimizers.Adam(0.1)
    return model, optimizer, TrainingVariables(model, optimizer)


def test_every_training_begins_with_the_ticket_and_a_new_optimizer(adam):
    model, optimizer, variables = adam
    ticket, ends = half_ticket(model), []
    for _ in range(2):
        variables.begin(ticket, (0, 1), IterationRange())
        state = model_weights.get_weights(model)
        assert all(state[name].tobytes() == value.tobytes() for name, value in ticket.start.items())
        assert all((layer.kernel_mask.numpy() == ticket.mask[name]).all()
                   for name, layer in model_weights.masked_kernels(model).items())  # fmt: skip
        assert int(optimizer.iterations) == 0
        step(model, optimizer)
        step(model, optimizer)
        ends.append([value.numpy() for value in (*model.variables, *optimizer.variables)])
    assert all(one.tobytes() == other.tobytes() for one, other in zip(*ends, strict=True))
    assert int(optimizer.iterations) == 2


def test_a_checkpoint_brings_back_weights_and_moments(adam):
    model, optimizer, variables = adam
    variables.begin(half_ticket(model), (0, 1), IterationRange())
    step(model, optimizer)
    saved, values = variables.arrays(), variables.model_values()
    assert {name: array.shape for name, array in saved.items()} == variables.shapes
    assert [value.shape for value in values] == variables.model_shapes
    step(model, optimizer)
    wanted = variables.arrays()
    variables.restore(saved)
    assert all((array == saved[name]).all() for name, array in variables.arrays().items())
    step(model, optimizer)
    assert all((array == wanted[name]).all() for name, array in variables.arrays().items())
    assert any((array != saved[name]).any() for name, array in wanted.items())
    variables.assign_model(values)
    assert all((one == other).all() for one, other in zip(variables.model_values(), values, strict=True))
    assert int(optimizer.iterations) == 2, "the optimizer's own are left"


def test_masks_are_no_variables_of_a_training(adam):
    model, _, variables = adam
    assert len(model.variables) == len(variables.model_values()) + 2 * 2, "a mask and frozen values for each kernel"
    assert sorted(variables.model_shapes) == [(3,), (12,), (12, 3), (36, 12)]


@pytest.mark.parametrize(
    ("iteration_range", "rates"),
    [
        (IterationRange(), [0.5, 0.5, 0.5]),
        (IterationRange(first=4), [0.5, 0.5, 0.125]),
        (IterationRange(first=4, rate_from=6), [0.125] * 3),
        (IterationRange(rate_from=5), [0.5, 0.125, 0.125]),
    ],
)
def test_a_schedule_begins_where_the_range_does(iteration_range, rates):
    model = tiny_network()
    optimizer = keras.optimizers.SGD(
        ContinuedSchedule(keras.optimizers.schedules.PiecewiseConstantDecay([5], [0.5, 0.125]))
    )
    TrainingVariables(model, optimizer).begin(half_ticket(model), (0, 1), iteration_range)
    found = []
    for _ in rates:
        bias = model.layers[-1].bias.numpy()
        step(model, optimizer)
        found.append(bias - model.layers[-1].bias.numpy())
    np.testing.assert_allclose(found, np.repeat([rates], 3, axis=0).T, rtol=1e-6)


def test_dropout_depends_on_seed_and_level_alone():
    layers = [keras.Input((400,)), keras.layers.Dropout(0.5), lt.MaskedDense(3)]
    model = keras.Sequential(layers)
    variables = TrainingVariables(model, keras.optimizers.SGD(0.1))
    ticket = half_ticket(model)

    def dropped(seed, level):
        variables.begin(ticket, (seed, level), IterationRange())
        return model.layers[0](np.ones((1, 400)), training=True).numpy() == 0

    first = dropped(0, 1)
    assert 0.3 < first.mean() < 0.7
    np.testing.assert_array_equal(dropped(0, 1), first)
    assert all((dropped(*other) != first).any() for other in ((0, 2), (1, 1)))
