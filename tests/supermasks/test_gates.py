"""Gates: each g by its formula, and its gradient by that of a smooth function."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.special import expit
from shared import functions_with

from lottery_tf.supermasks import gates, mask_settings


def test_the_gates_that_are_listed_are_the_functions_that_are_there():
    assert functions_with(gates, ["logits", "uniform", "kept_count"]) == set(mask_settings.GATES)


def gate_and_gradient(name, logits, uniform, count, weight):
    variable = tf.Variable(logits)
    with tf.GradientTape() as tape:
        gate = getattr(gates, name)(variable, tf.constant(uniform), count)
        value = tf.reduce_sum(gate * weight)
    return gate.numpy(), tape.gradient(value, variable).numpy()


@pytest.fixture
def numbers():
    rng = np.random.default_rng(0)
    return [
        rng.normal(0, 2, 200).astype(np.float32),
        rng.random(200, np.float32),
        rng.normal(size=200).astype(np.float32),
    ]


@pytest.mark.slow
def test_bernoulli_is_one_with_probability_sigmoid(numbers):
    logits, _, weight = numbers
    draws = np.random.default_rng(1).random((4000, 200), np.float32)
    mean = np.mean([gate_and_gradient("bernoulli", logits, u, 0, weight)[0] for u in draws[:400]], axis=0)
    assert np.abs(mean - expit(logits)).max() < 0.13
    gate, _ = gate_and_gradient("bernoulli", logits, draws[0], 0, weight)
    assert set(gate) == {0.0, 1.0}


def test_the_bernoulli_gradient_is_that_of_the_expected_value(numbers):
    """E[sum g w] = sum sigmoid(m) w is smooth: its finite differences are what straight-through must return."""
    logits, uniform, weight = numbers
    _, gradient = gate_and_gradient("bernoulli", logits, uniform, 0, weight)
    step, wide = 1e-4, logits.astype(np.float64)
    differences = (expit(wide + step) - expit(wide - step)) / (2 * step) * weight
    np.testing.assert_allclose(gradient, differences, rtol=1e-4, atol=1e-6)


def test_rounded_rounds_halves_up_and_has_the_sigmoids_gradient(numbers):
    logits, uniform, weight = numbers
    logits[:3] = (-1e-6, 0, 1e-6)
    gate, gradient = gate_and_gradient("rounded", logits, uniform, 0, weight)
    np.testing.assert_array_equal(gate, np.floor(expit(logits.astype(np.float64)) + 0.5))
    np.testing.assert_allclose(gradient, expit(logits) * expit(-logits) * weight, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("count", [1, 2, 77, 199, 200])
def test_edge_popup_keeps_exactly_the_highest(count, numbers):
    scores, uniform, weight = numbers
    gate, gradient = gate_and_gradient("edge_popup", scores, uniform, count, weight)
    assert set(np.flatnonzero(gate)) == set(np.argsort(-scores)[:count])
    np.testing.assert_array_equal(gradient, weight)


@pytest.mark.parametrize("scores", [[-0.0, 0.0, 1.0], [-5.0, -5.0, -6.0], [1e-40, -1e-40, 0.0], [3e38, -3e38, 1.0]])
def test_edge_popup_orders_all_floats(scores):
    kept = gates._highest(tf.constant(scores), 1).numpy()
    assert kept[np.argmax(scores)]
    assert (np.array(scores)[kept] == max(scores)).all()
