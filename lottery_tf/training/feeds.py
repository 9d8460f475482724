"""Feeds examples to the training steps: from memory by a gather in the graph, or as a stream from the host."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from lottery_tf.datasets.batch_sources import Rows
from lottery_tf.datasets.splits import Arrays, Split, joined, leaves, map_arrays
from lottery_tf.datasets.streams import Stream
from lottery_tf.seeds import generator
from lottery_tf.training.batches import batch_indices

BLOCK_BYTES = 2**28  # examples that can only be read in order are shuffled within blocks of this size


class MemoryFeed:
    """The examples of one split in memory, which TensorFlow gathers by their indices."""

    in_memory = True

    def __init__(self, split: Split):
        self._size = len(split)
        self._tensors = map_arrays(tf.constant, split.examples)

    def chunk(self, first: int, count: int, batch_size: int, seed: int, level: int) -> np.ndarray:
        """Returns the indices of the examples of the iterations `first` to `first + count - 1`, to give to `batch`."""
        return batch_indices(first, count, self._size, batch_size, seed, level)

    def batch(self, chunk, step) -> Arrays:
        """Returns the batch of a step of a chunk: inputs, labels and, if there are any, weights."""
        return self.gather(chunk[step])

    def gather(self, indices) -> Arrays:
        """Returns some examples by their indices, in TensorFlow."""
        return map_arrays(lambda tensor: tf.gather(tensor, indices), self._tensors)


class StreamFeed:
    """The examples of one split, which are read while a network trains.

    If batches can be read by number, each epoch reads them in an order drawn from the seed. Otherwise each epoch reads
    from the beginning, and the seed shuffles blocks of examples. As in memory, the last partial batch of an epoch is
    dropped.
    """

    in_memory = False

    def __init__(self, split: Stream):
        self._split = split
        self._recent: dict[tuple, tuple] = {}  # batches of the last chunk, by batch size, seed, level and iteration
        self._reading: Iterator[tuple] = iter(())
        self._next: tuple | None = None  # the key, as in `_recent`, of the next batch of `_reading`

    def chunk(self, first: int, count: int, batch_size: int, seed: int, level: int) -> Arrays:
        """Returns the batches of the iterations `first` to `first + count - 1`, stacked on a new first axis."""
        key = (batch_size, seed, level)
        batches = [self._batch((*key, iteration)) for iteration in range(first, first + count)]
        self._recent = {(*key, first + position): batch for position, batch in enumerate(batches)}
        return joined(np.stack, batches)

    def batch(self, chunk, step) -> Arrays:
        """Returns the batch of a step of a chunk, in TensorFlow."""
        return map_arrays(lambda tensor: tensor[step], chunk)

    def gather(self, indices) -> Arrays:
        """Returns some examples by their indices."""
        return map_arrays(tf.constant, self._split.take(np.asarray(indices)).examples)

    def in_order(self, batch_size: int) -> Iterator[Arrays]:
        """Yields all examples in batches; the last batch may be smaller."""
        yield from _rebatched(iter(self._split.batches), batch_size, partial=True)

    def _batch(self, key: tuple) -> tuple:
        """Returns the batch of a training's iteration, reading on from the batch before where this is possible."""
        if key in self._recent:
            return self._recent[key]
        batch_size, seed, level, iteration = key
        if isinstance(self._split.batches, Rows):
            return self._split.batches.rows(batch_indices(iteration, 1, len(self._split), batch_size, seed, level)[0])
        epoch, position = divmod(iteration, len(self._split) // batch_size)
        if self._next != key or position == 0:
            self._reading = self._epoch(epoch, position, batch_size, seed, level)
        batch = next(self._reading)
        self._next = (batch_size, seed, level, iteration + 1)
        return batch

    def _epoch(self, epoch: int, position: int, batch_size: int, seed: int, level: int) -> Iterator[tuple]:
        """Yields the batches of an epoch, starting with the batch `position`."""
        batches = self._split.batches
        if not batches.random_access:
            blocks = _shuffled(iter(batches), generator(seed, "data order", level, epoch))
            for number, batch in enumerate(_rebatched(blocks, batch_size)):
                if number >= position:
                    yield batch
            return
        order = generator(seed, "data order", level, epoch).permutation(len(batches))
        size, last = len(leaves(self._split.labels)[0]), len(batches) - 1
        ends = np.cumsum([len(self._split) - size * last if number == last else size for number in order])
        begin = int(np.searchsorted(ends, position * batch_size, side="right"))
        skipped = position * batch_size - (int(ends[begin - 1]) if begin else 0)
        examples = (batches[int(number)] for number in order[begin:])
        yield from _rebatched(examples, batch_size, skipped)


def _rebatched(batches: Iterator[tuple], size: int, skipped: int = 0, partial: bool = False) -> Iterator[tuple]:
    """Yields the examples in batches of another size, without the first `skipped`; with `partial` also the rest."""
    left: tuple | None = None
    for batch in batches:
        if skipped:
            batch = _rows(batch, slice(skipped, None))
            skipped = 0
        left = batch if left is None else joined(np.concatenate, [left, batch])
        while len(leaves(left)[0]) >= size:
            yield _rows(left, slice(size))
            left = _rows(left, slice(size, None))
    if partial and left is not None and len(leaves(left)[0]):
        yield left


def _shuffled(batches: Iterator[tuple], rng: np.random.Generator) -> Iterator[tuple]:
    """Yields the examples, shuffled within blocks that fit into memory."""
    block: list[tuple] = []
    read = 0
    for batch in batches:
        block.append(batch)
        read += sum(array.nbytes for array in leaves(batch))
        if read >= BLOCK_BYTES:
            yield _permuted(block, rng)
            block, read = [], 0
    if block:
        yield _permuted(block, rng)


def _permuted(block: list[tuple], rng: np.random.Generator) -> tuple:
    whole = joined(np.concatenate, block)
    return _rows(whole, rng.permutation(len(leaves(whole)[0])))


def _rows(batch: tuple, rows) -> tuple:
    return map_arrays(lambda array: array[rows], batch)
