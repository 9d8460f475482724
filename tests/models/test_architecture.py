"""Architectures as JSON differ if what they compute differs, and do not depend on names."""

import json

import keras
import pytest
from dense_networks import functional, network, network_inside
from keras import layers

import lottery_tf as lt
from lottery_tf.models.architecture import describe_architecture

pytestmark = pytest.mark.slow


def residual(twice):
    """Two models of the same layers that are wired differently."""
    inputs = values = keras.Input((6,))
    first, second = layers.Dense(6), layers.Dense(6)
    values = first(values)
    values = second(values) + (values if twice else inputs)
    return keras.Model(inputs, values)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (network, network, True),
        (network, lambda: lt.masked(network()), True),
        (lambda: residual(True), lambda: residual(True), True),
        (lambda: residual(True), lambda: residual(False), False),
        (network, lambda: network(units=13), False),
        (network, lambda: network(activation="tanh"), False),
        (network, lambda: network(layers.Dropout(0.1)), False),
        (lambda: network(layers.Dropout(0.1)), lambda: network(layers.Dropout(0.2)), False),
        (lambda: functional(2.0), lambda: functional(2.0), True),
        (lambda: functional(2.0), lambda: functional(3.0), False),
        (lambda: network(network_inside(4)), lambda: network(network_inside(5)), False),
        (lambda: network(activation=lambda x: x), lambda: network(activation=lambda x: x), True),
    ],
)
def test_architectures_are_told_apart_whatever_their_names(one, other, alike):
    first, second = describe_architecture(one()), describe_architecture(other())
    assert (first == second) == alike
    assert json.loads(json.dumps(first)) == first
