"""A split that is read in batches while a network trains, because it does not fit into memory."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Iterator
from typing import Any

import numpy as np

from lottery_tf.datasets.batch_sources import Batches, batch_size, equal_batches
from lottery_tf.datasets.splits import Split, joined, leaves, map_arrays
from lottery_tf.errors import InputError


@dataclasses.dataclass(frozen=True, repr=False)
class Stream(Split):
    """A split that is read in batches while a network trains, because it does not fit into memory.

    `images`, `labels` and `weights` are those of the first batch. They show the shapes and types of all batches.

    Attributes:
      batches: the batches.
      count: the number of examples.
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
        """Whether a batch can be read by its number, without those before it."""
        return self.batches.random_access

    def take(self, indices: np.ndarray) -> Split:
        """Reads some of the examples into memory, by their indices."""
        size, wanted = len(leaves(self.labels)[0]), np.asarray(indices)
        found: dict[int, tuple] = {}
        needed = sorted({int(number) for number in wanted // size})
        numbered = ((number * size, self.batches[number]) for number in needed)
        for first, batch in numbered if self.random_access else self._with_first():
            for index in np.flatnonzero((wanted >= first) & (wanted < first + batch_size(batch))):
                found[int(index)] = map_arrays(operator.itemgetter(int(wanted[index] - first)), batch)
        images, labels, *weights = joined(np.stack, [found[index] for index in range(len(wanted))])
        return Split(images, labels, self.divide_by, *weights)

    def _with_first(self) -> Iterator[tuple[int, tuple]]:
        """Yields all batches in order, each with the index of its first example."""
        first = 0
        for batch in self.batches:
            yield first, batch
            first += batch_size(batch)

    @property
    def scaled(self) -> Any:
        """Raises InputError: the images are not in memory."""
        raise InputError("The split is streamed: its images are not in memory. Give the source itself to Keras's fit.")

    def digest(self, digest: Any) -> None:
        """Adds the number of examples to a hash, and the first batch if it is the same at each reading."""
        shapes = map_arrays(lambda array: f"{array.dtype}{array.shape[1:]}", self.examples)
        digest.update(f"stream of {self.count} {shapes}".encode())
        if equal_batches(self.batches[0], self.examples):
            digest.update(b"".join(np.ascontiguousarray(array).tobytes() for array in leaves(self.examples)))
