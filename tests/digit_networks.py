"""A dense network for digits."""

import keras


def network(units=4):
    return keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(units, "relu"), keras.layers.Dense(10)]
    )
