"""Architectures in ticket files: what cannot be stored, and what is refused before anything is built."""

import dataclasses
import json

import numpy as np
import pytest
from ticket_files import opened, sealed, small_trained

from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.tickets import packing, ticket_format


def odd_model(*layers, dtype=None):
    import keras

    from lottery_tf.masking.layers import MaskedDense

    return keras.Sequential([keras.Input((4, 4)), *layers, keras.layers.Flatten(), MaskedDense(2, dtype=dtype)])


def test_models_that_cannot_be_packed():
    import keras

    layers = keras.layers
    models = {
        "cannot hold the class 'keras.layers.Lambda'": odd_model(layers.Lambda(lambda x: x)),
        "cannot hold the class 'keras.layers.ActivityRegularization'": odd_model(layers.ActivityRegularization(0.1)),
        "cannot hold the class 'builtins.function'": odd_model(layers.Activation(keras.ops.sin)),
        "is of type float64": odd_model(dtype="float64"),
        "cannot hold 'a>b'": odd_model(layers.Dropout(0.1, name="a>b")),
    }
    for message, model in models.items():
        with pytest.raises(InputError, match=message):
            packing.pack_trained(model, 0)


@pytest.mark.parametrize(
    "architecture",
    [
        {"network": "fc", "image_shape": [10**6, 10**6, 3], "classes": 10},
        {"network": "conv2", "image_shape": [32, 32, 3], "classes": 10**9},
        {"network": "conv2", "image_shape": [2**40, 2**40, 3], "classes": 10**40},
        "units",
    ],
)
def test_an_architecture_larger_than_its_weights_takes_no_memory(architecture):
    packed = ticket_format.parse(packing.pack_trained(odd_model(), 0))
    if architecture == "units":  # of the last layer: 16 x 10**12 weights
        architecture = json.loads(json.dumps(packed.architecture))
        architecture["config"]["config"]["layers"][-1]["config"]["units"] = 10**12
    content = ticket_format.serialize(dataclasses.replace(packed, architecture=architecture))
    with pytest.raises(InputError, match="cannot be built|numbers between its layers; up to"):
        packing.rebuild(ticket_format.parse(content))


HOSTILE = [
    {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "function"},
    {"module": "keras.layers", "class_name": "Lambda", "config": {}, "registered_name": None},
    {"class_name": "__lambda__", "config": {"value": ["4wAAAA==", None, None]}},
    {"class_name": "__tensor__", "config": {"value": [1.0], "dtype": "float32"}},
    {"module": "keras.utils", "class_name": "get_file", "config": {}, "registered_name": None},
    {"module": "os", "class_name": "system", "config": "true", "registered_name": "system"},
    {"class_name": "Dense", "config": {"units": 3}},  # what Keras would read in its older, more trusting way
    {"module": "keras.layers", "class_name": "Dense", "config": {}, "registered_name": "somebodys>Own"},
    {"module": "keras.layers", "class_name": ["Dense"], "config": {}, "registered_name": None},
    {"module": "keras", "class_name": "Sequential", "config": {}, "registered_name": None, "compile_config": {"a": 1}},
    "somebodys>function",
    "\x1b[2J",
    "a" * 1001,
    {"class_name": "__numpy__", "config": {"value": ["a"], "dtype": "S2000000000"}},  # 2 GB for one letter
    {"class_name": "__numpy__", "config": {"value": [1], "dtype": ["int8"]}},
    {"class_name": "__numpy__"},
    {"module": "keras.layers", "class_name": "LSTM", "config": {"stateful": True}, "registered_name": None},
]


@pytest.mark.parametrize("value", HOSTILE, ids=str)
def test_hostile_architectures_are_refused_before_anything_is_built(value):
    header, payload = opened(small_trained())
    header["architecture"]["config"]["config"]["layers"].append({"activation": [value]})
    with pytest.raises(DamagedFile, match="cannot hold"):
        ticket_format.parse(sealed(header, payload))


INITIALIZERS = {
    "text": {"class_name": "Constant", "config": {"value": "abc"}},
    "nothing": {"class_name": "Constant", "config": {"value": None}},
    "another shape": {"class_name": "Constant", "config": {"value": [1, 2, 3]}},
    "a ragged list": {"class_name": "Constant", "config": {"value": [[1], [2, 3]]}},
    "text for a mean": {"class_name": "RandomNormal", "config": {"mean": "a", "stddev": 1.0, "seed": None}},
    "text for a gain": {"class_name": "Orthogonal", "config": {"gain": "a", "seed": None}},
    "none": None,
}


@pytest.mark.parametrize("case", INITIALIZERS)
def test_initializers_that_draw_nothing_are_told(case):
    import keras

    layer = keras.layers.Dense(2, kernel_initializer=keras.initializers.RandomNormal(0.0, 0.5), name="dense")
    model = keras.Sequential([keras.Input((3,)), layer])
    parsed = ticket_format.parse(packing.pack_supermask(model, {"dense/kernel": np.ones((3, 2), bool)}, 0))
    config = parsed.architecture["config"]["config"]["layers"][-1]["config"]
    assert config["kernel_initializer"]["class_name"] == "RandomNormal"
    wanted = INITIALIZERS[case]
    config["kernel_initializer"] = wanted and {"module": "keras.initializers", "registered_name": None} | wanted
    with pytest.raises(InputError, match="The architecture cannot be built|The rebuilt weights are not those"):
        packing.rebuild(ticket_format.parse(ticket_format.serialize(parsed)))


def test_a_changed_network_of_the_same_name_is_not_taken_for_the_papers():
    import keras

    from lottery_tf.masking import conversion
    from lottery_tf.models import networks

    flatten, _, *rest = networks.build("fc").layers
    changed = keras.layers.Dense(300, "tanh", kernel_initializer="glorot_normal", name="dense_1")
    model = keras.Sequential([keras.Input((28, 28, 1)), flatten, changed, *rest], name="fc")
    packed = ticket_format.parse(packing.pack_trained(conversion.masked(model), 0))
    assert packed.architecture.keys() == {"config"}
    assert packing.rebuild(packed).layers[1].activation is keras.activations.tanh
