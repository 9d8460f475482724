"""Reads data of a user's own: arrays, data frames, `tf.data`, `PyDataset`, and all else with batches and a length.

Data that fit into memory are read once; other data are streamed. If batches can be read by number, the experiment's
seed orders them, and an interrupted training continues to the same bits. If a source can only be read from its
beginning, blocks of it are shuffled, and results are repeatable only if the source yields the same data each time.
"""

from __future__ import annotations

import abc
import dataclasses
import logging
import operator
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lottery_tf import hardware
from lottery_tf.datasets.splits import Split, joined, leaves, map_arrays
from lottery_tf.errors import InputError

log = logging.getLogger(__name__)

SHARE_OF_MEMORY = 0.25  # of what is free, for one split: training takes some of it too


class Batches(abc.ABC):
    """Batches of examples: (images, labels) or (images, labels, weights), each an array or a structure of arrays.

    Attributes:
      random_access: whether any batch can be asked for by its number.
      name: what it is called in a message.
    """

    random_access: bool = True
    name: str = ""

    @abc.abstractmethod
    def __len__(self) -> int:
        """How many batches there are."""

    def __iter__(self) -> Iterator[tuple]:
        """All batches from the first on."""
        return (self[number] for number in range(len(self)))

    def __getitem__(self, number: int) -> tuple:
        """The batch of a number; where there is no random access, by reading all before it."""
        for own, batch in enumerate(self):
            if own == number:
                return batch
        raise IndexError(number)


class _Indexed(Batches):
    """A `keras.utils.PyDataset`, or any other sequence of batches."""

    def __init__(self, source: Any):
        self._source = source
        self._length = int(getattr(source, "num_batches", None) or len(source))
        self.size: int | None = None  # of all batches but the last, where examples are found by their index

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, number: int) -> tuple:
        """The batch of a number; raises InputError if it has another size than it must have."""
        batch = _as_batch(self._source[number])
        count = _count(batch)
        if self.size is not None and (count > self.size or (count < self.size and number < len(self) - 1)):
            raise InputError(
                f"Batch {number} of {type(self._source).__name__} has {count} examples, and batch 0 has {self.size}. "
                "To be streamed, all batches must have the same size; the last one may be smaller."
            )
        return batch


class _Rows(Batches):
    """Arrays that do not fit into memory, such as `np.memmap`: read by rows, in the same order as in memory."""

    ROWS = 256

    def __init__(self, split: Split):
        self._split = split

    def __len__(self) -> int:
        return -(-len(self._split) // self.ROWS)

    def __getitem__(self, number: int) -> tuple:
        return self.rows(slice(number * self.ROWS, (number + 1) * self.ROWS))

    def rows(self, rows: slice | np.ndarray) -> tuple:
        """Some examples by their indices."""
        return map_arrays(lambda array: np.asarray(array[rows]), self._split.examples)


class _Iterated(Batches):
    """An iterable of batches that has a length: a loader of another library, for example."""

    random_access = False

    def __init__(self, source: Any):
        if iter(source) is source:
            raise InputError(
                f"{type(source).__name__} can be read only once; give something that begins anew each time."
            )
        self._source, self.name = source, type(source).__name__

    def __len__(self) -> int:
        return len(self._source)

    def __iter__(self) -> Iterator[tuple]:
        return map(_as_batch, self._source)


class _TfData(Batches):
    """A `tf.data.Dataset`, in batches or of single examples."""

    random_access = False
    name = "tf.data.Dataset"
    EXAMPLES = 256  # in a batch, where the data set has none

    def __init__(self, source: Any):
        if (length := int(source.cardinality())) == -1:
            raise InputError("The tf.data.Dataset repeats without end: take the .repeat() away.")
        if _single_examples(source.element_spec):
            source = source.batch(self.EXAMPLES)
            length = int(source.cardinality())
        self._source = source
        # Where a filter, say, hides how many there are, they are counted.
        self._length = length if length >= 0 else sum(1 for _ in source)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[tuple]:
        return map(_as_batch, self._source.as_numpy_iterator())


def _single_examples(spec: Any) -> bool:
    """Whether the elements of a `tf.data.Dataset` are single examples: nothing says so but their shapes."""
    if not isinstance(spec, tuple) or len(spec) not in (2, 3):
        raise InputError("The elements of a tf.data.Dataset have to be (images, labels) or (images, labels, weights).")
    images, labels = (leaves(_tuples(each)) for each in spec[:2])
    shapes = [each.shape for each in (*images, *labels)]
    if any(shape.rank == 0 for shape in shapes):
        return True
    return len({shape[0] for shape in shapes}) > 1


def _tuples(value: Any) -> Any:
    """Lists as tuples, so that `map_arrays` goes into them."""
    if isinstance(value, dict):
        return {name: _tuples(each) for name, each in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else value


def _as_batch(batch: Any) -> tuple:
    """A batch as a tuple of NumPy's arrays."""
    if not isinstance(batch, (tuple, list)) or len(batch) not in (2, 3):
        raise InputError(
            f"A batch has to be (images, labels) or (images, labels, weights); one is {type(batch).__name__}."
        )
    images, labels, *weights = batch
    return Split(images, labels, None, *weights).examples


@dataclasses.dataclass(frozen=True, repr=False)
class Stream(Split):
    """A split that is read in batches while a network trains, because it does not fit into memory.

    `images`, `labels` and `weights` are those of its first batch: they say what shapes and types all of them have.

    Attributes:
      batches: where all of them come from.
      count: how many examples there are.
    """

    batches: Batches | Any = None
    count: int = 0

    def __len__(self) -> int:
        return self.count

    def __repr__(self) -> str:
        order = "by number" if self.random_access else "from the beginning only"
        return f"{super().__repr__()}; streamed, {order}"

    @property
    def random_access(self) -> bool:
        """Whether any batch can be asked for by its number."""
        return self.batches.random_access

    def take(self, indices: np.ndarray) -> Split:
        """Some of the examples, by their indices, read into memory."""
        size, wanted = len(leaves(self.labels)[0]), np.asarray(indices)
        found: dict[int, tuple] = {}
        needed = sorted({int(number) for number in wanted // size})
        numbered = ((number * size, self.batches[number]) for number in needed)
        for first, batch in numbered if self.random_access else self._with_first():
            for place in np.flatnonzero((wanted >= first) & (wanted < first + _count(batch))):
                found[int(place)] = map_arrays(operator.itemgetter(int(wanted[place] - first)), batch)
        images, labels, *weights = joined(np.stack, [found[place] for place in range(len(wanted))])
        return Split(images, labels, self.divide_by, *weights)

    def _with_first(self) -> Iterator[tuple[int, tuple]]:
        """All batches in order, each with the index of its first example."""
        first = 0
        for batch in self.batches:
            yield first, batch
            first += _count(batch)

    @property
    def scaled(self) -> Any:
        """Refused: the images are not in memory."""
        raise InputError("The split is streamed: its images are not in memory. Give the source itself to Keras's fit.")

    def digest(self, digest: Any) -> None:
        """Adds what tells these data from others to a hash: their number, and the first batch if it is repeatable."""
        shapes = map_arrays(lambda array: f"{array.dtype}{array.shape[1:]}", self.examples)
        digest.update(f"stream of {self.count} {shapes}".encode())
        if _equal(self.batches[0], self.examples):
            digest.update(b"".join(np.ascontiguousarray(array).tobytes() for array in leaves(self.examples)))


def _count(batch: tuple) -> int:
    """How many examples a batch has."""
    return len(leaves(batch)[0])


def _equal(one: tuple, other: tuple) -> bool:
    return all(
        a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in zip(leaves(one), leaves(other), strict=True)
    )


def as_split(source: Any, in_memory: bool | None = None) -> Split:
    """A split of whatever people have.

    Args:
      source: a `Split`; a tuple (images, labels) or (images, labels, weights) of arrays, data frames or lists of
        examples; a `tf.data.Dataset`; a `keras.utils.PyDataset`; anything else with a length whose items are batches.
      in_memory: whether its examples are read into memory; None: if they fit.

    Raises:
      InputError: something else.

    >>> as_split(([[1.0, 2.0], [3.0, 4.0]], [0, 1]))
    2 of (2,) float64, given as they are
    """
    if isinstance(source, (tuple, list)):
        if len(source) not in (2, 3):
            raise InputError(f"A split is (images, labels) or (images, labels, weights); given: {len(source)} things.")
        images, labels, *weights = source
        source = Split(images, labels, None, *weights)
    if isinstance(source, Split):
        mapped = sum(array.nbytes for array in leaves(source.examples) if isinstance(array, np.memmap))
        fits = mapped <= hardware.available_memory() if in_memory is None else in_memory
        return source if fits or isinstance(source, Stream) else _streamed(_Rows(source), source.divide_by)
    batches = _batches(source)
    if len(batches) == 0:
        raise InputError("A data split is empty.")
    first, again = batches[0], batches[0]
    if not _equal(first, again):
        log.warning(
            "%s gives other examples each time that it is read (it shuffles, or changes them at random). In memory "
            "those of one reading are kept; another process keeps others, and finds no results of this one.",
            type(source).__name__,
        )
    size = sum(array.nbytes for array in leaves(first)) * len(batches)
    fits = size <= SHARE_OF_MEMORY * hardware.available_memory() if in_memory is None else in_memory
    return _read(batches) if fits else _streamed(batches)


def _batches(source: Any) -> Batches:
    kinds = [f"{kind.__module__}.{kind.__name__}" for kind in type(source).__mro__]
    if any(kind.startswith("tensorflow.") and kind.endswith(".DatasetV2") for kind in kinds):
        return _TfData(source)
    keras_dataset = any(kind.startswith("keras.") and kind.endswith(".PyDataset") for kind in kinds)
    numbered = hasattr(source, "__len__") and hasattr(source, "__getitem__") and not isinstance(source, Mapping)
    if keras_dataset or numbered:
        return _Indexed(source)
    if hasattr(source, "__len__") and hasattr(source, "__iter__") and not isinstance(source, Mapping):
        return _Iterated(source)
    raise InputError(
        f"A split cannot be made of {type(source).__name__}, which has no length, or whose entries have "
        "no order. Give (images, labels), a tf.data.Dataset, a keras.utils.PyDataset, or an object with __len__ and "
        "__getitem__ whose items are batches."
    )


def _read(batches: Batches) -> Split:
    """All batches as one split in memory."""
    images, labels, *weights = joined(np.concatenate, list(batches))
    return Split(images, labels, None, *weights)


def _streamed(batches: Batches, divide_by: float | None = None) -> Stream:
    first = batches[0]
    if isinstance(batches, _Indexed):
        batches.size = _count(first)
    if batches.random_access:
        count = _count(first) * (len(batches) - 1) + _count(batches[len(batches) - 1])
    else:
        count = sum(map(_count, batches))
        log.warning(
            "%s can only be read from its beginning. Its examples are shuffled in blocks; a training that is taken up "
            "reads its epoch again up to where it stopped, and is equal to the bit only if every reading gives the "
            "same examples.",
            batches.name,
        )
    images, labels, *weights = first
    return Stream(images, labels, divide_by, weights[0] if weights else None, batches, count)
