"""Converts between arrays of weights and one vector of the weights that a mask keeps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lottery_tf.errors import InputError
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Weights


class Subspace:
    """The space of the weights that a mask keeps; vectors hold them in the order of the arrays.

    All weights of an array without a mask belong to it (biases, the gains of batch norm).

    Attributes:
      size: the number of weights in the space.

    Raises:
      InputError: a mask has another shape than its array, or there is no such array.

    >>> space = Subspace({"a": (3,), "b": (1,)}, {"a": np.array([True, False, True])})
    >>> space.vector({"a": np.array([1.0, 2.0, 3.0]), "b": np.array([4.0])})
    array([1., 3., 4.])
    >>> space.arrays(np.array([5.0, 6.0, 7.0]))["a"].tolist()
    [5.0, 0.0, 6.0]
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], mask: Mask):
        for name, kept in mask.items():
            if shapes.get(name) != kept.shape:
                raise InputError(
                    f"The mask of {name!r} has shape {kept.shape}, but the array has shape {shapes.get(name)}."
                )
        self._shapes = dict(shapes)
        self._positions = {
            name: np.flatnonzero(mask[name]) if name in mask else np.arange(int(np.prod(shape)))
            for name, shape in shapes.items()
        }
        self.size = sum(positions.size for positions in self._positions.values())

    def vector(self, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
        """Returns the kept weights of the arrays as a (size,) float64 vector; a missing array counts as zeros."""
        return np.concatenate(
            [
                np.ravel(arrays[name])[positions].astype(np.float64) if name in arrays else np.zeros(positions.size)
                for name, positions in self._positions.items()
            ]
        )

    def arrays(self, vector: np.ndarray) -> Weights:
        """Returns float32 arrays with a vector's numbers at the kept weights, and zeros elsewhere."""
        found, first = {}, 0
        for name, positions in self._positions.items():
            values = np.zeros(int(np.prod(self._shapes[name])), np.float32)
            values[positions] = vector[first : first + positions.size]
            found[name] = values.reshape(self._shapes[name])
            first += positions.size
        return found
