"""The format of ticket files: small; damaged or malicious files are refused and take no memory."""

import copy
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
from ticket_files import (
    CONVOLUTIONAL,
    IMAGES,
    SHARES,
    draw_mask,
    entropy_bytes,
    opened,
    same_bits,
    sealed,
    small_supermask,
    small_trained,
)

from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.tickets import mask_coding, packing, ticket_format

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


# Damaged files. These tests open and seal files with their own hands.


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


@pytest.mark.slow
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
