"""Flips and crops training images at random; the draws depend only on seed, level and iteration.

The table `settings.AUGMENTATIONS` lists the augmentations; each is the function of its name here.
"""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from lottery_tf.masking.sublayers import all_layers
from lottery_tf.seeds import generator

PADDING = 4  # black pixels on each side


def draws(first: int, count: int, batch_size: int, seed: int, level: int) -> np.ndarray:
    """Draws the random changes of the images of the iterations `first` to `first + count - 1`.

    Returns:
      (count, batch_size, 3) int32 array. For each image: the top row of the crop in the padded image (0 to 8), its left
      column (0 to 8), and 1 if the image is flipped, else 0.

    >>> draws(5, 2, batch_size=3, seed=0, level=1).shape
    (2, 3, 3)
    """
    below = (2 * PADDING + 1, 2 * PADDING + 1, 2)
    rows = [
        generator(seed, "augmentation", level, iteration).integers(below, size=(batch_size, 3), dtype=np.int32)
        for iteration in range(first, first + count)
    ]
    return np.stack(rows)


def channels_come_first(model: keras.Model) -> bool:
    """Returns whether a model takes images whose channels come before height and width."""
    images = (layer for layer in all_layers(model) if not isinstance(layer, keras.layers.Flatten))
    return next((layer.data_format for layer in images if hasattr(layer, "data_format")), "") == "channels_first"


def flip_and_crop(images, drawn, channels_first: bool = False):
    """Pads images with 4 black pixels, crops them to their size, and flips some from left to right.

    Args:
      images: (n, height, width, channels) tensor.
      drawn: (n, 3) rows of `draws`.
      channels_first: whether the images are (n, channels, height, width).

    Returns:
      A tensor of the images' shape and type.
    """
    if channels_first:
        return tf.transpose(flip_and_crop(tf.transpose(images, (0, 2, 3, 1)), drawn), (0, 3, 1, 2))
    height, width = images.shape[1:3]
    padded = tf.pad(images, ((0, 0), (PADDING, PADDING), (PADDING, PADDING), (0, 0)))
    rows = drawn[:, 0:1] + tf.range(height)
    across = tf.range(width)
    columns = drawn[:, 1:2] + tf.where(drawn[:, 2:3] == 1, across[::-1], across)
    return tf.gather(tf.gather(padded, rows, batch_dims=1), columns, axis=2, batch_dims=1)
