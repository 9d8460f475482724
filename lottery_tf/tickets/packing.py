"""A ticket as a small file: a binary mask and one seed rebuild the whole network, as the paper remarks (Section 5).

A *Supermask* file holds the network's name (or a Keras model's architecture), the seed, what kept weights start from
(their initial values, or the signed constant) and the mask, entropy-coded: about 1 bit a weight at 50% kept, 0.05 at
0.5%. A *trained* file holds the kept weights as well. Both hold a SHA-256 of every rebuilt weight, so that a network is
rebuilt to the bit or not at all. `ticket_format` says what the bytes are.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import PATH, Index, Name, Positive, unchecked
from lottery_tf.errors import InputError
from lottery_tf.pruning import masks
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Weights
from lottery_tf.registry import choose
from lottery_tf.results import files
from lottery_tf.tickets import architectures, mask_coding
from lottery_tf.tickets.limits import Limits
from lottery_tf.tickets.payload import DTYPES
from lottery_tf.tickets.ticket_format import (
    TRAINED,
    PackedTicket,
    check_shapes,
    parse,
    read,
    serialize,
)

if TYPE_CHECKING:
    import keras

TicketFile = Annotated[PackedTicket | bytes | bytearray | memoryview | str | os.PathLike, unchecked]


@checked
def pack_supermask(
    model: keras.Model,
    mask: Mapping[str, np.ndarray],
    seed: Index,
    weights: Name = "initial",
    rescale: bool = False,
    weight_multiplier: Positive = 1.0,
) -> bytes:
    """Packs a Supermask, a mask over untrained weights, into the content of a file.

    Args:
      model: the network, masked or not. Its kernels are not read but drawn from the seed, by
        `initial_weights.initial_weights`. Its other weights (biases) are stored.
      mask: for each maskable kernel a boolean array of its shape, True where the weight is kept.
      seed: the seed of the initial weights.
      weights: "initial" or "signed_constant"; see `PackedTicket`.
      rescale: whether kernels are multiplied by their number of weights / number of kept weights.
      weight_multiplier: factor of the untrained weights, before they are rescaled.

    Raises:
      InputError: the mask is not one of the model, or the model cannot be rebuilt from a file.

    >>> from lottery_tf.masking import initial_weights, model_weights; from lottery_tf.models import networks
    >>> model = networks.build("fc")
    >>> mask = masks.full(model_weights.kernels(model))
    >>> mask["dense_1/kernel"][200:] = False
    >>> content = pack_supermask(model, mask, seed=0, weights="signed_constant")
    >>> len(content) < 600, round(float(rebuild(parse(content)).layers[1].kernel.numpy().max()), 3)
    (True, 0.043)
    """
    from lottery_tf.masking import model_weights
    from lottery_tf.masking.naming import renamed

    choose(SUPERMASK_WEIGHTS, weights, "weights")
    model = _masked(model)
    wanted = {name: tuple(kernel.variable.shape) for name, kernel in model_weights.masked_kernels(model).items()}
    mask = {name: masks.as_booleans(name, kept) for name, kept in renamed(mask, wanted).items()}
    if {name: kept.shape for name, kept in mask.items()} != wanted:
        raise InputError(f"The mask is not one of {model.name!r}: it wants arrays of these shapes: {wanted}.")
    mask = {name: mask[name] for name in wanted}
    architecture = architectures.architecture_as_json(model)
    others, multiplier = _others(model), float(weight_multiplier)
    ticket = PackedTicket(architecture, int(seed), weights, rescale, mask, others, weight_multiplier=multiplier)
    return _with_digest(ticket)


@checked
def pack_trained(model: keras.Model, seed: Index, dtype: Name = "float32") -> bytes:
    """Packs a trained ticket into the content of a file: the mask, the kept weights and all other weights.

    Args:
      model: a trained model; if it has no masks, all weights are stored.
      seed: the seed of the initial weights, from which pruned weights that are not zero are rebuilt.
      dtype: the type of stored kept weights, "float32" or "float16" (rounded).

    Raises:
      InputError: a pruned weight is neither zero nor its initial value, a weight is not a finite number (of this type),
        or the model cannot be rebuilt from a file.
    """
    from lottery_tf.masking import model_weights

    choose(dict.fromkeys(DTYPES), dtype, "dtype of kept weights")
    model = _masked(model)
    masked = model_weights.masked_kernels(model)
    kernels = {name: kernel.variable.numpy() for name, kernel in masked.items()}
    mask = {name: kernel.kernel_mask.numpy() for name, kernel in masked.items()}
    with np.errstate(over="ignore"):  # the error below names the layer
        values = {name: kernel[mask[name]].astype(dtype) for name, kernel in kernels.items()}
    if bad := [name for name, kept in values.items() if not np.isfinite(kept).all()]:
        raise InputError(f"{bad[0]!r} has a weight that is not a finite number in {dtype}.")
    at_initial = _at_initial(model, kernels, mask, seed)
    architecture = architectures.architecture_as_json(model)
    return _with_digest(PackedTicket(architecture, int(seed), TRAINED, False, mask, _others(model), values, at_initial))


def _at_initial(model: keras.Model, kernels: Weights, mask: Mask, seed: int) -> Mask:
    """Returns the positions of pruned weights that are not zero; they must have their initial values."""
    from lottery_tf.masking import initial_weights

    not_zero = {name: ~kept & (kernels[name] != 0) for name, kept in mask.items()}
    at_initial = {name: positions for name, positions in not_zero.items() if positions.any()}
    initial = initial_weights.initial_weights(model, {}, seed) if at_initial else {}
    for name, positions in at_initial.items():
        if count := np.count_nonzero(kernels[name][positions] != initial[name][positions]):
            raise InputError(
                f"{count} pruned weights of {name!r} are neither zero nor at the initial value of seed {seed}: "
                "such frozen values cannot be rebuilt from a seed."
            )
    return at_initial


def _masked(model: keras.Model) -> keras.Model:
    from lottery_tf.masking import conversion, model_weights

    return model if model_weights.masked_kernels(model) else conversion.masked_copy(model)


def _others(model: keras.Model) -> Weights:
    """Returns all weights but the maskable kernels; raises InputError if a file cannot store them."""
    from lottery_tf.masking import model_weights

    maskable = model_weights.masked_kernels(model)
    weights = model_weights.get_weights(model)
    if inexact := [name for name, value in weights.items() if not _is_exact(value)]:
        raise InputError(f"{inexact[0]!r} is of type {weights[inexact[0]].dtype}; a ticket file holds float32 weights.")
    others = {name: value.astype(np.float32) for name, value in weights.items() if name not in maskable}
    if not_finite := [name for name, value in others.items() if not np.isfinite(value).all()]:
        raise InputError(f"{not_finite[0]!r} has a weight that is not a finite number.")
    return others


def _is_exact(value: np.ndarray) -> bool:
    """Returns whether weights are float32, or whole numbers that float32 can hold, as counts are."""
    is_whole = value.dtype.name in architectures.INTEGER_TYPES
    return value.dtype == np.float32 or (is_whole and bool((value == value.astype(np.float32)).all()))


def _with_digest(packed: PackedTicket) -> bytes:
    """Returns the content of the file, with the SHA-256 of the weights that are rebuilt from it."""
    masks.check_mask(packed.mask)
    check_shapes(packed.shapes)
    _, weights = _rebuilt(packed)
    return serialize(dataclasses.replace(packed, digest=digest(weights)))


def digest(weights: Mapping[str, np.ndarray]) -> str:
    """Returns the SHA-256 of all weights with their names and shapes, in hexadecimal; the same on every machine.

    >>> digest({"a/kernel": np.zeros((2, 3), np.float32)})[:8]
    'a31ed34b'
    """
    result = hashlib.sha256()
    for name in sorted(weights):
        result.update(json.dumps([name, weights[name].shape]).encode())
        result.update(weights[name].astype("<f4").tobytes())
    return result.hexdigest()


@checked
def rebuild(packed: TicketFile, limit_factor: Positive = 1) -> keras.Model:
    """Rebuilds the network of a ticket file: a masked model with its mask and with every weight equal to the bit.

    Args:
      packed: the path of the file, its bytes, or a `PackedTicket`.
      limit_factor: by how much to raise the limits on what a file may ask for (`limits.Limits`), for a file you trust.

    Raises:
      DamagedFile: the content is not a complete ticket file.
      InputError: the network is larger than the limits, its architecture cannot be built or does not fit its weights,
        or the rebuilt weights differ from those that were packed.
    """
    from lottery_tf.masking import model_weights

    packed = packed if isinstance(packed, PackedTicket) else _parsed(packed, limit_factor)
    model, weights = _rebuilt(packed, Limits.times(limit_factor))
    if digest(weights) != packed.digest:
        raise InputError(
            "The rebuilt weights are not those that were packed: their SHA-256 differs. An initializer of this model "
            "draws other numbers here, with other versions of its libraries or on another processor."
        )
    model_weights.set_weights(model, weights, packed.mask)
    return model


def _parsed(given: Any, limit_factor: float) -> PackedTicket:
    """Returns the ticket in the content of a file, or in the file at a path."""
    if isinstance(given, bytes | bytearray | memoryview):
        return parse(bytes(given), limit_factor=limit_factor)
    try:
        PATH("packed", given)
    except InputError:
        raise InputError(f"A ticket is the path of a file, or its bytes; given: {given!r:.100}.") from None
    path = os.fspath(given)
    return parse(read(path, limit_factor), path, limit_factor=limit_factor)


def _rebuilt(packed: PackedTicket, allowed: Limits | None = None) -> tuple[keras.Model, Weights]:
    """Returns the ticket's model with zeros as weights, and the weights to set."""
    from lottery_tf.masking import initial_weights, model_weights

    model = architectures.build(packed.architecture, packed.shapes, allowed)
    if (maskable := model_weights.masked_kernels(model).keys()) != packed.mask.keys():
        raise InputError(f"The masks are not those of the architecture: {sorted(maskable ^ packed.mask.keys())[:5]}.")
    with architectures.refusing():
        initial = initial_weights.initial_weights(model, {}, packed.seed) if packed.needs_initial else {}
        return model, packed.others | {name: packed.kernel(name, initial.get(name)) for name in packed.mask}


class Size(NamedTuple):
    """The size of stored weights.

    Attributes:
      bytes: in bytes, rounded up.
      bits_per_weight: in bits for each maskable weight of the network, including pruned ones.
    """

    bytes: int
    bits_per_weight: float


def sizes(content: bytes, limit_factor: float = 1) -> dict[str, Size]:
    """Returns the size of a ticket file, compared with other ways to store the same network.

    Args:
      content: the file.
      limit_factor: as in `rebuild`.

    Returns:
      By name: "ticket file", "dense float32" (every weight, 4 bytes each), "compressed npz"
      (`np.savez_compressed` of the masked weights) and "entropy of the mask", the smallest possible size of a
      mask with each layer's kept share p: the sum of n H(p) over the layers.

    Raises:
      DamagedFile, InputError: as `parse` and `rebuild`.
    """
    from lottery_tf.masking import model_weights

    packed = parse(content, limit_factor=limit_factor)
    weights = model_weights.get_weights(rebuild(packed, limit_factor))
    count = sum(kept.size for kept in packed.mask.values())
    stored_bits = {
        "ticket file": 8 * len(content),
        "dense float32": 32 * sum(value.size for value in weights.values()),
        "compressed npz": 8 * len(files.npz_bytes(weights)),
        "entropy of the mask": sum(map(mask_coding.entropy_bits, packed.mask.values())),
    }
    return {name: Size(math.ceil(stored / 8), stored / count) for name, stored in stored_bits.items()}
