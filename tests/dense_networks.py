"""A dense network without masks, of which parts can be chosen, also as a layer of another one."""

import keras
from keras import layers


def network(*hidden, units=12, activation="relu"):
    stack = [layers.Flatten(), layers.Dense(units, activation), *hidden, layers.Dense(3)]
    return keras.Sequential([keras.Input((6, 6, 1)), *stack])


def functional(factor):
    inputs = keras.Input((6,))
    return keras.Model(inputs, layers.Dense(3)(inputs * factor))


def network_inside(units):
    return keras.Sequential([keras.Input((12,)), layers.Dense(units)])
