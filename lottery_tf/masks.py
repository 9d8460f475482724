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


def keep_highest(kept: np.ndarray, scores: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Masks all but the highest-scored weights of one layer, among those still unmasked (step 2 of the algorithm).

    Args:
      kept: the layer's mask so far, boolean, any shape.
      scores: a score for each weight that `kept` keeps, in the order of `kernel[kept]`.
      count: how many weights stay unmasked.
      rng: breaks ties at random.

    Returns:
      The layer's new mask, of the same shape.

    Raises:
      InputError: scores of another length, or a score that is not a number.

    >>> keep_highest(np.array([True, True, False, True]), np.array([3.0, 1.0, 2.0]), 2, np.random.default_rng(0))
    array([ True, False, False,  True])
    """
    places = np.flatnonzero(kept)
    scores = checked_scores(scores, places.size)
    result = kept.copy()
    result.flat[places[lowest_first(scores, rng)[: max(0, places.size - count)]]] = False
    return result


def keep_highest_overall(mask: Mapping[str, np.ndarray], scores: np.ndarray, count: int, rng) -> Mask:
    """Masks all but the highest-scored weights of several layers, ranked together (global pruning).

    The highest-scored weight of each layer stays, whatever the others' scores: a layer without any weight would let
    nothing pass. Where that keeps a weight, the next lowest of another layer is pruned in its stead.

    Args:
      mask: the layers' masks so far.
      scores: a score for each weight that they keep, the layers one after another.
      count: how many weights stay unmasked in all.
      rng: breaks ties at random, across layers.

    Raises:
      InputError: fewer weights than layers, or scores that cannot be ranked.

    >>> mask = {"a": np.array([True, True, True]), "b": np.array([True, True])}
    >>> kept = keep_highest_overall(mask, np.array([5.0, 4.0, 3.0, 2.0, 1.0]), 3, np.random.default_rng(0))
    >>> [own.tolist() for own in kept.values()]
    [[True, True, False], [True, False]]
    """
    if count < len(mask):
        raise InputError(f"{count} weights cannot be kept in {len(mask)} layers: each keeps at least one.")
    sizes = [int(kept.sum()) for kept in mask.values()]
    lowest = lowest_first(checked_scores(scores, sum(sizes)), rng)
    layers = np.repeat(np.arange(len(sizes)), sizes)
    _, from_the_top = np.unique(layers[lowest[::-1]], return_index=True)
    lowest = np.delete(lowest, lowest.size - 1 - from_the_top)  # the highest of each layer
    stays = np.ones(sum(sizes), bool)
    stays[lowest[: max(0, sum(sizes) - count)]] = False
    result = {name: kept.copy() for name, kept in mask.items()}
    for kept, own in zip(result.values(), np.split(stays, np.cumsum(sizes)[:-1]), strict=True):
        kept[kept] = own
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


def counts_after(sizes: Mapping[str, int], pruned_fraction: Mapping[str, float], rounds: int) -> dict[str, int]:
    """How many weights each layer keeps after some rounds of pruning.

    >>> counts_after({"dense_1": 1000, "output": 100}, {"dense_1": 0.2, "output": 0.1}, rounds=2)
    {'dense_1': 640, 'output': 81}
    """
    for name in sizes:
        check_pruned_fraction(f"The pruned_fraction of {name!r}", pruned_fraction[name])
    return {name: kept_counts(size, pruned_fraction[name], rounds)[-1] for name, size in sizes.items()}


def counts_for(sizes: Mapping[str, int], pruned_fraction: Mapping[str, float], kept: float) -> dict[str, int]:
    """How many weights each layer keeps where the whole network keeps a given share.

    The layers' shares are those of the ladder at a number of rounds that need not be whole: a layer that rounds prune
    at half the speed of others is pruned at half their speed here too, and one that they leave whole stays whole.

    Args:
      sizes: the layers' numbers of weights.
      pruned_fraction: what each round prunes from each layer.
      kept: the share of all weights to keep, in (0, 1).

    Returns:
      Counts, at least 1 each, whose sum is `kept` of all weights but for their rounding.

    Raises:
      InputError: a share outside (0, 1), or one that the layers which stay whole alone exceed.

    >>> counts_for({"dense_1": 1000, "output": 100}, {"dense_1": 0.2, "output": 0.1}, kept=721 / 1100)
    {'dense_1': 640, 'output': 81}
    """
    from scipy.optimize import brentq

    check_fraction("kept_fraction", kept)
    wanted = kept * sum(sizes.values())
    whole = sum(size for name, size in sizes.items() if not pruned_fraction[name])
    if whole >= wanted:
        raise InputError(
            f"kept_fraction is {kept}, but the layers that stay whole are {whole / sum(sizes.values()):.4f} of all weights."
        )

    def left(rounds: float) -> dict[str, float]:
        return {name: size * (1 - pruned_fraction[name]) ** rounds for name, size in sizes.items()}

    most = 1.0
    while sum(left(most).values()) > wanted:
        most *= 2
    rounds = brentq(lambda rounds: sum(left(rounds).values()) - wanted, 0, most, xtol=1e-9)
    return {name: max(1, round(count)) for name, count in left(rounds).items()}


def check(mask: Mapping[str, np.ndarray]) -> None:
    """Raises InputError for a mask that leaves a layer without any weight, and so cuts the network in two."""
    for name, kept in mask.items():
        if not kept.any():
            raise InputError(f"The mask keeps 0 of the {kept.size} weights of {name!r}: nothing could pass that layer.")


def check_fraction(name: str, value: float) -> None:
    """Raises InputError unless the value lies strictly between 0 and 1."""
    if not 0 < value < 1:
        raise InputError(f"{name} is {value}; it must lie between 0 and 1, both excluded.")


def check_pruned_fraction(name: str, value: float) -> None:
    """Raises InputError unless the value is a share that a round can prune; 0 leaves a layer whole."""
    if not 0 <= value < 1:
        raise InputError(f"{name} is {value}; it must be at least 0 (nothing is pruned) and below 1.")


def kept_fraction(mask: Mapping[str, np.ndarray]) -> float:
    """The share of all maskable weights that the mask keeps."""
    return sum(int(kept.sum()) for kept in mask.values()) / sum(kept.size for kept in mask.values())


def kept_fraction_by_layer(mask: Mapping[str, np.ndarray]) -> dict[str, float]:
    """The kept share of each layer."""
    return {name: int(kept.sum()) / kept.size for name, kept in mask.items()}


def pruned_fraction_by_layer(
    kernels: Mapping[str, np.ndarray], conv: float, dense: float, output: float, downsample: float | None = None
) -> dict[str, float]:
    """What each round prunes from each layer (Table S1): by the kind of the layer, and its own share for the last.

    Args:
      kernels: kernels in the network's order; more than two dimensions make a convolution, the last is the output.
      conv: share for convolutional layers.
      dense: share for dense layers.
      output: share for the output layer.
      downsample: share for convolutions on a shortcut, whose layer's name ends in "downsample"; None: as all others.

    >>> kernels = {name: np.empty((3, 3, 8, 8)) for name in ("conv_1/kernel", "stage_2_downsample/kernel", "last")}
    >>> list(pruned_fraction_by_layer(kernels, 0.2, 0.2, 0.1, downsample=0).values())
    [0.2, 0, 0.1]
    """
    shares = {name: conv if kernel.ndim > 2 else dense for name, kernel in kernels.items()}
    if downsample is not None:
        shares |= {name: downsample for name in kernels if name.removesuffix("/kernel").endswith("downsample")}
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
