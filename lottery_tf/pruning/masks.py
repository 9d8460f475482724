"""Makes, checks and measures masks, and packs them into bits.

A mask is a `dict[str, np.ndarray]` from a kernel's name to a boolean array of its shape, True where the weight is kept.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lottery_tf.errors import InputError

Mask = dict[str, np.ndarray]


def full(kernels: Mapping[str, np.ndarray]) -> Mask:
    """The mask that keeps every weight of the kernels (step 0 of the paper's algorithm)."""
    return {name: np.ones(kernel.shape, bool) for name, kernel in kernels.items()}


def check(mask: Mapping[str, np.ndarray]) -> None:
    """Raises InputError for a mask that keeps no weight of a layer, because no signal passes such a layer."""
    for name, kept in mask.items():
        if not kept.any():
            raise InputError(f"The mask keeps 0 of the {kept.size} weights of {name!r}; it must keep at least one.")


def kept_fraction(mask: Mapping[str, np.ndarray]) -> float:
    """The share of all maskable weights that the mask keeps."""
    return sum(int(kept.sum()) for kept in mask.values()) / sum(kept.size for kept in mask.values())


def kept_fraction_by_layer(mask: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The kept fraction of each layer."""
    return {name: int(kept.sum()) / kept.size for name, kept in mask.items()}


def pack_mask(mask: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Packs a mask into arrays of bits and shapes for an `.npz` file; a byte holds eight weights."""
    bits = {f"bits/{name}": np.packbits(kept) for name, kept in mask.items()}
    return bits | {f"shape/{name}": np.array(kept.shape, np.int64) for name, kept in mask.items()}


def unpack_mask(arrays: Mapping[str, np.ndarray]) -> Mask:
    """Returns the mask from the arrays that `pack_mask` made."""
    shapes = {key.removeprefix("shape/"): tuple(shape) for key, shape in arrays.items() if key.startswith("shape/")}
    return {
        name: np.unpackbits(arrays[f"bits/{name}"], count=int(np.prod(shape))).astype(bool).reshape(shape)
        for name, shape in shapes.items()
    }
