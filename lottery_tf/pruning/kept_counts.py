"""Counts how many weights each layer keeps after a number of rounds, and checks fractions."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
import scipy

from lottery_tf.argument_checks.validation import FRACTION, PRUNED_FRACTION
from lottery_tf.errors import InputError
from lottery_tf.old_names import old_arguments

PAPER_LEVELS = 24  # rounds of pruning


def kept_counts(size: int, pruned_fraction: float, levels: int) -> list[int]:
    """Returns the number of a layer's weights that are kept at each of the levels 0 to `levels`.

    A round prunes the number of unmasked weights times the pruned fraction, rounded down.

    >>> kept_counts(1000, 0.1, levels=3)
    [1000, 900, 810, 729]
    """
    counts = [size]
    for _ in range(levels):
        counts.append(counts[-1] - int(counts[-1] * pruned_fraction))
    return counts


def counts_after(sizes: Mapping[str, int], pruned_fraction: Mapping[str, float], rounds: int) -> dict[str, int]:
    """Returns the number of weights that each layer keeps after some rounds of pruning.

    >>> counts_after({"dense_1": 1000, "output": 100}, {"dense_1": 0.2, "output": 0.1}, rounds=2)
    {'dense_1': 640, 'output': 81}
    """
    for name in sizes:
        PRUNED_FRACTION(f"The pruned_fraction of {name!r}", pruned_fraction[name])
    return {name: kept_counts(size, pruned_fraction[name], rounds)[-1] for name, size in sizes.items()}


@old_arguments(kept="kept_fraction")
def counts_for(sizes: Mapping[str, int], pruned_fraction: Mapping[str, float], kept_fraction: float) -> dict[str, int]:
    """Returns the number of weights that each layer keeps if the whole network keeps a given fraction.

    The layers have the kept fractions that a (not necessarily whole) number of rounds would give. So layers that rounds
    prune more slowly are pruned less here too, and layers with a pruned fraction of 0 keep all weights.

    Args:
      sizes: the number of weights of each layer.
      pruned_fraction: the fraction that each round prunes from each layer.
      kept_fraction: the fraction of all weights to keep, in (0, 1).

    Returns:
      Counts of at least 1. Except for rounding, they sum to `kept_fraction` times the number of all weights.

    Raises:
      InputError: the fraction is outside (0, 1), or too small because the layers that are not pruned exceed it.

    >>> counts_for({"dense_1": 1000, "output": 100}, {"dense_1": 0.2, "output": 0.1}, kept_fraction=721 / 1100)
    {'dense_1': 640, 'output': 81}
    """
    FRACTION("kept_fraction", kept_fraction)
    wanted = kept_fraction * sum(sizes.values())
    not_pruned = sum(size for name, size in sizes.items() if not pruned_fraction[name])
    if not_pruned >= wanted:
        raise InputError(
            f"kept_fraction is {kept_fraction}, but layers that are not pruned hold "
            f"{not_pruned / sum(sizes.values()):.4f} of all weights; give a larger fraction."
        )

    def left(rounds: float) -> dict[str, float]:
        return {name: size * (1 - pruned_fraction[name]) ** rounds for name, size in sizes.items()}

    most = 1.0
    while sum(left(most).values()) > wanted:
        most *= 2
    rounds = scipy.optimize.brentq(lambda rounds: sum(left(rounds).values()) - wanted, 0, most, xtol=1e-9)
    return {name: max(1, round(count)) for name, count in left(rounds).items()}


def pruned_fraction_by_layer(
    kernels: Mapping[str, np.ndarray],
    conv: float,
    dense: float,
    output: float,
    downsample: float | None = None,
    convolutions: Collection[str] | None = None,
) -> dict[str, float]:
    """Returns the fraction that each round prunes from each layer, by the kind of the layer (Table S1).

    Args:
      kernels: kernels in the network's order. The last one belongs to the output layer.
      conv: fraction for convolutional layers.
      dense: fraction for dense layers.
      output: fraction for the output layer.
      downsample: fraction for convolutions on a shortcut, whose layer's name ends in "downsample"; None: as `conv`.
      convolutions: the kernels of convolutions; None: those of more than two dimensions.

    >>> kernels = {name: np.empty((3, 3, 8, 8)) for name in ("conv_1/kernel", "stage_2_downsample/kernel", "last")}
    >>> list(pruned_fraction_by_layer(kernels, 0.2, 0.2, 0.1, downsample=0).values())
    [0.2, 0, 0.1]
    """
    if convolutions is None:
        convolutions = {name for name, kernel in kernels.items() if kernel.ndim > 2}
    shares = {name: conv if name in convolutions else dense for name in kernels}
    if downsample is not None:
        shares |= {name: downsample for name in kernels if name.removesuffix("/kernel").endswith("downsample")}
    return shares | {list(kernels)[-1]: output}


def kept_fractions(kernels: Mapping[str, np.ndarray], pruned_fraction: Mapping[str, float], levels: int) -> list[float]:
    """Returns the kept fraction of the whole network at levels 0 to `levels`.

    >>> fc = {"a": np.empty((784, 300)), "b": np.empty((300, 100)), "c": np.empty((100, 10))}
    >>> [round(100 * kept, 2) for kept in kept_fractions(fc, {"a": 0.2, "b": 0.2, "c": 0.1}, 24)][1::23]
    [80.04, 0.5]
    """
    counts = [kept_counts(kernel.size, pruned_fraction[name], levels) for name, kernel in kernels.items()]
    total = sum(kernel.size for kernel in kernels.values())
    return [sum(level) / total for level in zip(*counts, strict=True)]
