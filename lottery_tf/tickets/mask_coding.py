"""Compresses masks and weights with the Huffman coder of DEFLATE (RFC 1951, from the standard library).

A mask in which each weight is kept with probability p has an entropy of H(p) = -p log2(p) - (1-p) log2(1-p) bits for
each weight (Shannon); no code is shorter on average. Huffman codes are within 2% of it if no symbol is rare or almost
certain. So the mask is first written in the form of `FORMS` that fits its p: eight weights in a byte, or the distances
between the rarer values. Decoders check the expected size before memory is allocated.

>>> mask = np.random.default_rng(0).random(1_000_000) < 0.01
>>> form, data = encode(mask)
>>> form, round(8 * len(data) / entropy_bits(mask), 2), bool((decode(form, data, mask.size) == mask).all())
('gaps between ones', 1.01, True)
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from lottery_tf.errors import DamagedFile

# A search for repetitions makes the code of random bits longer, and that of a mask with a pattern shorter.
STRATEGIES = (zlib.Z_HUFFMAN_ONLY, zlib.Z_DEFAULT_STRATEGY)
NO_HEADER = -zlib.MAX_WBITS  # DEFLATE without the header and checksum of zlib
COMPRESSION_LEVEL = 4  # finds the pattern of a mask as 9 does; in a mask without a pattern, 9 searches for seconds
MEMORY = 9  # the maximum of zlib: the largest blocks, so the fewest code tables
SKIP = 255  # a byte for 255 zeros that are not followed by a one


def entropy_bits(bits: np.ndarray) -> float:
    """Returns the smallest number of bits of a mask with this size and kept count: its size x H(kept share).

    >>> entropy_bits(np.array([True, False, False, True]))
    4.0
    """
    shares = np.array([np.count_nonzero(bits), bits.size - np.count_nonzero(bits)]) / max(bits.size, 1)
    shares = shares[shares > 0]
    return float(bits.size * -(shares * np.log2(shares)).sum()) + 0.0


def encode(bits: np.ndarray) -> tuple[str, bytes]:
    """Returns the shortest coding of a mask.

    Returns:
      The name of the form in `FORMS`, and the bytes.
    """
    flat = np.asarray(bits, bool).ravel()
    return min(((form, deflate(write(flat))) for form, (write, _) in FORMS.items()), key=lambda coded: len(coded[1]))


def decode(form: str, data: bytes, count: int) -> np.ndarray:
    """Returns the flat mask of `count` bits from the form and the bytes that `encode` returned.

    Raises:
      DamagedFile: the form is unknown, or the bytes are not the coding of this number of bits.
    """
    if form not in FORMS:
        raise DamagedFile(f"a mask has the unknown form {form!r}")
    _, read = FORMS[form]
    return read(inflate(data, limit=count), count)


def deflate(data: bytes) -> bytes:
    """Returns the compressed data."""
    return min((_deflate(data, strategy) for strategy in STRATEGIES), key=len)


def _deflate(data: bytes, strategy: int) -> bytes:
    engine = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, NO_HEADER, MEMORY, strategy)
    return engine.compress(data) + engine.flush()


def inflate(data: bytes, limit: int) -> bytes:
    """Decompresses what `deflate` returned, but never more than `limit` + 1 bytes.

    Raises:
      DamagedFile: the data are cut, changed, followed by other data, or decompressed longer than the limit.
    """
    engine = zlib.decompressobj(NO_HEADER)
    try:
        content = engine.decompress(data, limit + 1)
    except zlib.error as error:
        raise DamagedFile(f"compressed data is damaged ({error})") from error
    if len(content) > limit:
        raise DamagedFile(f"compressed data holds more than the {limit} expected bytes")
    if not engine.eof or engine.unused_data:
        raise DamagedFile("compressed data does not end where it should")
    return content


def encode_floats(values: np.ndarray) -> bytes:
    """Compresses floating-point numbers: all first bytes, all second bytes and so on, because only some are regular."""
    flat = values.astype(values.dtype.newbyteorder("<")).reshape(-1, 1)
    return deflate(flat.view(np.uint8).T.tobytes())


def decode_floats(data: bytes, count: int, dtype: str) -> np.ndarray:
    """Returns the flat array of `count` numbers that `encode_floats` compressed.

    Raises:
      DamagedFile: the bytes are not the coding of this number of finite numbers.
    """
    little = np.dtype(dtype).newbyteorder("<")
    content = inflate(data, limit=count * little.itemsize)
    if len(content) != count * little.itemsize:
        raise DamagedFile(f"{len(content)} bytes are there for {count} numbers")
    planes = np.frombuffer(content, np.uint8).reshape(little.itemsize, count)
    values = np.ascontiguousarray(planes.T).view(little).ravel().astype(dtype)
    if not np.isfinite(values).all():
        raise DamagedFile("a weight is not a finite number")
    return values


def _write_packed(bits: np.ndarray) -> bytes:
    return np.packbits(bits).tobytes()


def _read_packed(content: bytes, count: int) -> np.ndarray:
    if len(content) != -(-count // 8):
        raise DamagedFile(f"{len(content)} bytes are there for a mask of {count} bits")
    return np.unpackbits(np.frombuffer(content, np.uint8), count=count).astype(bool)


def _write_gaps(bits: np.ndarray) -> bytes:
    """Returns the number of zeros before each one, as SKIP bytes and a last byte; zeros at the end are not written."""
    skips, rests = np.divmod(np.diff(np.flatnonzero(bits), prepend=-1) - 1, SKIP)
    gaps = np.full(skips.sum() + rests.size, SKIP, np.uint8)
    gaps[np.cumsum(skips + 1) - 1] = rests
    return gaps.tobytes()


def _read_gaps(content: bytes, count: int) -> np.ndarray:
    gaps = np.frombuffer(content, np.uint8)
    is_one = gaps != SKIP
    steps = gaps + is_one  # the bits of each byte: SKIP zeros, or the zeros of a gap and the one after them
    if steps.sum(dtype=np.int64) > count:
        raise DamagedFile(f"a mask of {count} bits runs past its end")
    bits = np.zeros(count, bool)
    bits[np.cumsum(steps, dtype=np.uint32)[is_one] - 1] = True
    return bits


FORMS: dict[str, tuple[Callable[[np.ndarray], bytes], Callable[[bytes, int], np.ndarray]]] = {
    "packed": (_write_packed, _read_packed),
    "gaps between ones": (_write_gaps, _read_gaps),
    "gaps between zeros": (
        lambda bits: _write_gaps(~bits),
        lambda content, count: ~_read_gaps(content, count),
    ),
}
