"""Makes splits from user-defined data: arrays, data frames, `tf.data`, `PyDataset`, and other batches with a length.

Data that fit into memory are read once; other data are streamed. If batches can be read by number, the experiment's
seed orders them, and an interrupted training continues to the same bits. If a source can only be read from its
beginning, blocks of it are shuffled, and results are repeatable only if the source yields the same data each time.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from lottery_tf.datasets.batch_sources import Batches, Indexed, Rows, batch_size, batches_from, equal_batches
from lottery_tf.datasets.splits import Split, joined, leaves
from lottery_tf.datasets.streams import Stream
from lottery_tf.errors import InputError
from lottery_tf.system import hardware

log = logging.getLogger(__name__)

SHARE_OF_MEMORY = 0.25  # share of the free memory for one split; training needs memory too


def as_split(source: Any, in_memory: bool | None = None) -> Split:
    """Makes a split from any source of examples.

    Args:
      source: a `Split`; a tuple (images, labels) or (images, labels, weights) of arrays, data frames or lists of
        examples; a `tf.data.Dataset`; a `keras.utils.PyDataset`; or another object with a length whose items are
        batches.
      in_memory: whether its examples are read into memory; None: if they fit.

    Raises:
      InputError: the source is of another kind, is empty, or cannot be streamed.

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
        return source if fits or isinstance(source, Stream) else _streamed(Rows(source), source.divide_by)
    batches = batches_from(source)
    if len(batches) == 0:
        raise InputError("A data split is empty.")
    first, again = batches[0], batches[0]
    if not equal_batches(first, again):
        log.warning(
            "%s gives other examples at each reading (it shuffles, or changes them at random). The examples of one "
            "reading are kept in memory. Another process keeps others, so it finds no results of this one.",
            type(source).__name__,
        )
    size = sum(array.nbytes for array in leaves(first)) * len(batches)
    fits = size <= SHARE_OF_MEMORY * hardware.available_memory() if in_memory is None else in_memory
    return _read(batches) if fits else _streamed(batches)


def _read(batches: Batches) -> Split:
    """Reads all batches into memory, as one split."""
    images, labels, *weights = joined(np.concatenate, list(batches))
    return Split(images, labels, None, *weights)


def _streamed(batches: Batches, divide_by: float | None = None) -> Stream:
    """Returns a stream of batches, counting their examples."""
    first = batches[0]
    if isinstance(batches, Indexed):
        batches.size = batch_size(first)
    if batches.random_access:
        count = batch_size(first) * (len(batches) - 1) + batch_size(batches[len(batches) - 1])
    else:
        count = sum(map(batch_size, batches))
        log.warning(
            "%s can only be read from its beginning. Its examples are shuffled in blocks. A training that continues "
            "first reads its epoch again up to the point where it stopped; its result is the same only if each reading "
            "gives the same examples.",
            batches.name,
        )
    images, labels, *weights = first
    return Stream(images, labels, divide_by, weights[0] if weights else None, batches, count)
