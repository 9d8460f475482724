"""Layers that look up text or numbers: their vocabularies are copied, and networks behind them train.

A behaviour of several modules: copies of models, compaction, trainer and precision.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import conversion
from lottery_tf.masking.agreement import check_same_outputs
from lottery_tf.masking.compaction import compact
from lottery_tf.training import precision

WORDS = np.array([["red green"], ["blue red"], ["green"], ["white blue"]] * 15)
COLORS = np.array([["red"], ["green"], ["blue"], ["white"]] * 15)
CODES = np.array([[7], [300], [7], [12]] * 15)
LABELS = np.arange(60) % 3
SETTINGS = lt.TrainingSettings(iterations=4, batch_size=20, eval_interval=2)


def adapted(layer, values):
    layer.adapt(values)
    return layer


LOOKUPS = {  # name: (the layer, its inputs, their type)
    "text": lambda: (adapted(layers.TextVectorization(9, output_sequence_length=3), WORDS), WORDS, "string"),
    "text_weights": lambda: (adapted(layers.TextVectorization(9, output_mode="tf_idf"), WORDS), WORDS, "string"),
    "strings": lambda: (adapted(layers.StringLookup(), COLORS), COLORS, "string"),
    "given_strings": lambda: (layers.StringLookup(vocabulary=["red", "blue"]), COLORS, "string"),
    "numbers": lambda: (adapted(layers.IntegerLookup(), CODES), CODES, "int64"),
    "bins": lambda: (adapted(layers.Discretization(num_bins=3), CODES), CODES.astype(np.float32), "float32"),
    "hashes": lambda: (layers.Hashing(8), COLORS, "string"),
}


def model_of(kind):
    """A network behind a lookup layer, and its inputs."""
    lookup, inputs, dtype = LOOKUPS[kind]()
    taken = keras.Input((1,), dtype=dtype)
    found = lookup(taken)
    if kind != "text_weights":
        found = layers.Flatten()(layers.Embedding(9, 4)(found))
    return keras.Model(taken, layers.Dense(3)(layers.Dense(6, "relu")(found))), inputs


@pytest.mark.parametrize("kind", LOOKUPS)
def test_copies_know_the_same_words(kind, caplog):
    model, inputs = model_of(kind)
    examples = tf.constant(inputs[:4])
    expected = model(examples).numpy()
    assert len(np.unique(expected.round(5), axis=0)) > 1
    masked = lt.masked(model)
    for copy in (masked, lt.unmasked(masked), compact(masked)):
        np.testing.assert_allclose(copy(examples), expected, atol=1e-6)
    assert not caplog.text


def test_other_words_are_noticed():
    model, _ = model_of("strings")
    other = conversion.masked(model)
    other.layers[1].set_vocabulary(["white", "blue", "green", "red"])
    with pytest.raises(InputError, match="has other outputs than the model"):
        check_same_outputs(model, other)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text", "numbers", "hashes"])
def test_networks_behind_lookups_train(kind):
    model, inputs = model_of(kind)
    split = lt.Split(inputs, LABELS)
    experiment = lt.Experiment(model, (split, split, split), SETTINGS)
    assert [level.metrics["status"] for level in experiment.levels(lt.Treatment(), 0, 1)] == ["finished"] * 2


def test_half_precision_leaves_lookups_alone():
    model, inputs = model_of("text")
    precision.set_precision(model, "mixed_bfloat16")
    assert precision.half_types(model) == {"bfloat16"}
    assert {layer.name: layer.compute_dtype for layer in model.layers if layer.weights}.popitem()[1] == "float32"
    assert model.layers[1].compute_dtype == "string"
    assert model(tf.constant(inputs[:2])).dtype == tf.float32
    precision.set_float32(model)
    assert precision.half_types(model) == set()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text", "numbers"])
def test_networks_behind_lookups_train_in_half_precision(kind):
    model, inputs = model_of(kind)
    split = lt.Split(inputs, LABELS)
    settings = lt.TrainingSettings(iterations=4, batch_size=20, eval_interval=2, precision="mixed_bfloat16")
    assert lt.Experiment(model, (split, split, split), settings).dense(0).metrics["status"] == "finished"
