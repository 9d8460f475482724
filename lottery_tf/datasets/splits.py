"""Inputs and labels of one split, as arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import Positive
from lottery_tf.errors import InputError

Arrays = Any  # an array or, for a network with several inputs or outputs, a dictionary or tuple of arrays


@checked
@dataclasses.dataclass(frozen=True, repr=False)
class Split:
    """Images, or other inputs of a network, and their labels.

    Each is a NumPy array, a tensor, a pandas data frame, or a list of examples; for a network with several inputs or
    outputs it is a dictionary or a tuple of these.

    Attributes:
      images: (n, ...) array.
      labels: (n,) whole numbers from 0 for a classifier; with another loss the targets of this loss.
      divide_by: the number by which images are divided before they enter a network. None: images of bytes are divided
        by 255, unless the network has a `Rescaling` layer or takes whole numbers; other images are not divided.
      weights: (n,) the weight of each example in the loss; None: all have the same weight.

    >>> Split({"pixels": np.zeros((3, 4), np.uint8), "age": [20, 30, 40]}, [0.5, 1.5, 2])
    3 of {'pixels': (4,) uint8, 'age': () int64}, divided by 255 unless the network rescales or takes whole numbers
    """

    images: Arrays
    labels: Arrays
    divide_by: Positive | None = None
    weights: np.ndarray | None = None

    def __post_init__(self):
        labels = as_arrays(self.labels, "labels")
        if not leaves(labels):
            raise InputError("A data split has no labels.")
        count = len(leaves(labels)[0])
        object.__setattr__(self, "images", as_arrays(self.images, "images", count))
        object.__setattr__(self, "labels", map_arrays(_as_labels, labels))
        if self.weights is not None:
            object.__setattr__(self, "weights", _as_weights(self.weights))
        for name in ("images", "labels", "weights"):
            for array in leaves(getattr(self, name)) if getattr(self, name) is not None else ():
                if len(array) != count:
                    raise InputError(f"{len(array)} {name} but {count} labels.")
        if count == 0:
            raise InputError("A data split is empty.")
        map_arrays(check_images, self.images)

    def __len__(self) -> int:
        return len(leaves(self.labels)[0])

    def __repr__(self) -> str:
        shapes = map_arrays(lambda array: _Unquoted(f"{array.shape[1:]} {array.dtype}"), self.images)
        return f"{len(self)} of {shapes}, {self._scaling}"

    @property
    def _scaling(self) -> str:
        """How the images are scaled before they enter a network, in words."""
        if self.divide_by is not None:
            return "given as they are" if self.divide_by == 1 else f"divided by {self.divide_by:g}"
        if all(array.dtype != np.uint8 for array in leaves(self.images)):
            return "given as they are"
        return "divided by 255 unless the network rescales or takes whole numbers"

    @property
    def examples(self) -> tuple:
        """Images, labels and, if there are any, weights."""
        return (self.images, self.labels) + (() if self.weights is None else (self.weights,))

    def take(self, indices: np.ndarray) -> Split:
        """Returns some of the images, by their indices."""
        images, labels, *weights = map_arrays(lambda array: array[indices], self.examples)
        return Split(images, labels, self.divide_by, *weights)

    @property
    def scaled(self) -> Arrays:
        """The images in float32 for Keras's `fit`, scaled as an experiment does for a network without `Rescaling`.

        >>> Split(np.full((1, 2), 51, np.uint8), np.zeros(1)).scaled.tolist()
        [[0.20000000298023224, 0.20000000298023224]]
        """

        def scaled(array):
            divisor = self.divide_by or (255 if array.dtype == np.uint8 else 1)
            return array.astype(np.float32) / np.float32(divisor)

        return map_arrays(scaled, self.images)


def check_images(images: np.ndarray) -> None:
    """Raises InputError for images that are empty or no real numbers, and for values that are not finite in float32."""
    if images.dtype.kind not in "biufVUS" or images.dtype.names:  # bfloat16 is V; texts are what a network encodes
        raise InputError(f"Images must be real numbers, or texts; these are {images.dtype}.")
    if 0 in images.shape[1:]:
        raise InputError(f"Images of the shape {images.shape[1:]} are empty.")
    if images.dtype.kind != "f":
        return
    with np.errstate(all="ignore"):
        total = images.sum(dtype=np.float32)  # allocates nothing; not finite if a value is not, or if it overflows
        finite = np.isfinite(total) or [np.isfinite(image.astype(np.float32)).all() for image in images]
    not_finite = np.flatnonzero(np.logical_not(finite))
    if not_finite.size:
        raise InputError(
            f"{len(not_finite)} of {len(images)} images have values that are not finite in float32; the first is "
            f"number {not_finite[0]}. Correct them or leave them out."
        )


class _Unquoted(str):
    """A string whose `repr` has no quotation marks."""

    def __repr__(self):
        return str(self)


def map_arrays(function: Callable[[Any], Any], arrays: Arrays) -> Any:
    """Applies a function to each array of a dictionary or tuple, and returns the values in the same structure."""
    if isinstance(arrays, dict):
        return {name: map_arrays(function, part) for name, part in arrays.items()}
    return tuple(map_arrays(function, part) for part in arrays) if isinstance(arrays, tuple) else function(arrays)


def leaves(arrays: Arrays) -> list[Any]:
    """Returns the arrays of a dictionary or tuple, in order."""
    flat: list[Any] = []
    map_arrays(flat.append, arrays)
    return flat


def joined(join: Callable[[Sequence], Any], rows: Sequence[Arrays]) -> Any:
    """Joins examples or batches: applies `join` (`np.stack`, `np.concatenate`) to corresponding arrays.

    >>> joined(np.stack, [{"a": np.array([1, 2])}, {"a": np.array([3, 4])}])["a"].tolist()
    [[1, 2], [3, 4]]
    """
    made = iter([join(column) for column in zip(*map(leaves, rows), strict=True)])
    return map_arrays(lambda _: next(made), rows[0])


def as_arrays(values: Any, what: str, count: int | None = None) -> Arrays:
    """Converts tensors, data frames and lists to NumPy arrays.

    `what` is their name in messages. A list that does not have `count` entries contains several inputs, as in Keras.

    Raises:
      InputError: examples have different shapes, or a column of a data frame has values other than numbers.
    """
    if isinstance(values, Mapping):
        return {str(name): as_arrays(part, what, count) for name, part in values.items()}
    may_be_inputs = isinstance(values, list) and count is not None and len(values) != count
    if isinstance(values, tuple) or (may_be_inputs and all(np.shape(part)[:1] == (count,) for part in values)):
        return tuple(as_arrays(part, what, count) for part in values)
    if hasattr(values, "to_numpy"):
        return _array_of_frame(values, what)
    try:
        array = values if isinstance(values, np.ndarray) else np.asarray(values)
    except ValueError as error:
        shapes = sorted({np.shape(example) for example in values})[:4]
        raise InputError(
            f"The {what} have different shapes, {', '.join(map(str, shapes))} among them: resize or pad them to one."
        ) from error
    if array.ndim == 0 or array.dtype == object:
        kinds = type(values).__name__ + (" of objects" if array.ndim else "")
        raise InputError(f"The {what} are {kinds}; arrays, data frames or lists of examples are wanted.")
    return array


def _array_of_frame(frame: Any, what: str) -> np.ndarray:
    """Returns a pandas table as an array; raises InputError if a column holds no numbers."""
    array = frame.to_numpy()
    if array.dtype == object:
        try:
            return array.astype(np.float32)
        except (TypeError, ValueError) as error:
            dtypes = dict(frame.dtypes) if hasattr(frame, "columns") else {frame.name: frame.dtype}
            columns = [
                f"{name!r} ({dtype})" for name, dtype in dtypes.items() if getattr(dtype, "kind", "O") not in "biuf"
            ]
            raise InputError(
                f"The {what} have columns that hold no numbers: {', '.join(columns) or 'some values are missing'}. "
                "Encode them, or give each input of the network an array of its own, in a dictionary."
            ) from error
    return array


def _as_labels(labels: np.ndarray) -> np.ndarray:
    """Converts whole numbers to int32, and all others to float32."""
    if labels.dtype.kind not in "biuf":
        raise InputError(f"Labels have to be numbers; given: {labels.dtype}. Number the classes from 0.")
    if labels.dtype.kind == "f" and labels.size and not np.isfinite(labels).any():
        raise InputError("No label is a finite number.")  # some may be missing, for a loss that leaves them out
    with np.errstate(invalid="ignore"):
        integers = labels.astype(np.int32)
    # Whole numbers stored as floats are classes if each example has one number. A one-hot code stays as it is.
    may_be_classes = labels.dtype.kind in "biu" or labels.ndim == 1
    return integers if may_be_classes and (labels == integers).all() else labels.astype(np.float32)


def _as_weights(given: Any) -> np.ndarray:
    weights = np.asarray(given, np.float32)
    if invalid := np.flatnonzero(~(np.isfinite(weights) & (weights >= 0))).tolist():
        raise InputError(
            f"{len(invalid)} of {weights.size} weights of examples are negative or not finite; the first is number "
            f"{invalid[0]}, {weights.flat[invalid[0]]}."
        )
    return weights
