"""Ticket files: what is rebuilt is the same to the bit, files are as small as they can be, damaged ones are told."""

import base64
import copy
import dataclasses
import hashlib
import itertools
import json
import os
import random
import struct
import tracemalloc
import zlib

import numpy as np
import pytest

from lottery_tf.algorithm import next_ticket
from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.pruning import masks
from lottery_tf.pruning.mask0_actions import MASK0
from lottery_tf.pruning.treatments import SeededNetwork, Ticket, Treatment
from lottery_tf.results import files
from lottery_tf.results.result_files import write_files
from lottery_tf.seeds import generator, glorot_normal
from lottery_tf.tickets import mask_coding, packing, ticket_format

DENSE = {"dense_1": (784, 300), "dense_2": (300, 100), "output": (100, 10)}
HEAD = {"dense_2": (256, 256), "output": (256, 10)}
CONV = {
    "conv_1": (3, 3, 3, 64),
    "conv_2": (3, 3, 64, 64),
    "conv_3": (3, 3, 64, 128),
    "conv_4": (3, 3, 128, 128),
    "conv_5": (3, 3, 128, 256),
    "conv_6": (3, 3, 256, 256),
}
LAYERS = {  # the networks of Table S1 by hand
    "fc": DENSE,
    "conv2": dict(list(CONV.items())[:2]) | {"dense_1": (16 * 16 * 64, 256)} | HEAD,
    "conv4": dict(list(CONV.items())[:4]) | {"dense_1": (8 * 8 * 128, 256)} | HEAD,
    "conv6": CONV | {"dense_1": (4 * 4 * 256, 256)} | HEAD,
}
CONVOLUTIONAL = ("conv2", "conv4", "conv6")
IMAGES = {"fc": [28, 28, 1], "conv2": [32, 32, 3], "conv4": [32, 32, 3], "conv6": [32, 32, 3]}
SHARES = (0.5, 0.05, 0.3, 0.9, 0.2, 0.01, 0.7, 0.1, 0.6)  # another for each layer


def draw_mask(network, *shares):
    rng = np.random.default_rng(1)
    shapes = {f"{name}/kernel": shape for name, shape in LAYERS[network].items()}
    return {name: rng.random(shape) < shares[index % len(shares)] for index, (name, shape) in enumerate(shapes.items())}


def entropy_bytes(mask):
    """The sum of n H(p), written out anew."""
    total = 0.0
    for kept in mask.values():
        p = kept.mean()
        total += sum(-kept.size * share * np.log2(share) for share in (p, 1 - p) if share)
    return total / 8


def draw_kernels(shapes, seed):
    """The initial kernels of a seed, straight from the generator."""
    return {name: glorot_normal(shape, generator(seed, "initial weights", name)) for name, shape in shapes.items()}


def expected_kernel(w_i, kept, weights, rescale):
    if weights == "signed_constant":
        w_i = np.where(w_i < 0, -1, 1) * np.float32(np.sqrt(np.mean((w_i - w_i.mean(dtype=float)) ** 2, dtype=float)))
    if rescale:
        w_i = w_i * np.float32(kept.size / np.count_nonzero(kept))
    return np.where(kept, w_i, 0).astype(np.float32)


def images(model):
    return np.random.default_rng(2).random((3, *model.input_shape[1:])).astype(np.float32)


def predictions_of(network, weights):
    """What the network, nothing of it masked, predicts with these weights."""
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    model = networks.build(network)
    model_weights.set_weights(model, weights)
    return model(images(model)).numpy()


def same_bits(a, b):
    assert a.keys() == b.keys()
    return all(a[name].dtype == b[name].dtype and a[name].tobytes() == b[name].tobytes() for name in a)


# What is rebuilt


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "weights", "rescale"),
    [
        *itertools.product(["fc"], ["initial", "signed_constant"], [False, True]),
        *((network, *kind) for network in CONVOLUTIONAL for kind in (("initial", False), ("signed_constant", True))),
    ],
)
def test_a_supermask_rebuilds_every_bit(network, weights, rescale):
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    mask = draw_mask(network, *SHARES)
    content = packing.pack_supermask(networks.build(network), mask, 3, weights, rescale)
    assert len(content) <= 1.05 * entropy_bytes(mask) + 1024
    packed = ticket_format.parse(content)
    assert packed.architecture == {"network": network, "image_shape": IMAGES[network], "classes": 10}
    model = packing.rebuild(packed)
    initial = draw_kernels({name: kept.shape for name, kept in mask.items()}, 3)
    wanted = {name: expected_kernel(initial[name], kept, weights, rescale) for name, kept in mask.items()}
    wanted |= {name.replace("kernel", "bias"): np.zeros(kept.shape[-1], np.float32) for name, kept in mask.items()}
    assert same_bits(model_weights.get_weights(model), wanted)
    assert all(
        (layer.kernel_mask.numpy() == mask[name]).all() for name, layer in model_weights.masked_kernels(model).items()
    )
    assert (model(images(model)).numpy() == predictions_of(network, wanted)).all()


@pytest.mark.slow
def test_a_supermask_on_multiplied_weights_rebuilds_every_bit():
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    mask = draw_mask("fc", *SHARES)
    content = packing.pack_supermask(networks.build("fc"), mask, 3, "signed_constant", weight_multiplier=0.3)
    model = packing.rebuild(ticket_format.parse(content))
    initial = draw_kernels({name: kept.shape for name, kept in mask.items()}, 3)
    for name, kept in mask.items():
        once = expected_kernel(initial[name], kept, "signed_constant", rescale=False)
        assert (model_weights.get_weights(model)[name] == once * np.float32(0.3)).all()
    header, payload = opened(content)
    for odd in (0, -1.0, "2", True, None):
        with pytest.raises(DamagedFile, match="weight_multiplier"):
            ticket_format.parse(sealed(header | {"weight_multiplier": odd}, payload))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("network", LAYERS)
def test_a_trained_ticket_rebuilds_every_bit(network, dtype):
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    mask, rng = draw_mask(network, *SHARES), np.random.default_rng(4)
    model = networks.build(network)
    state = {
        name: rng.normal(0, 0.1, value.shape).astype(np.float32)
        for name, value in model_weights.get_weights(model).items()
    }
    state |= {name: np.where(kept, state[name], np.float32(0)) for name, kept in mask.items()}
    model_weights.set_weights(model, state, mask)
    content = packing.pack_trained(model, 0, dtype)
    kept_bytes = np.dtype(dtype).itemsize * sum(kept.sum() for kept in mask.values())
    assert 0.7 * kept_bytes < len(content) < kept_bytes + 1.05 * entropy_bytes(mask) + 6000  # of which 4,000 are biases
    rebuilt = packing.rebuild(ticket_format.parse(content))
    wanted = state | {name: state[name].astype(dtype).astype(np.float32) for name in mask}
    assert same_bits(model_weights.get_weights(rebuilt), wanted)
    assert (rebuilt(images(rebuilt)).numpy() == predictions_of(network, wanted)).all()


@pytest.mark.slow
@pytest.mark.parametrize("mask1", ["rewind", "reinit"])
@pytest.mark.parametrize("mask0", MASK0)
def test_frozen_values_of_every_mask_0_action_are_rebuilt(mask0, mask1):
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    shapes = {f"{name}/kernel": shape for name, shape in DENSE.items()}
    initial, rng = draw_kernels(shapes, 6), np.random.default_rng(0)
    draw = {name: lambda rng, shape=shape: glorot_normal(shape, rng) for name, shape in shapes.items()}
    ticket, model = Ticket(initial, masks.full(initial)), networks.build("fc")
    biases = {name: value for name, value in model_weights.get_weights(model).items() if name not in shapes}
    for level in (1, 2):
        final = {
            name: np.where(ticket.mask[name], w + rng.normal(0, 0.02, w.shape), w).astype(np.float32)
            for name, w in ticket.start.items()
        }
        treatment = Treatment("large_final", mask1, mask0)
        network = SeededNetwork(initial, dict.fromkeys(shapes, 0.3), draw, seed=6)
        ticket = next_ticket(treatment, network, ticket, final, level)
    model_weights.set_weights(model, ticket.start | biases, ticket.mask)
    packed = ticket_format.parse(packing.pack_trained(model, 6))
    assert bool(packed.at_initial) == (mask0 != "zero")
    assert same_bits(model_weights.get_weights(packing.rebuild(packed)), ticket.start | biases)


def own_sequential():
    import keras

    layers = keras.layers
    stack = [
        keras.Input((6, 6, 1)),
        layers.Conv2D(8, 3, kernel_initializer="he_normal", kernel_constraint="max_norm", activation="gelu"),
        layers.BatchNormalization(),
        layers.Flatten(),
        layers.Dropout(0.2),
        layers.Dense(3, kernel_initializer="orthogonal", bias_initializer="random_normal"),
    ]
    return keras.Sequential(stack, name="mine")


def own_functional():
    import keras

    layers = keras.layers
    images = keras.Input((6, 6, 1))
    inner = keras.Sequential([keras.Input((36,)), layers.Dense(36, "relu"), layers.LayerNormalization()], name="inner")
    features = inner(layers.Flatten()(images))
    shared = layers.Dense(36)
    summed = layers.Add()([features, shared(shared(features))])
    model = keras.Model(images, [layers.Dense(3, name="one")(summed), layers.Dense(2, name="two")(summed)])
    model.compile("adam", "mse")
    return model


def outputs(model):
    import keras

    return [np.asarray(value) for value in keras.tree.flatten(model(images(model)))]


@pytest.fixture(scope="module")
def packed_files(tmp_path_factory):
    """Files of all kinds, with the weights and outputs that each has to bring back: name -> (path, state, outputs)."""
    from lottery_tf.masking import conversion, initial_weights, model_weights
    from lottery_tf.models import networks

    folder, contents, models = tmp_path_factory.mktemp("tickets"), {}, {}
    for name, model in {"own sequential": own_sequential(), "own functional": own_functional()}.items():
        masked = conversion.masked_copy(model)  # a ticket draws and names weights by the places of their layers
        given, rng = model_weights.get_weights(masked), np.random.default_rng(5)
        mask = {kernel: rng.random(value.shape) < 0.4 for kernel, value in model_weights.kernels(masked).items()}
        contents[f"{name}, supermask"] = packing.pack_supermask(model, mask, 8, "signed_constant", rescale=True)
        models[f"{name}, supermask"] = conversion.masked_copy(model)
        initial = initial_weights.initial_weights(masked, given, 8)
        kernels = {
            kernel: expected_kernel(initial[kernel], kept, "signed_constant", True) for kernel, kept in mask.items()
        }
        model_weights.set_weights(models[f"{name}, supermask"], given | kernels)
        model_weights.set_weights(masked, given | {k: initial[k] * mask[k] for k in mask}, mask)
        model_weights.set_weights(
            masked, {k: v + (v != 0) / 8 for k, v in model_weights.get_weights(masked).items()}, mask
        )
        contents[f"{name}, trained"], models[f"{name}, trained"] = packing.pack_trained(masked, 8), masked
    for network, weights in {"fc": "initial", "conv2": "signed_constant"}.items():
        mask = draw_mask(network, 0.3)
        contents[network] = packing.pack_supermask(networks.build(network), mask, 1, weights)
        initial = draw_kernels({name: kept.shape for name, kept in mask.items()}, 1)
        models[network] = networks.build(network)
        kernels = {name: expected_kernel(initial[name], kept, weights, False) for name, kept in mask.items()}
        model_weights.set_weights(models[network], model_weights.get_weights(models[network]) | kernels)
    found = {}
    for index, name in enumerate(contents):
        (folder / f"{index}.ticket").write_bytes(contents[name])
        found[name] = (folder / f"{index}.ticket", model_weights.get_weights(models[name]), outputs(models[name]))
    return found


IN_ANOTHER_PROCESS = """
import sys
import keras, numpy as np
from lottery_tf.masking import model_weights
from lottery_tf.tickets import packing, ticket_format

for path in sys.argv[1:]:
    model = packing.rebuild(ticket_format.parse(ticket_format.read(path)))
    images = np.random.default_rng(2).random((3, *model.input_shape[1:])).astype(np.float32)
    outputs = keras.tree.flatten(model(images))
    arrays = {f"output {index}": np.asarray(value) for index, value in enumerate(outputs)}
    np.savez(path + ".npz", **model_weights.get_weights(model), **arrays)
"""


def test_another_process_rebuilds_every_bit(command, packed_files):
    done = command(None, *(path for path, _, _ in packed_files.values()), code=IN_ANOTHER_PROCESS)
    assert done.returncode == 0, done.stderr
    for path, state, values in packed_files.values():
        with np.load(f"{path}.npz") as rebuilt:
            wanted = state | {f"output {index}": value for index, value in enumerate(values)}
            assert same_bits(dict(rebuilt), wanted)


EARLIER_FILE = (  # a trained 4-3-2 network, packed when masked layers were in another module
    "TE9UVEVSWQoBUwIAAO1VTY/TMBD9Lz5HS0nS7XYPnFZCSCAhAReqVTSxJ6lV1+76Y5du1f/OOPGWfqTlABJIcEveeOa9mXmWNwwsn0uP3AeL7HbD"
    "uNGNbOPX0oigCGMLtOBYxrgC5yoNywh+woeA2ktQMbJLSlHzpAn2FqSGOhbxNmDGhF+vOpbLte8+07GPRkm+HireKAO+yNk2YxZb6TxaFClXB6UI"
    "V7BG69jt7JjqKkWOGN/pVfDvY+iAsAbP55WbQ1Q9i7Wz8n7Xxk5IxtwKrCOoAeWoTwtti2L3m0hkJKk6AZRiVl4aTePrT51vZq8FZTzF15VvzvTx"
    "AdwCxR1qEjMwubkUAv/sZoKWnhZTZAy4l48Qh0CZFlWgisFhVUviTbJIhEZVSUoip8lnmtyJxqu96Ingt8pY479o2Ri7PJDsMG6o22naDHxD94KY"
    "4A+hCy1Fwb8g8Sta04Ev0i5QpXlQOCiwPVkvuBMxgKcMKu66pfuDhFP4IQDd6uduLzHcSTo3gD1Dvjm0Xh2kErv8TZrw0U3a/lZzK9NGa/0F5s6P"
    "zK2kRoh3/r+9/x17F2Tv+5eTA3Gy/wBlEv/z8vH2UIF+zZOMPaFs59F8vf0JjdUdh7im9A4J2aKjUTBxMx1h0zSi5td1OeYw4cV0BDUv6tFElKIY"
    "5xMsp0VZlk2Ri+amwKaeFiMUo/y66Gr3g3dRXf+qvOqRzntJaElDyNiSJkc/bAV8EVO7xvvLOpBTZPlAThxmxh5BhWjY2Y+XNx/TaePn3Wu/k9Lf"
    "sVlkT0QJySN3f7yq1z4Wez3efgdbbgAAmwMAY2DACg44JDRsONDQsOCAnZ09COzbv38/AGNggIEGBgcGBnsHB/v9ACcJuaGNRWNkpo8KxFgg1cmF"
    "SkUG0kRj3AxZ2n+CF5bT"
)


def test_a_file_of_an_earlier_release_is_rebuilt():
    from lottery_tf.masking import model_weights

    packed = ticket_format.parse(base64.b64decode(EARLIER_FILE))
    model = packing.rebuild(packed)
    weights = model_weights.get_weights(model)
    hidden = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 0], [0, 1, 1]], bool)
    logits = np.array([[1, 0], [0, 1], [1, 1]], bool)
    np.testing.assert_array_equal(weights["hidden/kernel"], np.where(hidden, np.arange(1, 13).reshape(4, 3) / 8, 0))
    np.testing.assert_array_equal(weights["logits/kernel"], np.where(logits, -np.arange(1, 7).reshape(3, 2) / 4, 0))
    assert (weights["hidden/bias"].tolist(), weights["logits/bias"].tolist()) == ([1, 2, 3], [0.5, -0.5])
    np.testing.assert_array_equal(model.get_layer("hidden").kernel_mask, hidden)
    assert (packed.seed, packed.weights) == (7, "trained")


def test_packing_leaves_the_model_as_it_was():
    from lottery_tf.masking import conversion, model_weights

    model = own_sequential()
    before = model_weights.get_weights(model)
    mask = masks.full(model_weights.kernels(conversion.masked(model)))
    packing.pack_supermask(model, mask, 0)
    packing.pack_trained(model, 0)
    assert same_bits(model_weights.get_weights(model), before)
    packed = ticket_format.parse(packing.pack_trained(model, 0))
    assert same_bits(
        model_weights.get_weights(packing.rebuild(packed)), model_weights.get_weights(packing.rebuild(packed))
    )


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


# How small the files are


@pytest.mark.parametrize(
    ("network", "share"),
    [
        *(("fc", share) for share in (0.005, 0.01, 0.03, 0.08, 0.15, 0.2, 0.35, 0.5, 0.65, 0.9, 0.98, 0.995, None)),
        *itertools.product(CONVOLUTIONAL, (0.005, 0.2, 0.98, None)),
    ],
)
def test_a_supermask_file_is_near_the_entropy(network, share):
    mask = draw_mask(network, *(SHARES if share is None else (share,)))
    others = {name.replace("kernel", "bias"): np.zeros(kept.shape[-1], np.float32) for name, kept in mask.items()}
    architecture = {"network": network, "image_shape": IMAGES[network], "classes": 10}
    sha256 = hashlib.sha256(str(share).encode()).hexdigest()
    packed = ticket_format.PackedTicket(architecture, 12345, "signed_constant", True, mask, others, digest=sha256)
    content = ticket_format.serialize(packed)
    assert len(content) <= 1.05 * entropy_bytes(mask) + 1024
    assert same_bits(ticket_format.parse(content).mask, mask)


@pytest.mark.parametrize(
    "kept", [[True], [False], [True] * 600, [False] * 600, [False] * 599 + [True], [True, False] * 300]
)
def test_edge_masks_are_coded(kept):
    form, data = mask_coding.encode(np.array(kept))
    assert len(data) < 12
    assert mask_coding.decode(form, data, len(kept)).tolist() == kept


@pytest.mark.parametrize("form", mask_coding.FORMS)
@pytest.mark.parametrize("share", [0.002, 0.5, 0.998])
def test_every_form_holds_every_mask(form, share):
    mask = np.random.default_rng(0).random(10_001) < share
    write, read = mask_coding.FORMS[form]
    assert (read(write(mask), mask.size) == mask).all()


def test_sizes_are_those_of_the_files():
    from lottery_tf.models import networks

    mask = draw_mask("fc", 0.1)
    content = packing.pack_supermask(networks.build("fc"), mask, 0)
    initial = draw_kernels({name: kept.shape for name, kept in mask.items()}, 0)
    state = {name: np.where(kept, initial[name], np.float32(0)) for name, kept in mask.items()}
    state |= {name.replace("kernel", "bias"): np.zeros(kept.shape[-1], np.float32) for name, kept in mask.items()}
    sizes = packing.sizes(content)
    assert sizes["ticket file"] == (len(content), 8 * len(content) / 266_200)
    assert sizes["dense float32"].bytes == 4 * (266_200 + 410)
    assert sizes["entropy of the mask"].bytes == pytest.approx(entropy_bytes(mask), abs=1)
    assert sizes["compressed npz"].bytes == len(files.npz_bytes(state))


# What is refused


def fc_with(change):
    """A trained fc whose weights were changed, half of them pruned at zero."""
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    model, mask = networks.build("fc"), draw_mask("fc", 0.5)
    state = model_weights.get_weights(model)
    state |= {name: np.where(kept, state[name], np.float32(0)) for name, kept in mask.items()}
    change(state, mask)
    model_weights.assign(model, state, mask)
    return model


def set_pruned(state, mask):
    state["output/kernel"][~mask["output/kernel"]] = 0.25


def set_kept(name, value):
    def change(state, mask):
        state[name][mask.get(name, ...)] = value

    return change


@pytest.mark.parametrize(
    ("change", "dtype", "message"),
    [
        (
            set_pruned,
            "float32",
            "pruned weights of 'output/kernel' are neither zero nor at the initial value of seed 0",
        ),
        (set_kept("output/kernel", np.nan), "float32", "'output/kernel' has a weight that is not a finite number"),
        (
            set_kept("output/kernel", 1e5),
            "float16",
            "'output/kernel' has a weight that is not a finite number in float16",
        ),
        (set_kept("output/bias", np.inf), "float32", "'output/bias' has a weight that is not a finite number"),
        (lambda state, mask: None, "int8", "Unknown dtype of kept weights 'int8'"),
    ],
)
def test_weights_that_cannot_be_packed(change, dtype, message):
    with pytest.raises(InputError, match=message):
        packing.pack_trained(fc_with(change), 0, dtype)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda call: call["mask"].pop("output/kernel"), "The mask is not one of 'fc'"),
        (lambda call: call["mask"].update({"output/kernel": np.ones((10, 100), bool)}), "The mask is not one of 'fc'"),
        (lambda call: call["mask"]["output/kernel"].fill(False), "keeps 0 of the 1000 weights of 'output/kernel'"),
        (lambda call: call.update(weights="inital"), "Unknown weights 'inital'; did you mean 'initial'"),
        (lambda call: call.update(seed=-1), "seed is -1"),
    ],
)
def test_supermasks_that_cannot_be_packed(change, message):
    from lottery_tf.models import networks

    call = {"mask": draw_mask("fc", 0.5), "seed": 0}
    change(call)
    with pytest.raises(InputError, match=message):
        packing.pack_supermask(networks.build("fc"), **call)


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


def test_weights_that_are_not_rebuilt_are_told():
    packed = ticket_format.parse(packed_fc())
    with pytest.raises(InputError, match="their SHA-256 differs"):
        packing.rebuild(dataclasses.replace(packed, seed=1))
    with pytest.raises(InputError, match="other names, shapes or types"):
        packing.rebuild(dataclasses.replace(packed, architecture=packed.architecture | {"image_shape": [1, 1, 1]}))


def packed_fc():
    from lottery_tf.models import networks

    return packing.pack_supermask(networks.build("fc"), draw_mask("fc", 0.5), 0)


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


# Damaged files. These tests open and seal files with their own hands.


def opened(content):
    start = 8 + 1 + 4
    (length,) = struct.unpack("<I", content[9:start])
    return json.loads(zlib.decompress(content[start : start + length], -15)), content[start + length : -32]


def sealed(header, payload, length=None):
    """A file with a right checksum around any header (an object, or text) and payload."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    engine = zlib.compressobj(wbits=-15)
    packed = engine.compress(text) + engine.flush()
    body = b"LOTTERY\n\x01" + struct.pack("<I", len(packed) if length is None else length) + packed + payload
    return body + hashlib.sha256(body).digest()


def layer_config(name, **config):
    return {"module": "keras.layers", "class_name": name, "config": config, "registered_name": None}


def small_ticket(weights, **changes):
    rng = np.random.default_rng(7)
    shapes = {"a/kernel": (9, 7), "b/kernel": (3, 3, 2, 4)}
    mask = {name: rng.random(shape) < 0.4 for name, shape in shapes.items()}
    config = {"layers": [layer_config("Dense", units=7, activation="relu"), layer_config("Flatten")], "name": "x"}
    architecture = {
        "config": {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}
    }
    others = {"a/bias": rng.normal(size=7).astype(np.float32), "c/count": np.array(3, np.float32)}
    packed = ticket_format.PackedTicket(architecture, 5, weights, False, mask, others, digest="ab" * 32)
    return dataclasses.replace(packed, **changes)


def small_trained():
    packed = small_ticket("trained")
    rng = np.random.default_rng(8)
    values = {name: rng.normal(size=kept.sum()).astype(np.float16) for name, kept in packed.mask.items()}
    at_initial = {"a/kernel": ~packed.mask["a/kernel"] & (rng.random((9, 7)) < 0.5)}
    return ticket_format.serialize(dataclasses.replace(packed, values=values, at_initial=at_initial))


def small_supermask():
    architecture = {"network": "fc", "image_shape": [28, 28, 1], "classes": 10}
    return ticket_format.serialize(small_ticket("initial", rescale=True, architecture=architecture))


HUGE = (
    0,
    -1,
    255,
    2**31,
    2**32 - 1,
    10**8,
    10**12,
    10**30,
    1e300,
    True,
    None,
    "",
    "packed",
    [],
    {},
    [10**5, 10**5],
    "trained",
)


def edit_header(header, rng):
    """Changes, drops or doubles one value somewhere in the header."""
    node = header
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            return
        key = rng.choice(keys)
        if isinstance(node[key], dict | list) and rng.random() < 0.8:
            node = node[key]
            continue
        if rng.random() < 0.1:
            del node[key]
        elif rng.random() < 0.3 and type(node[key]) is int:
            node[key] += rng.choice([-2, -1, 1, 2, 8])
        elif isinstance(node, list) and rng.random() < 0.2:
            node.append(copy.deepcopy(node[key]))
        else:
            node[key] = copy.deepcopy(rng.choice(HUGE))
        return


def edit_bytes(content, rng):
    """Flips, cuts, inserts or repeats some bytes."""
    content = bytearray(content)
    place = rng.randrange(len(content))
    match rng.randrange(4):
        case 0:
            content[place] ^= 1 << rng.randrange(8)
        case 1:
            del content[place : place + rng.choice([1, 2, 10, 10**6])]
        case 2:
            content[place:place] = rng.randbytes(rng.choice([1, 2, 40]))
        case 3:
            content[place : place + 4] = struct.pack("<I", rng.choice([0, 1, 2**31, 2**32 - 1]))
    return bytes(content)


def mutated(content, rng):
    if rng.random() < 0.2:
        return edit_bytes(content, rng)  # the checksum is wrong, as in a file that was damaged by accident
    header, payload = opened(content)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        if rng.random() < 0.3 and payload:
            payload = edit_bytes(payload, rng)
        else:
            edit_header(header, rng)
    text = json.dumps(header).encode()
    if rng.random() < 0.1:
        text = edit_bytes(text, rng)
    return sealed(text, payload, length=rng.choice([None] * 20 + [0, 2**32 - 1, 5]))


@pytest.mark.slow
def test_ten_thousand_mutated_files_load_or_are_refused():
    rng = random.Random(0)
    originals = [small_trained(), small_supermask()]
    loaded = refused_inside = 0
    for number in range(10_000):
        content = mutated(originals[number % 2], rng)
        try:
            packed = ticket_format.parse(content)
        except DamagedFile as error:
            refused_inside += "checksum" not in str(error)
            continue
        loaded += 1
        assert all(kept.any() for kept in packed.mask.values())
        assert all(np.isfinite(value).all() for value in (*packed.others.values(), *packed.values.values()))
        for name in packed.mask:
            assert packed.kernel(name, np.ones(packed.mask[name].shape, np.float32)).shape == packed.mask[name].shape
        again = ticket_format.parse(ticket_format.serialize(packed))
        assert same_bits(again.mask, packed.mask)
        assert again.architecture == packed.architecture
    assert loaded > 200  # an edit may leave a whole file, or another one
    assert refused_inside > 5000  # most reach the parser behind the checksum


def peak_of_refusal(content, message):
    tracemalloc.start()
    try:
        with pytest.raises(DamagedFile, match=message):
            ticket_format.parse(content)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def deflated(content):
    engine = zlib.compressobj(9, wbits=-15)
    return engine.compress(content) + engine.flush()


def test_bombs_take_little_memory():
    zeros = bytes(50_000_000)
    assert peak_of_refusal(sealed(b'{"a":"' + zeros + b'"}', b""), "holds more than") < 8e6
    for form in mask_coding.FORMS:
        header, payload = opened(small_supermask())
        record = header["kernels"]["a/kernel"]
        skipped = record["mask"][1]
        bomb = deflated(zeros)
        record["mask"] = [form, len(bomb)]
        assert peak_of_refusal(sealed(header, bomb + payload[skipped:]), "holds more than the 63 expected bytes") < 1e6
    header, payload = opened(small_supermask())
    bomb = deflated(zeros)
    payload, header["others_bytes"] = payload[: -header["others_bytes"]] + bomb, len(bomb)
    assert peak_of_refusal(sealed(header, payload), "holds more than the 32 expected bytes") < 1e6
    for shape in ([10**5, 10**4], [2**40, 2**40]):
        header, payload = opened(small_supermask())
        header["kernels"]["a/kernel"]["shape"] = shape
        assert peak_of_refusal(sealed(header, payload), "more than the 100000000 weights") < 1e6


def change_header(**changes):
    def change():
        header, payload = opened(small_trained())
        return sealed(header | changes, payload)

    return change


BAD_FILES = {
    "an empty file": (lambda: b"", "does not begin as one"),
    "another file": (lambda: b"PK\x03\x04" + bytes(100), "does not begin as one"),
    "a cut start": (lambda: small_trained()[:20], "cut off"),
    "a cut end": (lambda: small_trained()[:-1], "checksum does not match"),
    "a later format": (lambda: small_trained()[:8] + b"\x02" + small_trained()[9:], "has format 2; this release reads"),
    "a long header": (lambda: sealed({}, b"", length=10**6), "header is longer than the file"),
    "no JSON": (lambda: sealed(b"{", b""), "header is not JSON"),
    "deep JSON": (lambda: sealed(b"[" * 100_000, b""), "header is not JSON"),
    "a list": (lambda: sealed([], b""), "not a JSON object"),
    "not a number": (lambda: sealed(b'{"a": NaN}', b""), "NaN is not a JSON number"),
    "no mask": (change_header(kernels={}), "has no mask"),
    "a weight twice": (change_header(others={"a/kernel": [3]}), "'a/kernel' is there twice"),
    "a seed that is true": (change_header(seed=True), "no int 'seed'"),
    "a negative seed": (change_header(seed=-1), "seed is -1"),
    "unknown weights": (change_header(weights="learned"), "Unknown weights 'learned'"),
    "another type": (change_header(values=["float64", 3]), "Unknown type of weights 'float64'"),
    "no values": (change_header(values=None), "no list 'values'"),
    "rescaled trained weights": (change_header(rescale=True), "neither frozen nor rescaled"),
    "no SHA-256": (change_header(digest="?"), "SHA-256 is not valid"),
    "a network of another": (change_header(architecture={"network": "vgg"}), "neither a network of Table S1"),
    "an unknown network": (
        change_header(architecture={"network": "conv3", "image_shape": [1, 1, 1], "classes": 1}),
        "Unknown network 'conv3'; did you mean 'conv",
    ),
    "bytes at the end": (
        lambda: sealed(opened(small_trained())[0], opened(small_trained())[1] + b"x"),
        "1 bytes too many",
    ),
    "no architecture": (change_header(architecture={"config": {"layers": []}}), "is not a Keras model"),
    "deep architectures": (change_header(architecture={"config": json.loads("[" * 90 + "]" * 90)}), "60 levels deep"),
    "an odd name": (change_header(others={"\x1b[2J": [8]}), "cannot hold the weight name"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_are_told(case):
    make, message = BAD_FILES[case]
    with pytest.raises(DamagedFile, match=f"^my.ticket cannot be read as a ticket: .*{message}"):
        ticket_format.parse(make(), "my.ticket")


def test_the_originals_of_the_bad_files_are_good():
    for content in (small_trained(), small_supermask()):
        assert sealed(*opened(content))[:13] == content[:9] + sealed(*opened(content))[9:13]
        assert ticket_format.parse(sealed(*opened(content))).seed == 5


def test_files_that_are_not_there(tmp_path):
    for path, message in (
        (tmp_path / "none", "There is no file"),
        (tmp_path, "is a folder; a ticket is a file"),
    ):
        with pytest.raises(InputError, match=message):
            ticket_format.read(path)
    with pytest.raises(InputError, match="the path of a ticket is ''; it must be the path"):
        ticket_format.read("")
    for odd in ("", "a\0", None, 3, ["a.ticket"], os.fsencode(tmp_path / "none").decode() + "\0"):
        with pytest.raises(InputError, match="A ticket is the path of a file, or its bytes; given: "):
            packing.rebuild(odd)


# The command line


def result_files(contents):
    """The files of a result of some contents and a mask, with their checksums."""
    contents |= {"mask.npz": files.npz_bytes(masks.pack_mask(draw_mask("fc", 0.3)))}
    return contents | {"checksums.json": files.json_bytes({name: files.sha256(own) for name, own in contents.items()})}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Results: a dense level, two trained ones (the first without weights), a winning ticket and a supermask."""
    import lottery_tf as lt

    root = tmp_path_factory.mktemp("results")
    settings = lt.run_settings("fc", "digits", "3")
    treatment = lt.Treatment("large_final", mask0="init")
    experiment = lt.paper_experiment(settings, lt.load("digits"), root, keep_weights=False)
    winning = lt.Treatment("large_final")
    for _ in (*experiment.levels(treatment, 2, levels=2), *experiment.levels(winning, 2, levels=1)):
        pass
    seed = root / "fc-digits" / "3" / "seed-2"
    supermask = seed / "supermask"
    labels = {"network": "fc", "dataset": "digits", "seed": 2, "weights": "signed_constant", "rescale": True}
    labels |= {"kind": "best_supermask", "source": "oneshot", "criterion": "large_final", "parent": "", "level": 1}
    labels |= {"kept_fraction": 0.8, "validation_accuracy": 0.5, "test_accuracy": 0.5}
    write_files(supermask, result_files({"metrics.json": files.json_bytes(labels)}))
    return {
        "dense": seed / "dense",
        "dropped": seed / treatment.name / "level-01",
        "trained": seed / treatment.name / "level-02",
        "winning": seed / winning.name / "level-01",
        "supermask": supermask,
    }


def test_trained_results_are_packed(warm_command, results, tmp_path):
    from lottery_tf.masking import model_weights

    for folder in (results["dense"], results["trained"]):
        done = warm_command("runs.ticket", "pack", f"--run={folder}", f"--out={tmp_path / 'x.ticket'}")
        assert done.returncode == 0, done.stderr
        packed = ticket_format.parse((tmp_path / "x.ticket").read_bytes())
        assert (packed.weights, packed.rescale, packed.seed) == ("trained", False, 2)
        with np.load(folder / "weights.npz") as arrays:
            wanted = {key[6:]: arrays[key] for key in arrays.files if key.startswith("final/")}
        assert same_bits(model_weights.get_weights(packing.rebuild(packed)), wanted)


def test_a_winning_ticket_is_its_mask_and_seed(warm_command, results, tmp_path):
    from lottery_tf.masking import model_weights

    for folder in (results["winning"], results["dense"]):
        file = tmp_path / "x.ticket"
        done = warm_command("runs.ticket", "pack", "--untrained", f"--run={folder}", f"--out={file}")
        assert done.returncode == 0, done.stderr
        assert file.stat().st_size < 266_200 / 8 + 1000
        with np.load(folder / "weights.npz") as arrays:
            wanted = {key[6:]: arrays[key] for key in arrays.files if key.startswith("start/")}
        assert same_bits(model_weights.get_weights(packing.rebuild(ticket_format.parse(file.read_bytes()))), wanted)


def test_what_did_not_begin_with_initial_weights_is_no_winning_ticket(light_command, results, tmp_path):
    given = ("pack", "--untrained", f"--run={results['dropped']}", f"--out={tmp_path / 'x.ticket'}")
    done = light_command("runs.ticket", *given)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    control = tmp_path / "level-01-reinit-1"
    own = {"kind": "control", "network": "fc", "dataset": "digits", "seed": 2, "mask1": "rewind", "mask0": "zero"}
    own |= {
        "level": 1,
        "kept_fraction": 0.8,
        "status": "finished",
        "parent": "",
        "fingerprint": "abc",
        "control": "reinit",
        "draw": 1,
    }
    write_files(control, result_files({"metrics.json": files.json_bytes(own)}))
    refused = light_command("runs.ticket", "pack", "--untrained", f"--run={control}", f"--out={tmp_path / 'x.ticket'}")
    assert f"--untrained packs the winning ticket of a level; {control} holds a control." in refused.stderr
    assert "needs a level that started from its initial weights under a mask; " in done.stderr
    assert "did not (mask1 rewind, mask0 init, rewind_to 0)." in done.stderr


def test_results_that_cannot_be_packed(light_command, results, tmp_path):
    dropped, measured = results["dropped"], tmp_path / "level-01-line-level-02"
    metrics = {"kind": "curve", "network": "fc", "dataset": "digits", "seed": 2}
    write_files(measured, result_files({"metrics.json": files.json_bytes(metrics)}))
    for folder, message in {
        dropped: "The weights of",
        dropped.parent: "is not a finished result",
        measured: "holds a measurement (curve), not a network or a mask",
    }.items():
        done = light_command("runs.ticket", "pack", f"--run={folder}", f"--out={tmp_path / 'x.ticket'}")
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert message in done.stderr
    assert not (tmp_path / "x.ticket").exists()


LOAD_PLAIN = """
import sys
import keras, numpy as np
model = keras.models.load_model(sys.argv[1])
np.savez(sys.argv[2], **{layer.name: layer.get_weights()[0] for layer in model.layers if layer.weights})
assert not any(name.startswith("lottery_tf") for name in sys.modules)
assert type(model.layers[-1]) is keras.layers.Dense
"""


def test_each_verb_does_its_work(command, warm_command, results, tmp_path):
    file, model = tmp_path / "x.ticket", tmp_path / "model.keras"
    packed = warm_command("runs.ticket", "pack", f"--run={results['supermask']}", f"--out={file}")
    assert packed.returncode == 0, packed.stderr
    assert f"{file.stat().st_size:,} bytes" in packed.stdout

    shown = warm_command("runs.ticket", "inspect", file)
    assert shown.returncode == 0, shown.stderr
    mask = draw_mask("fc", 0.3)
    kept = mask["dense_1/kernel"].sum()
    assert ["dense_1/kernel", "235,200", f"{kept:,}", f"{100 * kept / 235_200:.3f}"] in [
        line.split() for line in shown.stdout.splitlines()
    ]
    assert "fc for 28x28x1 images in 10 classes" in shown.stdout
    assert "supermask on the signed constant, rescaled" in shown.stdout
    assert f"{4 * 266_610:,}" in shown.stdout

    unpacked = warm_command("runs.ticket", "unpack", file, f"--to={model}")
    assert unpacked.returncode == 0, unpacked.stderr
    loaded = command(None, model, tmp_path / "weights.npz", code=LOAD_PLAIN)
    assert loaded.returncode == 0, loaded.stderr
    initial = draw_kernels({name: value.shape for name, value in mask.items()}, 2)
    wanted = {name[:-7]: expected_kernel(initial[name], mask[name], "signed_constant", True) for name in mask}
    with np.load(tmp_path / "weights.npz") as weights:
        assert same_bits(dict(weights), wanted)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.keras", "weights.npz", "x.ticket"]

    small = warm_command("runs.ticket", "unpack", file, f"--to={tmp_path / 'small.keras'}", "--compact")
    assert small.returncode == 0, small.stderr
    images = np.random.default_rng(0).random((5, 28, 28, 1), np.float32)
    import keras

    outputs = [keras.models.load_model(path)(images).numpy() for path in (model, tmp_path / "small.keras")]
    np.testing.assert_allclose(*outputs, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Give a verb: pack, inspect, unpack, examples."),
        (("unpak",), "Unknown verb 'unpak'; did you mean 'unpack'?"),
        (("pack", "--run=x"), "pack needs --out."),
        (("pack", "--run=x", "--out=/tmp"), "--out is /tmp, a folder; it must name a file."),
        (("pack", "--run=x", "--out=y", "--dtype=int8"), "Unknown dtype 'int8'. Valid: float32, float16."),
        (("pack", "--run=tests", "--out=y"), "tests is not a finished result"),
        (("inspect",), "inspect takes the ticket file"),
        (("inspect", "setup.cfg"), "setup.cfg cannot be read as a ticket: it does not begin as one."),
        (("unpack", "setup.cfg", "--to=x.h5"), "Keras needs a name that ends in .keras."),
        (("unpack", "none", "--to=x.keras"), "There is no file none."),
        (("inspect", "fc-mnist-supermsk"), "'fc-mnist-supermsk'; did you mean 'fc-mnist-supermask'?"),
    ],
)
def test_refused_commands(light_command, arguments, message):
    done = light_command("runs.ticket", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_nothing_is_imported_before_it_is_needed(command):
    check = (
        "import sys, lottery_tf.tickets.packing, runs.ticket; assert not {'tensorflow', 'keras'} & sys.modules.keys()"
    )
    assert command(None, code=check).returncode == 0
    shown = command("runs.ticket", "--help")
    assert "--dtype" in shown.stdout
    assert "--seeds" not in shown.stdout
