"""Standardizes images of bytes: each channel gets mean 0 and standard deviation 1 over the training images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lottery_tf.datasets.splits import Split


def standardized(splits: Sequence[Split]) -> list[Split]:
    """Returns splits of uint8 images as float32, with each channel standardized by its values in the first split.

    The sums over all pixels are exact, so every process and processor has equal arrays.

    >>> images = np.array([0, 2], np.uint8).reshape(2, 1, 1, 1)
    >>> standardized([Split(images, np.zeros(2)), Split(images + 1, np.zeros(2))])[1].images.ravel()
    array([0., 2.], dtype=float32)
    """
    tables = [_standardized_bytes(channel) for channel in np.moveaxis(splits[0].images, -1, 0)]
    return [Split(_looked_up(split.images, tables), split.labels) for split in splits]


def _standardized_bytes(channel: np.ndarray) -> np.ndarray:
    """Returns the standardized value of each possible byte of a channel."""
    counts, values = np.bincount(channel.ravel(), minlength=256), np.arange(256)
    total, of_squares = int((counts * values).sum()), int((counts * values**2).sum())
    mean = total / channel.size
    variance = (of_squares * channel.size - total**2) / channel.size**2
    return ((values - mean) / (variance**0.5 or 1)).astype(np.float32)


def _looked_up(images: np.ndarray, tables: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack([table[channel] for table, channel in zip(tables, np.moveaxis(images, -1, 0), strict=True)], -1)
