"""Reads what follows the header of a ticket file: masks and weights."""

from __future__ import annotations

import math

import numpy as np

from lottery_tf.errors import DamagedFile
from lottery_tf.pruning import masks
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Weights
from lottery_tf.registry import choose
from lottery_tf.tickets import mask_coding
from lottery_tf.tickets.architectures import Shapes, field

DTYPES = ("float32", "float16")  # the types of stored kept weights


class Payload:
    """The payload, read from its beginning to its end. Every length is checked before memory is allocated."""

    def __init__(self, content: bytes):
        self._rest = memoryview(content)

    def take(self, count: int) -> bytes:
        """Returns the next bytes."""
        if not 0 <= count <= len(self._rest):
            raise DamagedFile(f"{count} bytes are announced where {len(self._rest)} are left")
        taken, self._rest = self._rest[:count], self._rest[count:]
        return bytes(taken)

    def bits(self, record: dict, name: str, count: int) -> np.ndarray:
        """Decodes the next bits; `record[name]` in the header is their form and length."""
        form, length = _pair(record, name)
        return mask_coding.decode(form, self.take(length), count)

    def masks(self, kernels: dict, shapes: Shapes) -> tuple[Mask, Mask]:
        """Returns the mask of each kernel, and the positions where pruned weights have their initial values."""
        mask, at_initial = {}, {}
        for name, shape in shapes.items():
            mask[name] = self.bits(kernels[name], "mask", math.prod(shape)).reshape(shape)
            if "at_initial" in kernels[name]:
                pruned, at_initial[name] = ~mask[name], np.zeros(shape, bool)
                at_initial[name][pruned] = self.bits(kernels[name], "at_initial", int(pruned.sum()))
        if not mask:
            raise DamagedFile("it has no mask")
        masks.check_mask(mask)
        return mask, at_initial

    def values(self, header: dict, mask: Mask) -> Weights:
        """Returns the kept weights of each kernel."""
        dtype, length = _pair(header, "values")
        choose(dict.fromkeys(DTYPES), dtype, "type of weights")
        return self.floats(length, dtype, {name: (int(kept.sum()),) for name, kept in mask.items()})

    def floats(self, length: int, dtype: str, shapes: Shapes) -> Weights:
        """Returns arrays of these shapes from the next bytes."""
        counts = [math.prod(shape) for shape in shapes.values()]
        flat = mask_coding.decode_floats(self.take(length), sum(counts), dtype)
        parts = np.split(flat, np.cumsum(counts)[:-1]) if counts else []
        return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}

    def check_end(self) -> None:
        """Raises DamagedFile if bytes are left."""
        if len(self._rest):
            raise DamagedFile(f"{len(self._rest)} bytes too many follow its weights")


def _pair(record: dict, name: str) -> tuple[str, int]:
    value = field(record, name, list)
    if [type(part) for part in value] != [str, int]:
        raise DamagedFile(f"its header's {name!r} is not a name and a length")
    return value[0], value[1]
