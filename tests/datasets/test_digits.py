"""The embedded digits, against those of scikit-learn."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from lottery_tf.datasets import digits


@pytest.mark.parametrize("image_shape", [(28, 28, 1), (32, 32, 3)])
def test_digits_are_the_real_ones_in_the_networks_size(image_shape):
    splits = digits.read(1500, image_shape)
    assert [len(split) for split in splits] == [1500, 297]
    assert all(split.images.shape[1:] == image_shape and split.images.dtype == np.uint8 for split in splits)
    images, labels = (np.concatenate([getattr(split, part) for split in splits]) for part in ("images", "labels"))
    assert np.bincount(labels).tolist() == np.bincount(load_digits().target).tolist()
    assert (images == images[..., :1]).all(), "the channels are equal"
    # A linear resize leaves the corner pixels as they are: each image is found again by its corners and label.
    last = image_shape[0] - 1
    found = {(*image[::last, ::last, 0].ravel(), label) for image, label in zip(images, labels, strict=True)}
    small = np.rint(load_digits().images * 255 / 16)[:, ::7, ::7]
    assert found == {(*corners.ravel(), label) for corners, label in zip(small, load_digits().target, strict=True)}


def test_the_order_is_random_and_always_the_same():
    (few, others), (many, _) = digits.read(10, (8, 8, 1)), digits.read(1500, (8, 8, 1))
    np.testing.assert_array_equal(np.concatenate([few.images, others.images])[:1500], many.images)
    np.testing.assert_array_equal(np.concatenate([few.labels, others.labels])[:1500], many.labels)
    assert (many.labels != load_digits().target[:1500]).mean() > 0.8
