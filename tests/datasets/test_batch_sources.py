"""Batches from any source, also of several sizes, and from sources that change."""

import logging

import numpy as np
import pytest
from data_sources import IMAGES, LABELS, Changing, InBatches, Loader

from lottery_tf.datasets.sources import as_split
from lottery_tf.errors import InputError
from lottery_tf.training.feeds import StreamFeed


def test_a_source_that_changes_is_told(caplog):
    with caplog.at_level(logging.WARNING):
        as_split(Changing())
        assert "Changing gives other examples at each reading" in caplog.text
        as_split(Loader(), in_memory=False)
        assert "Loader can only be read from its beginning" in caplog.text


class Uneven(InBatches):
    """Batches of several sizes, smaller ones between larger ones."""

    ENDS = (0, 8, 12, 20, 28, 36, 44, 52, 60, 67)

    def __getitem__(self, number):
        rows = slice(self.ENDS[number], self.ENDS[number + 1])
        return IMAGES[rows], LABELS[rows]


class UnevenLoader(Loader):
    def __iter__(self):
        return (Uneven()[number] for number in range(9))


class GrowsAtTheEnd(InBatches):
    def __len__(self):
        return 2

    def __getitem__(self, number):
        rows = slice(8) if number == 0 else slice(8, 67)
        return IMAGES[rows], LABELS[rows]


def test_batches_of_several_sizes_are_counted_or_refused():
    """Examples that are found by their index need batches of one size; those read in order do not."""
    assert len(as_split(Uneven(), in_memory=True)) == len(as_split(GrowsAtTheEnd(), in_memory=True)) == 67
    in_order = as_split(UnevenLoader(), in_memory=False)
    assert len(in_order) == 67
    wanted = np.array([66, 9, 12, 0, 27])
    np.testing.assert_array_equal(in_order.take(wanted).images, IMAGES[wanted])
    with pytest.raises(InputError, match="Batch 1 of GrowsAtTheEnd has 59 examples, and batch 0 has 8"):
        as_split(GrowsAtTheEnd(), in_memory=False)
    by_number = StreamFeed(as_split(Uneven(), in_memory=False))
    with pytest.raises(InputError, match="Batch 1 of Uneven has 4 examples, and batch 0 has 8"):
        list(by_number.in_order(20))
