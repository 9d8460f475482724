"""Examples with their labels, as arrays: what a network takes, and what it is to answer."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lottery_tf.errors import InputError

Arrays = Any  # an array, or a dictionary or tuple of such, for a network with several inputs or outputs


@dataclasses.dataclass(frozen=True, repr=False)
class Split:
    """Images, or whatever a network takes, and their labels.

    Arrays of NumPy, tensors, data frames of pandas and lists of examples are taken. For a network with several inputs
    or outputs, a dictionary or a tuple of these.

    Attributes:
      images: (n, ...) array.
      labels: (n,) whole numbers from 0 where networks classify; for other losses whatever these take.
      divide_by: what the images are divided by before a network sees them. None: images of bytes by 255, unless the
        network has a `Rescaling` of its own or takes whole numbers; all others are given as they are.
      weights: (n,) how much each example counts in the loss; None: all count alike.

    >>> Split({"pixels": np.zeros((3, 4), np.uint8), "age": [20, 30, 40]}, [0.5, 1.5, 2])
    3 of {'pixels': (4,) uint8, 'age': () int64}, divided by 255 unless the network rescales or takes whole numbers
    """

    images: Arrays
    labels: Arrays
    divide_by: float | None = None
    weights: np.ndarray | None = None

    def __post_init__(self):
        labels = as_arrays(self.labels, "labels")
        count = len(leaves(labels)[0])
        object.__setattr__(self, "images", as_arrays(self.images, "images", count))
        object.__setattr__(self, "labels", map_arrays(_as_labels, labels))
        if self.weights is not None:
            object.__setattr__(self, "weights", np.asarray(self.weights, np.float32))
        for name in ("images", "labels", "weights"):
            for each in leaves(getattr(self, name)) if getattr(self, name) is not None else ():
                if len(each) != count:
                    raise InputError(f"{len(each)} {name} but {count} labels.")
        if count == 0:
            raise InputError("A data split is empty.")
        map_arrays(check_images, self.images)
        check_divisor(self.divide_by)

    def __len__(self) -> int:
        return len(leaves(self.labels)[0])

    def __repr__(self) -> str:
        shapes = map_arrays(lambda array: _Words(f"{array.shape[1:]} {array.dtype}"), self.images)
        return f"{len(self)} of {shapes}, {self._scaling}"

    @property
    def _scaling(self) -> str:
        """What is done to the images before a network sees them, in words."""
        if self.divide_by is not None:
            return "given as they are" if self.divide_by == 1 else f"divided by {self.divide_by:g}"
        if all(each.dtype != np.uint8 for each in leaves(self.images)):
            return "given as they are"
        return "divided by 255 unless the network rescales or takes whole numbers"

    @property
    def examples(self) -> tuple:
        """Images, labels and, where there are any, weights."""
        return (self.images, self.labels) + (() if self.weights is None else (self.weights,))

    def take(self, indices: np.ndarray) -> Split:
        """Some of the images, by their indices."""
        images, labels, *weights = map_arrays(lambda array: array[indices], self.examples)
        return Split(images, labels, self.divide_by, *weights)

    @property
    def scaled(self) -> Arrays:
        """The images in float32, as an experiment shows them to a network without a `Rescaling`: for Keras's `fit`.

        >>> Split(np.full((1, 2), 51, np.uint8), np.zeros(1)).scaled.tolist()
        [[0.20000000298023224, 0.20000000298023224]]
        """

        def scaled(array):
            divisor = self.divide_by or (255 if array.dtype == np.uint8 else 1)
            return array.astype(np.float32) / np.float32(divisor)

        return map_arrays(scaled, self.images)


def check_images(images: np.ndarray) -> None:
    """Raises InputError for complex or empty images, and for values that are not finite."""
    if images.dtype.kind == "c":
        raise InputError(f"Images must be of real numbers; these are {images.dtype}.")
    if 0 in images.shape[1:]:
        raise InputError(f"Images of the shape {images.shape[1:]} are empty.")
    if images.dtype.kind != "f":
        return
    with np.errstate(all="ignore"):
        total = images.sum(dtype=np.float64)  # allocates nothing; not finite if a value is not, or if it overflows
    odd = [] if np.isfinite(total) else [i for i, image in enumerate(images) if not np.isfinite(image).all()]
    if odd:
        raise InputError(
            f"{len(odd)} of {len(images)} images have values that are not finite; the first is number {odd[0]}. "
            "Correct them or leave them out."
        )


class _Words(str):
    """A string whose representation is itself."""

    def __repr__(self):
        return str(self)


def map_arrays(function: Callable[[Any], Any], arrays: Arrays) -> Any:
    """What a function gives for each array of a dictionary or tuple, in the same order."""
    if isinstance(arrays, dict):
        return {name: map_arrays(function, each) for name, each in arrays.items()}
    return tuple(map_arrays(function, each) for each in arrays) if isinstance(arrays, tuple) else function(arrays)


def leaves(arrays: Arrays) -> list[Any]:
    """The arrays of a dictionary or tuple, in order."""
    found: list[Any] = []
    map_arrays(found.append, arrays)
    return found


def joined(join: Callable[[Sequence], Any], rows: Sequence[Arrays]) -> Any:
    """Examples or batches as one: `join` (`np.stack`, `np.concatenate`) makes an array of each array of theirs.

    >>> joined(np.stack, [{"a": np.array([1, 2])}, {"a": np.array([3, 4])}])["a"].tolist()
    [[1, 2], [3, 4]]
    """
    made = iter([join(column) for column in zip(*map(leaves, rows), strict=True)])
    return map_arrays(lambda _: next(made), rows[0])


def as_arrays(values: Any, what: str, count: int | None = None) -> Arrays:
    """NumPy's arrays of what people have: tensors, data frames, lists of examples, and dictionaries and tuples of them.

    `what` is what messages call them. A list that does not have `count` entries is one of several inputs, as in Keras.

    Raises:
      InputError: examples of different shapes, or a column of a data frame that holds no numbers.
    """
    if isinstance(values, Mapping):
        return {str(name): as_arrays(each, what, count) for name, each in values.items()}
    several = isinstance(values, list) and count is not None and len(values) != count
    if isinstance(values, tuple) or (several and all(len(each) == count for each in values)):
        return tuple(as_arrays(each, what, count) for each in values)
    if hasattr(values, "to_numpy"):
        return _of_frame(values, what)
    if isinstance(values, np.ndarray):
        return values
    try:
        array = np.asarray(values)
    except ValueError as error:
        shapes = sorted({np.shape(each) for each in values})[:4]
        raise InputError(
            f"The {what} have different shapes, {', '.join(map(str, shapes))} among them: resize or pad them to one."
        ) from error
    if array.ndim == 0 or array.dtype == object:
        raise InputError(
            f"The {what} are {type(values).__name__}; arrays, data frames or lists of examples are wanted."
        )
    return array


def _of_frame(frame: Any, what: str) -> np.ndarray:
    array = frame.to_numpy()
    if array.dtype == object:
        try:
            return array.astype(np.float32)
        except (TypeError, ValueError) as error:
            kinds = dict(frame.dtypes) if hasattr(frame, "columns") else {frame.name: frame.dtype}
            odd = [f"{name!r} ({kind})" for name, kind in kinds.items() if getattr(kind, "kind", "O") not in "biuf"]
            raise InputError(
                f"The {what} have columns that hold no numbers: {', '.join(odd) or 'some values are missing'}. Encode "
                "them, or give each input of the network an array of its own, in a dictionary."
            ) from error
    return array


def _as_labels(labels: np.ndarray) -> np.ndarray:
    """Whole numbers as int32, all other numbers as float32."""
    if labels.dtype.kind not in "biuf":
        raise InputError(f"Labels have to be numbers; given: {labels.dtype}. Number the classes from 0.")
    with np.errstate(invalid="ignore"):
        whole = labels.astype(np.int32)
    # Floats that are whole are classes where each example has one; a one-hot code stays what it is.
    may_be_classes = labels.dtype.kind in "biu" or labels.ndim == 1
    return whole if may_be_classes and (labels == whole).all() else labels.astype(np.float32)


def check_divisor(divide_by: float | None) -> None:
    """Raises InputError for what images cannot be divided by."""
    if divide_by is not None and not (
        isinstance(divide_by, (int, float, np.number)) and 0 < divide_by < math.inf and not isinstance(divide_by, bool)
    ):
        raise InputError(f"divide_by is {divide_by!r}; it must be a finite number above 0, or None.")
