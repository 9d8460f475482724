"""Every draw of the study comes from here: one independent generator for each (seed, purpose, keys).

Nothing reads or writes a global random state, so no draw depends on what was drawn before it, and all treatments of
one seed share initial weights, data order and tie-breaks.
"""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, purpose: str, *keys: int | str) -> np.random.Generator:
    """The generator for one purpose of one seed.

    Args:
      seed: the run's seed, a whole number of at least 0.
      purpose: what is drawn, for example "initial weights" or "ties".
      *keys: what further tells this draw from others: a level, an epoch, a layer's name.

    >>> bool(generator(0, "ties", 3).random() == generator(0, "ties", 3).random())
    True
    """
    words = [zlib.crc32(k.encode()) if isinstance(k, str) else k for k in (purpose, *keys)]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def draw_seed(rng: np.random.Generator) -> int:
    """A seed below 2**31 for a library that wants a number (Keras initializers, dropout)."""
    return int(rng.integers(2**31 - 1))


def glorot_normal(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Glorot's normal initialization, as TensorFlow and Keras define it: cut off at two standard deviations.

    The values are rejection-sampled from NumPy's normal generator rather than drawn on a device, so that the same
    seed gives the same bits on every machine.

    Args:
      shape: a kernel's shape, (inputs, outputs) or (height, width, ..., channels in, channels out).
      rng: the generator to draw from.

    Returns:
      float32 array of that shape with variance 2 / (fan_in + fan_out).
    """
    receptive_field = int(np.prod(shape[:-2]))
    fan_in, fan_out = shape[-2] * receptive_field, shape[-1] * receptive_field
    # A unit normal cut off at +-2 has this standard deviation; dividing by it restores the wanted variance.
    cut_off_deviation = 0.87962566103423978
    deviation = np.sqrt(2 / (fan_in + fan_out)) / cut_off_deviation
    values = rng.standard_normal(int(np.prod(shape)))
    while (outside := np.flatnonzero(np.abs(values) > 2)).size:
        values[outside] = rng.standard_normal(outside.size)
    return (values * deviation).astype(np.float32).reshape(shape)
