"""Random generators: one independent generator for each seed, purpose and keys. All random draws use them.

There is no global random state, so no draw depends on earlier draws. All treatments of a seed share initial weights,
data order and tie-breaks.
"""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, purpose: str, *keys: int | str) -> np.random.Generator:
    """Returns the generator for one purpose of one seed.

    Args:
      seed: the seed, a whole number of at least 0.
      purpose: the purpose of the draw, for example "initial weights" or "ties".
      *keys: further keys that identify the draw: a level, an epoch, a layer's name.

    >>> bool(generator(0, "ties", 3).random() == generator(0, "ties", 3).random())
    True
    """
    words = [zlib.crc32(k.encode()) if isinstance(k, str) else k for k in (purpose, *keys)]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def draw_seed(rng: np.random.Generator) -> int:
    """Draws a seed below 2**31, for Keras initializers and dropout."""
    return int(rng.integers(2**31 - 1))


def glorot_normal(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Draws weights by Glorot's normal initialization as in TensorFlow and Keras: truncated at two standard deviations.

    The values are drawn by rejection sampling with NumPy and not on a device, so that a seed gives the same bits on
    every machine.

    Args:
      shape: a kernel's shape, (inputs, outputs) or (height, width, ..., channels in, channels out).
      rng: the generator.

    Returns:
      float32 array of this shape with variance 2 / (fan_in + fan_out).
    """
    receptive_field = int(np.prod(shape[:-2]))
    fan_in, fan_out = shape[-2] * receptive_field, shape[-1] * receptive_field
    # A standard normal truncated at +-2 has this standard deviation; dividing by it gives the wanted variance.
    cut_off_deviation = 0.87962566103423978
    deviation = np.sqrt(2 / (fan_in + fan_out)) / cut_off_deviation
    values = rng.standard_normal(int(np.prod(shape)))
    while (outside := np.flatnonzero(np.abs(values) > 2)).size:
        values[outside] = rng.standard_normal(outside.size)
    return (values * deviation).astype(np.float32).reshape(shape)
