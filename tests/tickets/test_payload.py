"""Payloads that are put together by hand: what is read, in order, and what is refused."""

import zlib

import numpy as np
import pytest

from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.tickets.payload import Payload


def deflated(content):
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(content) + engine.flush()


def coded(bits):
    """The form, the length and the bytes of a mask."""
    data = deflated(np.packbits(bits).tobytes())
    return ["packed", len(data)], data


def coded_floats(values, dtype="float32"):
    """All first bytes, all second bytes, and so on."""
    return deflated(np.array(values, f"<{np.dtype(dtype).str[1:]}").view(np.uint8).reshape(len(values), -1).T.tobytes())


def test_bytes_are_taken_in_order_until_none_are_left():
    payload = Payload(b"abcde")
    assert (payload.take(2), payload.take(0), payload.take(2)) == (b"ab", b"", b"cd")
    with pytest.raises(DamagedFile, match="1 bytes too many follow its weights"):
        payload.check_end()
    for count in (2, -1, 10**30):
        with pytest.raises(DamagedFile, match=f"{count} bytes are announced where 1 are left"):
            payload.take(count)
    assert payload.take(1) == b"e"
    payload.check_end()


MASK = [True, False, True, True, False, False]


def test_masks_are_read_with_the_places_of_initial_values_among_the_pruned():
    first, second, places = coded(MASK), coded([True, False]), coded([False, True, True])
    kernels = {"a": {"mask": first[0], "at_initial": places[0]}, "b": {"mask": second[0]}}
    payload = Payload(first[1] + places[1] + second[1])
    mask, at_initial = payload.masks(kernels, {"a": (2, 3), "b": (2,)})
    payload.check_end()
    assert {name: kept.tolist() for name, kept in mask.items()} == {
        "a": [[True, False, True], [True, False, False]], "b": [True, False],
    }  # fmt: skip
    assert at_initial.keys() == {"a"}
    assert at_initial["a"].tolist() == [[False, False, False], [False, True, True]]


def test_masks_of_nothing_are_refused():
    with pytest.raises(DamagedFile, match="it has no mask"):
        Payload(b"").masks({}, {})
    record, data = coded([False, False])
    with pytest.raises(InputError, match="The mask keeps 0 of the 2 weights of 'a'"):
        Payload(data).masks({"a": {"mask": record}}, {"a": (2,)})


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_floats_come_back_in_their_shapes(dtype):
    data = coded_floats([1.5, -2, 0.25, 8, -0.0, 3, 7], dtype)
    shapes = {"a": (2, 2), "b": (), "c": (0, 3), "d": (2,)}
    payload = Payload(data + b"rest")
    found = payload.floats(len(data), dtype, shapes)
    assert {name: value.tolist() for name, value in found.items()} == {
        "a": [[1.5, -2], [0.25, 8]], "b": 0, "c": [], "d": [3, 7],
    }  # fmt: skip
    assert payload.take(4) == b"rest"
    assert Payload(deflated(b"")).floats(len(deflated(b"")), dtype, {}) == {}


def test_as_many_values_are_read_as_weights_are_kept():
    mask = {"a": np.array([[True, False], [True, True]]), "b": np.array([False, True])}
    data = coded_floats([1, 2, 3, 4])
    found = Payload(data).values({"values": ["float32", len(data)]}, mask)
    assert {name: value.tolist() for name, value in found.items()} == {"a": [1, 2, 3], "b": [4]}
    more = coded_floats([1, 2, 3, 4, 5])
    with pytest.raises(DamagedFile):
        Payload(more).values({"values": ["float32", len(more)]}, mask)


@pytest.mark.parametrize("record", [["float32"], [3, "float32"], ["float32", 3.0], ["float32", True], [None, None]])
def test_what_is_no_name_and_length_is_refused(record):
    with pytest.raises(DamagedFile, match="its header's 'values' is not a name and a length"):
        Payload(b"abc").values({"values": record}, {"a": np.ones(1, bool)})
