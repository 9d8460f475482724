"""Tickets of all kinds of models are restored to the bit: attention, recurrent layers, operations.

A behaviour of several modules: packing, architectures and payload.
"""

import keras
import numpy as np
import pytest
from sparse_models import stack, thin_out

from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, model_weights
from lottery_tf.masking.agreement import random_inputs
from lottery_tf.masking.compaction import compact
from lottery_tf.tickets import packing, ticket_format

layers, ops = keras.layers, keras.ops


def transformer():
    """Tokens, some of them padding; positions; blocks with what they add; the first token decides."""
    ids = keras.Input((5,), dtype="int32")
    x = layers.Embedding(7, 8, mask_zero=True)(ids)
    x = x + np.linspace(0, 1, 40, dtype=np.float32).reshape(1, 5, 8)
    y = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(2, 4)(y, y)
    x = layers.Add()([x, layers.Dense(8)(layers.Dense(12, "gelu")(layers.RMSNormalization()(x)))])
    x = x + layers.GroupQueryAttention(4, 4, 2)(x, x)
    return keras.Model(ids, layers.EinsumDense("ab,bc->ac", 3, bias_axes="c")(x[:, 0]))


def operations():
    inputs = keras.Input((4, 6))
    x = ops.relu(2 * layers.Dense(6)(inputs) - 1) ** 2
    x = ops.concatenate([x[..., ::2], ops.tanh(ops.transpose(x, (0, 2, 1)))[:, :4, :], -x], axis=-1)
    x = ops.expand_dims(ops.mean(x, axis=(1,)), 1) / 3
    x = ops.maximum(ops.squeeze(ops.matmul(x, ops.transpose(x, (0, 2, 1))), axis=-1), ops.sigmoid(ops.sum(x, axis=-1)))
    return keras.Model(inputs, layers.Dense(2)(ops.softmax(ops.reshape(x, (-1, 1)))))


def recurrent():
    return stack(
        (5, 3), layers.Masking(), layers.TimeDistributed(layers.Dense(4)), layers.Bidirectional(layers.LSTM(3)),
        layers.RepeatVector(2), layers.GRU(4, return_sequences=True), layers.SimpleRNN(3), layers.Dense(2),
    )  # fmt: skip


def normalized():
    normalization = layers.Normalization()
    normalization.adapt(np.random.default_rng(0).normal(4, 3, (50, 6)))
    return stack((6,), normalization, layers.Dense(4, "relu"), layers.Dense(2))


def convolutional():
    return stack(
        (6, 6, 2), layers.SeparableConv2D(4, 3, padding="same"), layers.DepthwiseConv2D(3), layers.PReLU(),
        layers.Conv2DTranspose(3, 3), layers.Conv2D(6, 3, groups=3), layers.GroupNormalization(2),
        layers.GlobalMaxPooling2D(), layers.Dense(2),
    )  # fmt: skip


def compacted():
    """It picks the inputs of its second layer."""
    model = compact(thin_out(stack((6,), layers.Dense(20, "relu"), layers.LayerNormalization(), layers.Dense(2)), 0.1))
    assert any(operation.name.startswith("take") for operation in model.operations)
    return model


MODELS = [transformer, operations, recurrent, normalized, convolutional, compacted]


def assert_same_bits(rebuilt, model):
    wanted = model_weights.get_weights(model)
    found = model_weights.get_weights(rebuilt)
    assert found.keys() == wanted.keys()
    assert all(found[name].tobytes() == value.tobytes() for name, value in wanted.items())
    given = random_inputs(model)
    np.testing.assert_array_equal(rebuilt(given), model(given))


@pytest.mark.slow
@pytest.mark.parametrize("make", MODELS)
def test_every_bit_comes_back(make):
    model = conversion.masked(make())
    rng = np.random.default_rng(1)
    drawn = {name: rng.normal(0, 0.3, value.shape) for name, value in model_weights.kernels(model).items()}
    mask = {name: rng.random(value.shape) < 0.5 for name, value in drawn.items()}
    for kept in mask.values():
        kept.flat[0] = True
    drawn = {name: np.where(mask[name], value, 0).astype(np.float32) for name, value in drawn.items()}
    model_weights.set_weights(model, model_weights.get_weights(model) | drawn, mask)
    content = packing.pack_trained(model, 3)
    rebuilt = packing.rebuild(ticket_format.parse(content))
    assert_same_bits(rebuilt, model)
    masks = {name: each.kernel_mask.numpy() for name, each in model_weights.masked_kernels(rebuilt).items()}
    assert masks.keys() == mask.keys()
    assert all((masks[name] == kept).all() for name, kept in mask.items())
    assert packing.pack_trained(rebuilt, 3) == content

    seeded = packing.rebuild(packing.pack_supermask(model, mask, 3))
    kernels = model_weights.kernels(seeded)
    assert kernels.keys() == mask.keys()
    assert not any(kernels[name][~kept].any() for name, kept in mask.items())


def test_a_class_that_a_file_cannot_hold_is_called_by_its_own_name():
    class Halves(keras.layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.inner = keras.layers.Dense(2)

        def call(self, inputs):
            return self.inner(inputs) / 2

    convolutional = [keras.Input((2, 3, 3, 1)), keras.layers.ConvLSTM2D(1, 2)]
    for own, name in ((convolutional, "keras.layers.ConvLSTM2D"), ([keras.Input((3,)), Halves()], r".*\.Halves")):
        with pytest.raises(InputError, match=f"A ticket file cannot hold the class '{name}': only layers"):
            packing.pack_trained(keras.Sequential(own), 0)


def test_counts_that_float32_cannot_hold_are_refused():
    model = conversion.masked(normalized())
    (count,) = [weight for weight in model.weights if weight.name == "count"]
    count.assign(2**24 + 1)
    with pytest.raises(InputError, match="'normalization.*/count' is of type int"):
        packing.pack_trained(model, 0)
