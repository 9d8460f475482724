"""Masks and weights as few bytes: DEFLATE's Huffman coder (RFC 1951, from the standard library) over a fitting form.

A mask in which each weight is kept with probability p holds H(p) = -p log2(p) - (1-p) log2(1-p) bits a weight
(Shannon), and no code can do better on average. Huffman codes come within 2% of that where symbols are neither rare
nor near certain, so that the mask is first written in the form of `FORMS` that suits its p: eight weights a byte, or
the distances between the rarer kind. Whatever is read back is checked against the count that is expected of it, before
memory for it is taken.

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

# Bits alone seldom repeat, and then searching for repetitions only spoils the codes; masks with a pattern do repeat.
STRATEGIES = (zlib.Z_HUFFMAN_ONLY, zlib.Z_DEFAULT_STRATEGY)
NO_HEADER = -zlib.MAX_WBITS  # DEFLATE without zlib's own header and checksum
LEVEL = 4  # finds a mask's pattern as 9 does; 9 searches a mask without one for seconds, in vain
MEMORY = 9  # the most that zlib offers: the largest blocks, hence the fewest code tables
SKIP = 255  # a gap byte that stands for 255 zeros with no one behind them


def entropy_bits(bits: np.ndarray) -> float:
    """The bits that a mask of this size and kept count takes at least: its size x H(kept share).

    >>> entropy_bits(np.array([True, False, False, True]))
    4.0
    """
    shares = np.array([np.count_nonzero(bits), bits.size - np.count_nonzero(bits)]) / max(bits.size, 1)
    shares = shares[shares > 0]
    return float(bits.size * -(shares * np.log2(shares)).sum()) + 0.0


def encode(bits: np.ndarray) -> tuple[str, bytes]:
    """The shortest coding of a mask.

    Returns:
      The name of the form in `FORMS`, and the bytes.
    """
    flat = np.asarray(bits, bool).ravel()
    return min(((form, deflate(write(flat))) for form, (write, _) in FORMS.items()), key=lambda coded: len(coded[1]))


def decode(form: str, data: bytes, count: int) -> np.ndarray:
    """The flat mask of `count` bits that `encode` made a form and bytes from.

    Raises:
      DamagedFile: an unknown form, or bytes that are not the coding of so many bits.
    """
    if form not in FORMS:
        raise DamagedFile(f"a mask has the unknown form {form!r}")
    _, read = FORMS[form]
    return read(inflate(data, limit=count), count)


def deflate(data: bytes) -> bytes:
    """The data, compressed."""
    return min((_deflate(data, strategy) for strategy in STRATEGIES), key=len)


def _deflate(data: bytes, strategy: int) -> bytes:
    engine = zlib.compressobj(LEVEL, zlib.DEFLATED, NO_HEADER, MEMORY, strategy)
    return engine.compress(data) + engine.flush()


def inflate(data: bytes, limit: int) -> bytes:
    """What `deflate` compressed; never makes more than `limit` bytes and one.

    Raises:
      DamagedFile: data that is cut, changed, followed by something, or longer than the limit once decompressed.
    """
    engine = zlib.decompressobj(NO_HEADER)
    try:
        content = engine.decompress(data, limit + 1)
    except zlib.error as error:
        raise DamagedFile(f"compressed data is damaged ({error})") from error
    if len(content) > limit:
        raise DamagedFile(f"compressed data holds more than the {limit} bytes that are due")
    if not engine.eof or engine.unused_data:
        raise DamagedFile("compressed data does not end where it should")
    return content


def encode_floats(values: np.ndarray) -> bytes:
    """Floating-point numbers, compressed: all first bytes, then all second ones and so on; only some are regular."""
    flat = values.astype(values.dtype.newbyteorder("<")).reshape(-1, 1)
    return deflate(flat.view(np.uint8).T.tobytes())


def decode_floats(data: bytes, count: int, dtype: str) -> np.ndarray:
    """The flat array of `count` numbers that `encode_floats` compressed.

    Raises:
      DamagedFile: bytes that are not the coding of so many finite numbers.
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
    """The number of zeros before each one, in as many SKIPs as fit and a last byte; zeros at the end are left out."""
    skips, rests = np.divmod(np.diff(np.flatnonzero(bits), prepend=-1) - 1, SKIP)
    gaps = np.full(skips.sum() + rests.size, SKIP, np.uint8)
    gaps[np.cumsum(skips + 1) - 1] = rests
    return gaps.tobytes()


def _read_gaps(content: bytes, count: int) -> np.ndarray:
    gaps = np.frombuffer(content, np.uint8)
    is_one = gaps != SKIP
    steps = gaps + is_one  # how far each byte leads on: SKIP by itself, a gap over its zeros and the one behind them
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
