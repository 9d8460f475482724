"""Building under limits: what is too large is noticed while Keras builds, and nothing is drawn."""

import dataclasses
import json

import pytest
from ticket_files import packed

from lottery_tf.tickets import architectures, packing, ticket_format
from lottery_tf.tickets.limits import TooLarge


def test_tensors_are_counted_while_keras_makes_them():
    """Counting afterwards would be too late: Keras takes memory for them while it builds."""
    import keras
    from keras import layers

    normalize = layers.Normalization(axis=-1, mean=0.0, variance=1.0)
    numbers = packed(
        layers.Dense(4), layers.RepeatVector(31), layers.Permute((2, 1)), normalize, inputs=(4,), instead=31, to=10**9
    )
    for record in numbers.architecture["config"]["config"]["layers"]:
        record.pop("build_config", None)  # then Keras builds a layer with what it is given
    inputs = keras.Input((7,))
    split = keras.Model(inputs, layers.Dense(1)(keras.ops.split(inputs, 7, axis=1)[0]))
    parsed = ticket_format.parse(packing.pack_trained(split, 0))
    text = json.dumps(parsed.architecture).replace("[null, 7]", f"[null, {10**7}]")
    text = text.replace('"indices_or_sections": 7', f'"indices_or_sections": {10**7}')
    many = dataclasses.replace(parsed, architecture=json.loads(text))
    batch = packed(layers.Dense(2), layers.BatchNormalization(), inputs=(4,), instead=[None, 4], to=[10**9, 4])
    for record in batch.architecture["config"]["config"]["layers"]:
        record.pop("build_config", None)
    for ticket, message in (
        (numbers, "4,000,000,000 numbers between its layers"),
        (many, "10,001 tensors between its layers"),
        (batch, "4,000,000,000 numbers between its layers"),
    ):
        with pytest.raises(TooLarge, match=f"^The network has {message}; up to"):
            packing.rebuild(ticket)
    assert keras.KerasTensor((10**9, 10**9)).shape, "nothing is refused elsewhere"


def test_building_draws_nothing():
    """An orthogonal kernel would take long."""
    import keras

    layer = keras.layers.Dense(30, kernel_initializer="orthogonal", bias_initializer="ones")
    model = keras.Sequential([keras.Input((4,)), layer, keras.layers.BatchNormalization(), keras.layers.Dropout(0.1)])
    parsed = ticket_format.parse(packing.pack_trained(model, 0))
    built = architectures.build(parsed.architecture, parsed.shapes)
    assert not any(weight.numpy().any() for weight in built.trainable_weights)
