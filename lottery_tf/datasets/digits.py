"""The handwritten digits that scikit-learn brings. `lottery_tf.datasets` imports this module at its first use."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import zoom
from sklearn.datasets import load_digits

from lottery_tf.datasets.splits import Split
from lottery_tf.seeds import generator


def read(train: int, image_shape: tuple[int, int, int]) -> tuple[Split, Split]:
    """Returns the first `train` digits and the others, in a fixed random order, resized and as bytes."""
    bunch = load_digits()
    order = generator(0, "digits split").permutation(len(bunch.images))
    height, width, channels = image_shape
    small = bunch.images[order] * (255 / 16)
    large = zoom(small, (1, height / small.shape[1], width / small.shape[2]), order=1)
    images = np.repeat(np.rint(large).astype(np.uint8)[..., np.newaxis], channels, axis=-1)
    labels = bunch.target[order]
    return Split(images[:train], labels[:train]), Split(images[train:], labels[train:])
