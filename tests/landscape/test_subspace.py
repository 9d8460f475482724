"""The kept weights of a network as a vector."""

import numpy as np
import pytest

from lottery_tf.errors import InputError
from lottery_tf.landscape.subspace import Subspace

SHAPES = {"a/kernel": (3, 2), "a/bias": (2,), "b/kernel": (2, 2)}
MASK = {"a/kernel": np.array([[1, 0], [0, 1], [1, 1]], bool), "b/kernel": np.array([[1, 1], [0, 0]], bool)}


def test_vectors_hold_what_is_kept_and_come_back():
    space = Subspace(SHAPES, MASK)
    state = {name: np.arange(np.prod(shape)).reshape(shape) + 1.0 for name, shape in SHAPES.items()}
    assert space.size == 4 + 2 + 2
    vector = space.vector(state)
    assert vector.tolist() == [1, 4, 5, 6, 1, 2, 1, 2]
    back = space.arrays(vector)
    for name, values in back.items():
        np.testing.assert_array_equal(values, np.where(MASK.get(name, True), state[name], 0))
    assert space.vector({"b/kernel": state["b/kernel"]}).tolist() == [0] * 6 + [1, 2]


def test_masks_of_other_arrays_are_refused():
    with pytest.raises(InputError, match=r"mask of 'a/bias' has shape \(4,\), but the array has shape \(2,\)"):
        Subspace(SHAPES, {"a/bias": np.ones(4, bool)})
    with pytest.raises(InputError, match=r"mask of 'c/kernel' has shape \(4,\), but the array has shape None"):
        Subspace(SHAPES, {"c/kernel": np.ones(4, bool)})
