"""Makes, checks and measures masks, and packs them into bits.

A mask is a `dict[str, np.ndarray]` from a kernel's name to a boolean array of its shape, True where the weight is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.errors import DamagedFile, InputError

Mask = dict[str, np.ndarray]


def full(kernels: Mapping[str, np.ndarray]) -> Mask:
    """Returns the mask that keeps every weight of the kernels (step 0 of the paper's algorithm)."""
    return {name: np.ones(kernel.shape, bool) for name, kernel in kernels.items()}


def check_mask(mask: Mapping[str, np.ndarray]) -> None:
    """Raises InputError for a mask that keeps no weight of a layer, because no signal passes such a layer."""
    for name, kept in mask.items():
        if not kept.any():
            raise InputError(f"The mask keeps 0 of the {kept.size} weights of {name!r}; it must keep at least one.")


def check_layers(what: str, given: Mapping[str, object], mask: Mapping[str, object]) -> None:
    """Raises InputError if `given` has no entry for a layer of the mask; `what` is its name in the message."""
    if missing := [name for name in mask if name not in given]:
        raise InputError(f"{what} has nothing for {missing[0]!r}; it needs a value for each layer.")


def as_booleans(name: str, kept: object) -> np.ndarray:
    """Returns the mask of a layer as an array of booleans.

    Raises:
      InputError: a value is not a boolean and not 0 or 1.

    >>> as_booleans("dense_1", [[1, 0]]).tolist()
    [[True, False]]
    """
    given = np.asarray(kept)
    if given.dtype == bool:
        return given
    if given.dtype.kind not in "iuf" or not np.isin(given, (0, 1)).all():
        invalid = given[~np.isin(given, (0, 1))] if given.dtype.kind in "iuf" else given.ravel()
        shown = f" such as {invalid[0]!r:.40}" if invalid.size else ""
        raise InputError(
            f"{name}: a mask is of booleans, or of numbers that are 0 or 1; given: {given.dtype} values{shown}."
        )
    return given.astype(bool)


def check_finite(name: str, values: np.ndarray) -> None:
    """Raises InputError if the values of weights are not finite numbers in float32."""
    if values.dtype.kind not in "biufV":
        raise InputError(f"{name}: weights are numbers; given: {values.dtype} values.")
    with np.errstate(over="ignore"):
        finite = np.isfinite(values.astype(np.float32))
    if not finite.all():
        raise InputError(f"{name}: weights must be finite numbers in float32; {values[~finite].flat[0]} is not one.")


def kept_fraction(mask: Mapping[str, np.ndarray]) -> float:
    """Returns the share of all maskable weights that the mask keeps."""
    return sum(int(kept.sum()) for kept in mask.values()) / sum(kept.size for kept in mask.values())


def kept_fraction_by_layer(mask: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Returns the kept fraction of each layer."""
    return {name: int(kept.sum()) / kept.size for name, kept in mask.items()}


def pack_mask(mask: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Packs a mask into arrays of bits and shapes for an `.npz` file; a byte holds eight weights."""
    bits = {f"bits/{name}": np.packbits(kept) for name, kept in mask.items()}
    return bits | {f"shape/{name}": np.array(kept.shape, np.int64) for name, kept in mask.items()}


@checked
def unpack_mask(arrays: Mapping[str, Any]) -> Mask:
    """Returns the mask from the arrays that `pack_mask` made.

    Raises:
      DamagedFile: the arrays do not describe a mask.
    """
    names = [key.removeprefix("shape/") for key in arrays if key.startswith("shape/")]
    wanted = {f"{part}/{name}" for part in ("shape", "bits") for name in names}
    if different := sorted(wanted ^ {*arrays}):
        raise DamagedFile(f"A mask has bits and a shape for each layer; {different[0]!r} is missing or unknown.")
    return {
        name: _unpacked(name, np.asarray(arrays[f"bits/{name}"]), np.asarray(arrays[f"shape/{name}"])) for name in names
    }


def _unpacked(name: str, bits: np.ndarray, shape: np.ndarray) -> np.ndarray:
    if shape.dtype.kind not in "iu" or shape.ndim != 1 or not 1 <= shape.size <= 32 or (shape < 1).any():
        raise DamagedFile(f"The mask of {name!r} has no shape.")
    size = math.prod(shape.tolist())
    if bits.dtype != np.uint8 or bits.shape != (-(-size // 8),):
        raise DamagedFile(f"The mask of {name!r} has {bits.nbytes} bytes of {bits.dtype} for {size} weights.")
    kept = np.unpackbits(bits)
    if kept[size:].any():
        raise DamagedFile(f"The mask of {name!r} has bits without weights.")
    return kept[:size].astype(bool).reshape(shape)
