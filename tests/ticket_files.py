"""Masks, kernels and ticket files that are made by hand, without the package's own code for them."""

import dataclasses
import hashlib
import json
import struct
import zlib

import numpy as np

from lottery_tf.seeds import generator, glorot_normal
from lottery_tf.tickets import packing, ticket_format

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


def same_bits(a, b):
    assert a.keys() == b.keys()
    return all(a[name].dtype == b[name].dtype and a[name].tobytes() == b[name].tobytes() for name in a)


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


def packed(*stack, inputs, instead=(), to=None):
    """A parsed ticket of a model, in whose architecture one value stands in place of another."""
    import keras

    parsed = ticket_format.parse(packing.pack_trained(keras.Sequential([keras.Input(inputs), *stack]), 0))
    text = json.dumps(parsed.architecture)
    assert json.dumps(instead) in text or not instead
    architecture = json.loads(text.replace(json.dumps(instead), json.dumps(to)) if instead else text)
    return dataclasses.replace(parsed, architecture=architecture)


def images(model):
    return np.random.default_rng(2).random((3, *model.input_shape[1:])).astype(np.float32)


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
