"""Images, labels and weights of examples: what is refused, with a message."""

import numpy as np
import pytest

import lottery_tf as lt
from lottery_tf.datasets.splits import Split
from lottery_tf.errors import InputError

NAN, INF = float("nan"), float("inf")


# Images


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 4), complex), "Images must be real numbers, or texts; these are complex128"),
        (np.zeros((3, 28, 0, 1)), r"Images of the shape \(28, 0, 1\) are empty"),
    ],
)
def test_images_that_are_none(images, message):
    with pytest.raises(InputError, match=message):
        Split(images, np.zeros(3))


def test_the_sum_of_images_may_overflow():
    assert len(Split(np.full((3, 2), 3e38, np.float32), np.zeros(3))) == 3


# Examples


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": [1, NAN, 1]}, "1 of 3 weights of examples are negative or not finite; the first is number 1, nan"),
        ({"weights": [-1, 1, INF]}, "2 of 3 weights of examples are negative or not finite; the first is number 0, -1"),
        ({"weights": "a"}, "weights is 'a'; it must be an array of numbers"),
        ({"weights": [1, 1]}, "2 weights but 3 labels"),
        ({"labels": [NAN] * 3}, "No label is a finite number"),
        ({"labels": {"a": [0, 1, 1], "b": [INF] * 3}}, "No label is a finite number"),
        ({"labels": ()}, "A data split has no labels"),
        ({"images": np.zeros((3, 2), "M8[s]")}, r"Images must be real numbers, or texts; these are datetime64\[s\]"),
        ({"images": np.zeros((3, 2), "m8[s]")}, "Images must be real numbers, or texts; these are timedelta"),
        ({"images": np.zeros(3, [("a", "f4")])}, "Images must be real numbers, or texts"),
        ({"images": np.array([[None]] * 3)}, "The images are ndarray of objects; arrays"),
        ({"images": [5]}, "1 images but 3 labels"),
        ({"divide_by": "a"}, "divide_by is 'a'; it must be a number"),
        ({"divide_by": NAN}, "divide_by is nan; it must be a finite number above 0"),
    ],
)
def test_examples_that_no_network_learns_from(change, message):
    usual = {"images": np.zeros((3, 2), np.float32), "labels": [0.5, NAN, 2]}  # a missing label among others
    assert np.isnan(lt.Split(**usual).labels[1])
    with pytest.raises(InputError, match=message):
        lt.Split(**usual | change)
