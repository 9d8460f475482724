"""Several inputs of a model, by their names or in order."""

import keras
import numpy as np
import pytest
from examples_of_numbers import LABELS, NUMBERS, SETTINGS, splits
from keras import layers

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.training.trainer import Trainer


def test_several_inputs_by_name_or_in_order():
    first, second = keras.Input((2,), name="first"), keras.Input((3,), name="second")
    model = keras.Model([first, second], layers.Dense(3)(layers.Concatenate()([first, second])))
    parts = {"second": NUMBERS[:, 2:], "first": NUMBERS[:, :2]}
    trainers = [
        Trainer(lt.masked(model), splits(images, LABELS), SETTINGS) for images in (parts, tuple(parts.values())[::-1])
    ]
    measured = [trainer.evaluate("test") for trainer in trainers]
    kernel = trainers[0].model.layers[-1]
    logits = NUMBERS[90:] @ kernel.kernel.numpy() + kernel.bias.numpy()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(LABELS[90:], logits)
    assert (
        measured[0] == measured[1] == pytest.approx((float(loss), np.mean(logits.argmax(1) == LABELS[90:])), rel=1e-5)
    )
    with pytest.raises(InputError, match="inputs of the model .* are 'first', 'second'; missing or unknown: 'third'"):
        Trainer(lt.masked(model), splits(parts | {"third": LABELS}, LABELS), SETTINGS)
    with pytest.raises(InputError, match="has 2 inputs, and the data have 1"):
        Trainer(lt.masked(model), splits(NUMBERS, LABELS), SETTINGS)
