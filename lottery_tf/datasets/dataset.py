"""A data set: its training, validation and test images."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from lottery_tf.argument_checks.annotation_checks import check_value
from lottery_tf.argument_checks.validation import Positive
from lottery_tf.datasets.sources import as_split
from lottery_tf.datasets.splits import Split, leaves
from lottery_tf.datasets.streams import Stream
from lottery_tf.errors import InputError

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True, repr=False)
class Dataset:
    """Training, validation and test images of one data set.

    Args:
      train, validation, test: the splits, or sources of them (see `sources.as_split`): (images, labels), a
        `tf.data.Dataset`, a `keras.utils.PyDataset`, or any other object with a length whose items are batches.
      name: the data set's name.
      divide_by: the number that all images are divided by before a network gets them, in experiments, learned masks
        and the landscape; 1: they are not changed. None: the number of the splits.
      in_memory: whether the examples of such sources are read into memory (True) or streamed (False); None: read if
        they fit.

    Raises:
      InputError: the splits have different divisors, or one of them cannot be read.

    >>> splits = [Split(np.zeros((count, 8, 8, 1), np.uint8), np.zeros(count)) for count in (60, 20, 20)]
    >>> Dataset(*splits, name="squares")
    Dataset 'squares'
      train:      60 of (8, 8, 1) uint8, divided by 255 unless the network rescales or takes whole numbers
      validation: 20 of (8, 8, 1) uint8, divided by 255 unless the network rescales or takes whole numbers
      test:       20 of (8, 8, 1) uint8, divided by 255 unless the network rescales or takes whole numbers
    >>> Dataset(*splits, divide_by=127.5).train
    60 of (8, 8, 1) uint8, divided by 127.5
    """

    train: Split
    validation: Split
    test: Split
    name: str = "custom"
    divide_by: float | None = None
    in_memory: bool | None = None

    def __post_init__(self):
        for name, kind in {"name": str, "divide_by": Positive | None, "in_memory": bool | None}.items():
            check_value(name, getattr(self, name), kind)
        for name in SPLITS:
            object.__setattr__(self, name, as_split(getattr(self, name), self.in_memory))
        divisors = {split.divide_by for split in self.splits.values()}
        if self.divide_by is not None:
            for name, split in self.splits.items():
                object.__setattr__(self, name, dataclasses.replace(split, divide_by=self.divide_by))
        elif len(divisors) > 1:
            raise InputError(
                "The splits are to be divided by different numbers: "
                + ", ".join(f"{name} by {split.divide_by}" for name, split in self.splits.items())
                + ". Give one number: Dataset(..., divide_by=...)."
            )
        else:
            object.__setattr__(self, "divide_by", *divisors)

    def __repr__(self) -> str:
        splits = "".join(f"\n  {name + ':':12}{split!r}" for name, split in self.splits.items())
        return f"Dataset {self.name!r}{splits}"

    @property
    def splits(self) -> dict[str, Split]:
        """The images of each split by its name."""
        return {name: getattr(self, name) for name in SPLITS}

    @functools.cached_property
    def fingerprint(self) -> str:
        """A hash of every image and label in their order; results of different data are never mixed."""
        digest = hashlib.sha256()
        for split in self.splits.values():
            if isinstance(split, Stream):
                split.digest(digest)
                continue
            for array in leaves(split.examples):
                digest.update(f"{array.dtype}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()[:16]


def as_dataset(data: Any) -> Dataset:
    """Returns a data set as it is, or makes one from the sources of its three splits.

    Raises:
      InputError: the data are neither.
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, Mapping) and data.keys() == {*SPLITS}:
        return Dataset(**data)
    if isinstance(data, (tuple, list)) and len(data) == len(SPLITS) and not any(map(_is_array, data)):
        return Dataset(*data)
    raise InputError(
        f"An experiment needs a Dataset, or three sources: training, validation and test; given: "
        f"{type(data).__name__}. For example: Experiment(model, (train, validation, test), ...)."
    )


def _is_array(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "shape")
