"""Small files that ask for much are refused before anything is built, and read if the limits are raised."""

import json
import re
import tracemalloc

import numpy as np
import pytest
from ticket_files import packed

from lottery_tf.errors import InputError
from lottery_tf.tickets import limits, packing, ticket_format
from lottery_tf.tickets.limits import Limits, TooLarge, count_calls, count_orthogonal


def record(kind, name, nodes=(), module="keras.layers", **config):
    """A layer or model in a Keras configuration, called on the layers `nodes` one after another."""
    tensors = [
        {"args": [{"class_name": "__keras_tensor__", "config": {"shape": [None, 3], "keras_history": [of, 0, 0]}}]}
        for of in nodes
    ]
    registered = f"lottery_tf>{kind}" if module == "lottery_tf.layers" else None
    config = {"name": name} | config
    return {
        "module": module, "class_name": kind, "config": config, "registered_name": registered, "name": name,
        "inbound_nodes": tensors,
    }  # fmt: skip


def given(count):
    return [node["args"] for node in record("Add", "a", ["in"] * count)["inbound_nodes"]]


def sequential(*layers, name="stack", nodes=()):
    return record("Sequential", name, nodes, "keras", layers=[record("InputLayer", "in", shape=[3]), *layers])


def functional(*layers, name="model", nodes=()):
    return record("Functional", name, nodes, "keras", layers=[record("InputLayer", "in", shape=[3]), *layers])


def dense(name="dense", module="lottery_tf.layers", **config):
    return record("MaskedDense", name, ["in"], module, **config)


def content(architecture, shape=(3, 2), others=None, name="dense/kernel"):
    """The bytes of a file that is right but for what it asks for."""
    mask = {name: np.ones(shape, bool)}
    return ticket_format.serialize(
        ticket_format.PackedTicket({"config": architecture}, 0, "initial", False, mask, others or {}, digest="ab" * 32)
    )


def nested(depth, calls):
    model = functional(record("ReLU", "relu", ["in"]))
    for _ in range(depth):
        model = functional(model | {"inbound_nodes": record("x", "x", ["in"] * calls)["inbound_nodes"]})
    return model


def row(count, **node):
    """Layers of which each is called on the one before; the last node has further entries."""
    layers = [record("Identity", f"i{number}", [f"i{number - 1}" if number else "in"]) for number in range(count)]
    layers[-1]["inbound_nodes"][0] |= node
    return layers


def chain(count):
    return sequential(*(record("Identity", f"i{number}") for number in range(count)))


def stack_in_stack(count):
    return sequential(sequential(*(record("Identity", f"i{number}") for number in range(count)), name="inner"))


ORTHOGONAL = record("Orthogonal", "o", module="keras.initializers")
ASK_FOR_MUCH = {  # what: (what makes the file, what there is too much of)
    "models called by models": (lambda: content(nested(16, 8)), "calls of layers"),
    "a thousand layers": (lambda: content(chain(1000)), "calls of layers"),
    "a layer called often": (lambda: content(functional(record("ReLU", "r", ["in"] * 600))), "calls of layers"),
    "a layer of many inputs": (
        lambda: content(functional(record("Add", "a") | {"inbound_nodes": [{"args": given(1500)}]})),
        "calls of layers",
    ),
    "a stack that is built again and again": (lambda: content(stack_in_stack(60)), "calls of layers"),
    "an activation that is a model": (lambda: content(sequential(dense(activation=nested(9, 8)))), "calls of layers"),
    "a large kernel": (lambda: content(sequential(dense()), (3000, 3500)), "weights"),
    "zeros for biases": (
        lambda: content(sequential(dense()), others={"dense/bias": np.zeros(10**7, np.float32)}),
        "weights",
    ),
    "many biases": (
        lambda: content(sequential(dense()), others={f"{n}/bias": np.zeros(1, np.float32) for n in range(1000)}),
        "arrays of weights",
    ),
    "an orthogonal kernel": (
        lambda: content(sequential(dense(kernel_initializer=ORTHOGONAL)), (2500, 2500)),
        "multiplications in orthogonal initializers",
    ),
    "an orthogonal kernel in a model inside": (
        lambda: content(
            sequential(sequential(dense(depthwise_initializer={"a": [ORTHOGONAL]}), name="inner")),
            (1500, 1500),
            name="inner/dense/kernel",
        ),
        "multiplications in orthogonal initializers",
    ),
    "layers that come before their inputs": (lambda: content(functional(*reversed(row(320)))), "values"),
    "arguments that are read again and again": (
        lambda: content(functional(*reversed(row(20, kwargs={"a": [[]] * 5000})))),
        "values",
    ),
    "what a layer is built with": (
        lambda: content(sequential(dense() | {"build_config": {"shapes_dict": {"a": [None, 10**5, 10**5]}}})),
        "numbers between its layers",
    ),
    "empty lists": (lambda: content(sequential(record("Rescaling", "r", scale=[[]] * 60_000))), "values"),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", ASK_FOR_MUCH)
def test_small_files_that_ask_for_much_are_refused_when_they_are_read(case):
    make, what = ASK_FOR_MUCH[case]
    file = make()
    assert len(file) < 50_000
    message = f"^x.ticket is not read: it.* has [0-9,a-z ]* {what}; up to [0-9,]+ are read"
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match=message):
            ticket_format.parse(file, "x.ticket")
        assert tracemalloc.get_traced_memory()[1] < 2e7
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("case", sorted(ASK_FOR_MUCH.keys() - {"models called by models"}))
def test_the_factor_that_the_message_names_is_enough(case):
    file = ASK_FOR_MUCH[case][0]()
    with pytest.raises(TooLarge) as refusal:
        ticket_format.parse(file)
    factor = int(re.search(r"--limit_factor=(\d+)", str(refusal.value))[1])
    ticket_format.parse(file, limit_factor=max(factor, 50))
    if factor > 2:
        with pytest.raises(TooLarge):
            ticket_format.parse(file, limit_factor=factor - 1)


def test_calls_are_counted_as_they_are_made():
    assert count_calls(record("ReLU", "r", ["in", "in"])) == 4, "two calls and what they are given"
    inner = functional(record("ReLU", "r", ["in"]))  # a model, its input, a layer, a tensor
    assert count_calls(inner) == 4
    outer = functional(inner | {"inbound_nodes": record("x", "x", ["in"] * 3)["inbound_nodes"]})
    assert count_calls(outer) == 2 + 3 * 4 + 3
    assert count_calls({"a": [inner, {"b": inner}]}) == 8


def test_orthogonal_kernels_are_found_by_their_layer():
    orthogonal = record("Orthogonal", "o", module="keras.initializers")
    config = sequential(dense("a", kernel_initializer=orthogonal), dense("b"), sequential(dense("c"), name="d"))
    shapes = {"a/kernel": (10, 20), "a/bias": (20,), "b/kernel": (7, 7), "d/c/kernel": (5, 5)}
    assert count_orthogonal(config, shapes) == 10 * 20 * (10 + limits.DRAWN)
    shapes["e/kernel"] = shapes.pop("a/kernel")
    assert count_orthogonal(config, shapes) == 10 * 20 * (10 + limits.DRAWN), "the largest, where the name is not found"


def test_layers_before_their_inputs_are_read_again():
    layers = row(3)
    values = 3 * (1 + 1 + 1 + 1 + 2 + 1 + 1 + 2 + 3)  # list, node, args, tensor, its class and config, shape, history
    assert limits.count_reads(functional(*layers)) == values + 1, "no node of the input but its list"
    assert limits.count_reads(functional(*reversed(layers))) == 3 * (values + 1)
    assert limits.count_reads({"a": [functional(*layers), sequential(*layers)]}) == 2 * (values + 1)


def test_limits():
    assert Limits.times(2).weights == 2 * Limits().weights
    for factor in (0.5, float("nan"), float("inf"), "2", None):
        with pytest.raises(InputError, match="limit_factor is"):
            Limits.times(factor)
    with pytest.raises(TooLarge, match=r"it has more than 1,000,000,000,000,000 weights; up to 10,000,000 are read\.$"):
        Limits().check_counts("it", weights=10**6000)


def test_files_that_are_too_large_are_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Limits, "times", classmethod(lambda cls, factor: cls(bytes=int(100 * factor))))
    (tmp_path / "large").write_bytes(bytes(101))
    with pytest.raises(TooLarge, match="large has 101 bytes; up to 100 are read"):
        ticket_format.read(tmp_path / "large")
    assert len(ticket_format.read(tmp_path / "large", limit_factor=2)) == 101
    with pytest.raises(TooLarge, match="it has 101 bytes"):
        ticket_format.parse(bytes(101))


def test_networks_that_would_take_long_to_run_are_refused():
    from keras import layers

    repeated = packed(layers.Dense(2), layers.RepeatVector(31), inputs=(4,), instead=31, to=10**9)
    images = ([None, 12, 12, 3], [None, 500, 500, 3])
    convolved = packed(layers.Conv2D(30, 5), layers.Conv2D(30, 5), inputs=(12, 12, 3), instead=images[0], to=images[1])
    steps = ([None, 7, 1], [None, 10_000, 1])
    recurrent = packed(
        layers.Bidirectional(layers.LSTM(1)), layers.Dense(1), inputs=(7, 1), instead=steps[0], to=steps[1]
    )
    for parsed, what in (
        (repeated, "numbers between its layers"),
        (convolved, "multiplications for one example"),
        (recurrent, "multiplications for one example"),
    ):
        with pytest.raises(TooLarge, match=f"^The network has [0-9,]+ {what}"):
            packing.rebuild(parsed)
    assert packing.rebuild(convolved, limit_factor=10).built


def test_unrolled_steps_count_as_several():
    import keras
    from keras import layers

    _, multiplications = limits.count_work(keras.Sequential([keras.Input((7, 2)), layers.GRU(1, unroll=True)]))
    assert multiplications // limits.STEP == 7 * limits.UNROLLED


def test_work_is_counted_through_models_inside():
    import keras
    from keras import layers

    inner = keras.Sequential([keras.Input((5,)), layers.Dense(5, use_bias=False)])
    inputs = keras.Input((5,))
    model = keras.Model(inputs, inner(inner(inputs)))
    assert limits.count_work(inner) == (5 + 5, 25)
    assert limits.count_work(model) == (5 + 2 * 10, 50)
    open_sizes = keras.Sequential([keras.Input((None, 5)), layers.Dense(5, use_bias=False)])
    inputs = keras.Input((640, 5))
    model = keras.Model(inputs, open_sizes(inputs))
    assert limits.count_work(model) == (3200 + 10 * 2 * 320, 10 * 320 * 5)
    sequence = keras.Input((10, 6))
    squared = keras.Model(sequence, keras.ops.matmul(sequence, keras.ops.transpose(sequence, (0, 2, 1))))
    assert limits.count_work(squared) == (60 + 60 + 100, 100 * 10)
    attention = keras.Model(sequence, layers.MultiHeadAttention(2, 3, use_bias=False)(sequence, sequence))
    assert limits.count_work(attention) == (60 + 60 + 2 * 20**2, 20 * 4 * 36 + 2 * 20**2 * 10)
    image = keras.Sequential([keras.Input((7, 7, 2)), layers.Conv2D(3, 3), layers.DepthwiseConv2D(3)])
    assert limits.count_work(image) == (98 + 75 + 27, 75 * 18 + 27 * 9)


@pytest.mark.parametrize(
    ("kind", "shape", "steps"),
    [("lstm", (30, 2), 30), ("both ways", (30, 2), 60), ("in time", (5, 6, 2), 30), ("cells", (30, 2), 90)],
)
def test_recurrent_steps_are_counted_wherever_they_are(kind, shape, steps):
    import keras
    from keras import layers

    layer = {
        "lstm": lambda: layers.LSTM(1),
        "both ways": lambda: layers.Bidirectional(layers.LSTM(1)),
        "in time": lambda: layers.TimeDistributed(layers.LSTM(1)),
        "cells": lambda: layers.RNN([layers.LSTMCell(1), layers.GRUCell(1), layers.LSTMCell(1)]),
    }[kind]()
    _, multiplications = limits.count_work(keras.Sequential([keras.Input(shape), layer]))
    assert multiplications // limits.STEP == steps


@pytest.mark.slow
def test_a_recurrent_network_of_many_steps_is_packed_and_read_if_it_may_be():
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input((2, 3000, 1)), layers.TimeDistributed(layers.LSTM(1))])
    content = packing.pack_trained(model, 0)
    with pytest.raises(TooLarge, match="multiplications for one example; .* limit_factor=2"):
        packing.rebuild(content)
    assert packing.rebuild(content, limit_factor=2).count_params() > model.count_params()


@pytest.mark.slow
def test_the_projects_networks_are_read_without_a_flag():
    """All but VGG-19, which has 20 million weights."""
    import keras

    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks
    from lottery_tf.models.table_s1 import NETWORKS

    for name in NETWORKS.keys() - {"vgg19"}:
        model = networks.build(name)
        numbers, multiplications = limits.count_work(model)
        weights = sum(value.size for value in model_weights.get_weights(model).values())
        Limits().check_counts(name, weights=weights, numbers=numbers, multiplications=multiplications)
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(networks.build("resnet20"))))
    assert 2 * 70 < count_calls(config) < Limits().calls / 2
