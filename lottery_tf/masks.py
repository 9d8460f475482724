"""Masks: choosing which weights a round keeps, counting them, and packing masks into bits.

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


def prune_layer(kept: np.ndarray, scores: np.ndarray, pruned_fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Masks the lowest-scored weights of one layer, among those that are still unmasked (step 2 of the algorithm).

    Args:
      kept: the layer's mask so far, boolean, any shape.
      scores: a score for each weight that `kept` keeps, in the order of `kernel[kept]`.
      pruned_fraction: the share of the still unmasked weights to prune, in (0, 1); floor(unmasked x share) are pruned.
      rng: breaks ties at random.

    Returns:
      The layer's new mask, of the same shape.

    Raises:
      InputError: a share outside (0, 1), scores of another length, or a score that is not a number.

    >>> prune_layer(np.array([True, True, False, True]), np.array([3.0, 1.0, 2.0]), 0.4, np.random.default_rng(0))
    array([ True, False, False,  True])
    """
    check_fraction("pruned_fraction", pruned_fraction)
    places = np.flatnonzero(kept)
    scores = checked_scores(scores, places.size)
    result = kept.copy()
    result.flat[places[lowest_first(scores, rng)[: pruned_count(places.size, pruned_fraction)]]] = False
    return result


def lowest_first(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The places of one-dimensional scores from the lowest to the highest; equal scores in random order."""
    shuffled = rng.permutation(scores.size)
    return shuffled[np.argsort(scores[shuffled], kind="stable")]


def checked_scores(scores: np.ndarray, size: int) -> np.ndarray:
    """A criterion's scores of `size` weights; raises InputError for scores that cannot be ranked."""
    scores = np.asarray(scores)
    if scores.shape != (size,):
        raise InputError(f"A criterion returned scores of shape {scores.shape} for {size} unmasked weights.")
    if not np.issubdtype(scores.dtype, np.number) and scores.dtype != bool:
        raise InputError(f"A criterion returned scores of the type {scores.dtype}, which are no numbers.")
    if np.isnan(scores).any():
        raise InputError(f"A criterion returned {np.isnan(scores).sum()} scores that are not numbers (NaN).")
    return scores


def kept_counts(size: int, pruned_fraction: float, levels: int) -> list[int]:
    """How many of a layer's weights each of the levels 0 to `levels` keeps.

    >>> kept_counts(1000, 0.1, levels=3)
    [1000, 900, 810, 729]
    """
    counts = [size]
    for _ in range(levels):
        counts.append(counts[-1] - pruned_count(counts[-1], pruned_fraction))
    return counts


def pruned_count(unmasked: int, pruned_fraction: float) -> int:
    """How many of a layer's unmasked weights a round prunes: the product, rounded down."""
    return int(unmasked * pruned_fraction)


def check(mask: Mapping[str, np.ndarray]) -> None:
    """Raises InputError for a mask that leaves a layer without any weight, and so cuts the network in two."""
    for name, kept in mask.items():
        if not kept.any():
            raise InputError(f"The mask keeps 0 of the {kept.size} weights of {name!r}: nothing could pass that layer.")


def check_fraction(name: str, value: float) -> None:
    """Raises InputError unless the value lies strictly between 0 and 1."""
    if not 0 < value < 1:
        raise InputError(f"{name} is {value}; it must lie between 0 and 1, both excluded.")


def kept_fraction(mask: Mapping[str, np.ndarray]) -> float:
    """The share of all maskable weights that the mask keeps."""
    return sum(int(kept.sum()) for kept in mask.values()) / sum(kept.size for kept in mask.values())


def kept_fraction_by_layer(mask: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The kept share of each layer."""
    return {name: int(kept.sum()) / kept.size for name, kept in mask.items()}


def pruned_fraction_by_layer(
    kernels: Mapping[str, np.ndarray], conv: float, dense: float, output: float
) -> dict[str, float]:
    """What each round prunes from each layer (Table S1): by the kind of the layer, and its own share for the last.

    Args:
      kernels: kernels in the network's order; more than two dimensions make a convolution, the last is the output.
      conv: share for convolutional layers.
      dense: share for dense layers.
      output: share for the output layer.
    """
    shares = {name: conv if kernel.ndim > 2 else dense for name, kernel in kernels.items()}
    return shares | {list(kernels)[-1]: output}


def ladder(kernels: Mapping[str, np.ndarray], pruned_fraction: Mapping[str, float], levels: int) -> list[float]:
    """The kept fraction of the whole network at levels 0 to `levels`, from the counts alone.

    >>> fc = {"a": np.empty((784, 300)), "b": np.empty((300, 100)), "c": np.empty((100, 10))}
    >>> [round(100 * kept, 2) for kept in ladder(fc, {"a": 0.2, "b": 0.2, "c": 0.1}, 24)][1::23]
    [80.04, 0.5]
    """
    counts = [kept_counts(kernel.size, pruned_fraction[name], levels) for name, kernel in kernels.items()]
    total = sum(kernel.size for kernel in kernels.values())
    return [sum(level) / total for level in zip(*counts, strict=True)]


def pack(mask: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A mask as arrays of bits, eight weights a byte, with their shapes, to be stored in an `.npz` file."""
    bits = {f"bits/{name}": np.packbits(kept) for name, kept in mask.items()}
    return bits | {f"shape/{name}": np.array(kept.shape, np.int64) for name, kept in mask.items()}


def unpack(arrays: Mapping[str, np.ndarray]) -> Mask:
    """The mask that `pack` made the arrays from."""
    shapes = {key.removeprefix("shape/"): tuple(shape) for key, shape in arrays.items() if key.startswith("shape/")}
    return {
        name: np.unpackbits(arrays[f"bits/{name}"], count=int(np.prod(shape))).astype(bool).reshape(shape)
        for name, shape in shapes.items()
    }
