"""Batches of examples from any source: arrays on disk, `tf.data`, `PyDataset`, and all else that has a length.

If batches can be read by number, training reads them in an order drawn from the seed. A source without this can only be
read from its beginning.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lottery_tf.datasets.splits import Split, leaves, map_arrays
from lottery_tf.errors import InputError


class Batches(abc.ABC):
    """Batches of examples: (images, labels) or (images, labels, weights), each an array or a structure of arrays.

    Attributes:
      random_access: whether a batch can be read by its number, without those before it.
      name: the name of the source in messages.
    """

    random_access: bool = True
    name: str = ""

    @abc.abstractmethod
    def __len__(self) -> int:
        """Returns the number of batches."""

    def __iter__(self) -> Iterator[tuple]:
        """Yields all batches in order."""
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> tuple:
        """Returns one batch; without random access by reading all batches before it."""
        for own, batch in enumerate(self):
            if own == number:
                return batch
        raise IndexError(number)


class Indexed(Batches):
    """A `keras.utils.PyDataset`, or any other sequence of batches."""

    def __init__(self, source: Any):
        self._source = source
        self._length = int(getattr(source, "num_batches", None) or len(source))
        self.size: int | None = None  # examples in each batch but the last, if examples are found by their indices

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, number: int) -> tuple:
        """Returns one batch; raises InputError if it has not the size of the others."""
        batch = _as_batch(self._source[number])
        count = batch_size(batch)
        if self.size is not None and (count > self.size or (count < self.size and number < len(self) - 1)):
            raise InputError(
                f"Batch {number} of {type(self._source).__name__} has {count} examples, and batch 0 has {self.size}. "
                "To be streamed, all batches must have the same size; the last one may be smaller."
            )
        return batch


class Rows(Batches):
    """Arrays that do not fit into memory, such as `np.memmap`: read by rows, in the same order as in memory."""

    ROWS = 256

    def __init__(self, split: Split):
        self._split = split

    def __len__(self) -> int:
        return -(-len(self._split) // self.ROWS)

    def __getitem__(self, number: int) -> tuple:
        return self.rows(slice(number * self.ROWS, (number + 1) * self.ROWS))

    def rows(self, rows: slice | np.ndarray) -> tuple:
        """Returns some examples by their indices."""
        return map_arrays(lambda array: np.asarray(array[rows]), self._split.examples)


class Iterated(Batches):
    """An iterable of batches that has a length: a loader of another library, for example."""

    random_access = False

    def __init__(self, source: Any):
        if iter(source) is source:
            raise InputError(
                f"{type(source).__name__} can be read only once; give an object whose iterator starts anew each time."
            )
        self._source, self.name = source, type(source).__name__

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[tuple]:
        return map(_as_batch, self._source)


class TfData(Batches):
    """A `tf.data.Dataset`, in batches or of single examples."""

    random_access = False
    name = "tf.data.Dataset"
    EXAMPLES = 256  # in a batch, if the data set has single examples

    def __init__(self, source: Any):
        if (length := int(source.cardinality())) == -1:
            raise InputError("The tf.data.Dataset repeats without end: remove its .repeat().")
        if _single_examples(source.element_spec):
            source = source.batch(self.EXAMPLES)
            length = int(source.cardinality())
        self._source = source
        # The length is unknown after a filter, for example; then the batches are counted.
        self._length = length if length >= 0 else sum(1 for _ in source)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[tuple]:
        return map(_as_batch, self._source.as_numpy_iterator())


def _single_examples(spec: Any) -> bool:
    """Returns whether the elements of a `tf.data.Dataset` are single examples, judged by their shapes."""
    if not isinstance(spec, tuple) or len(spec) not in (2, 3):
        raise InputError("The elements of a tf.data.Dataset have to be (images, labels) or (images, labels, weights).")
    images, labels = (leaves(_tuples(each)) for each in spec[:2])
    shapes = [each.shape for each in (*images, *labels)]
    if any(shape.rank == 0 for shape in shapes):
        return True
    return len({shape[0] for shape in shapes}) > 1


def _tuples(value: Any) -> Any:
    """Makes lists tuples, because `map_arrays` takes a list as an array."""
    if isinstance(value, dict):
        return {name: _tuples(each) for name, each in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else value


def _as_batch(batch: Any) -> tuple:
    """Returns a batch as a tuple of NumPy arrays."""
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        raise InputError(
            f"A batch has to be (images, labels) or (images, labels, weights); one is {type(batch).__name__}."
        )
    images, labels, *weights = batch
    return Split(images, labels, None, *weights).examples


def batches_from(source: Any) -> Batches:
    """Returns the batches of a source; raises InputError if it has no length or no order."""
    kinds = [f"{kind.__module__}.{kind.__name__}" for kind in type(source).__mro__]
    if any(kind.startswith("tensorflow.") and kind.endswith(".DatasetV2") for kind in kinds):
        return TfData(source)
    keras_dataset = any(kind.startswith("keras.") and kind.endswith(".PyDataset") for kind in kinds)
    numbered = hasattr(source, "__len__") and hasattr(source, "__getitem__") and not isinstance(source, Mapping)
    if keras_dataset or numbered:
        return Indexed(source)
    if hasattr(source, "__len__") and hasattr(source, "__iter__") and not isinstance(source, Mapping):
        return Iterated(source)
    raise InputError(
        f"A split cannot be made of {type(source).__name__}, which has no length, or whose entries have "
        "no order. Give (images, labels), a tf.data.Dataset, a keras.utils.PyDataset, or an object with __len__ and "
        "__getitem__ whose items are batches."
    )


def batch_size(batch: tuple) -> int:
    """Returns the number of examples in a batch."""
    return len(leaves(batch)[0])


def equal_batches(one: tuple, other: tuple) -> bool:
    """Returns whether two batches are equal to the bit."""
    return all(
        a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in zip(leaves(one), leaves(other), strict=True)
    )
