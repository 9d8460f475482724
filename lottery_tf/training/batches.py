"""Chooses the images of each iteration."""

from __future__ import annotations

import functools

import numpy as np

from lottery_tf.seeds import generator


@functools.lru_cache(maxsize=4)
def _epoch_order(seed: int, level: int, epoch: int, size: int) -> np.ndarray:
    return generator(seed, "data order", level, epoch).permutation(size).astype(np.int32)


def batch_indices(first: int, count: int, size: int, batch_size: int, seed: int, level: int) -> np.ndarray:
    """Returns the images of the iterations `first` to `first + count - 1`.

    Every epoch is a new permutation of all training images, without the last partial batch.

    Returns:
      (count, batch_size) int32 array of indices below `size`.

    >>> batch_indices(0, 3, size=5, batch_size=2, seed=0, level=0).shape
    (3, 2)
    """
    per_epoch = size // batch_size
    rows = []
    for iteration in range(first, first + count):
        epoch, batch = divmod(iteration, per_epoch)
        rows.append(_epoch_order(seed, level, epoch, size)[batch * batch_size : (batch + 1) * batch_size])
    return np.stack(rows)
