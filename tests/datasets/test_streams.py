"""A streamed split: chosen examples are those of the arrays, whatever the order in which batches can be read."""

import hashlib

import numpy as np
import pytest
from data_sources import IMAGES, LABELS, STREAMS, Changing, InBatches, Loader

from lottery_tf.datasets.sources import as_split
from lottery_tf.errors import InputError


def streamed(source):
    return as_split(source, in_memory=False)


@pytest.mark.parametrize("name", STREAMS)
def test_examples_are_taken_in_any_order_and_more_than_once(name):
    wanted = np.array([66, 8, 7, 0, 8, 64, 23])
    few = streamed(STREAMS[name]()).take(wanted)
    np.testing.assert_array_equal(few.images, IMAGES[wanted])
    np.testing.assert_array_equal(few.labels, LABELS[wanted])


class Counting(InBatches):
    """Notes the numbers of the batches that are read."""

    def __init__(self):
        super().__init__()
        self.read = []

    def __getitem__(self, number):
        self.read.append(number)
        return super().__getitem__(number)


def test_only_batches_with_wanted_examples_are_read():
    source = Counting()
    split = streamed(source)
    source.read.clear()
    split.take(np.array([66, 17, 65, 16]))
    assert source.read == [2, 8]


def test_a_stream_says_what_it_is_and_gives_no_images_at_once():
    split = streamed(InBatches())
    assert (len(split), split.random_access) == (67, True)
    assert repr(split).endswith("takes whole numbers; streamed, by number")
    assert repr(streamed(Loader())).endswith("takes whole numbers; streamed, from the beginning only")
    with pytest.raises(InputError, match="images are not in memory"):
        _ = split.scaled


class Other(InBatches):
    """The same examples, but for one image and one label."""

    def __init__(self, image=None, label=None):
        super().__init__()
        self.image, self.label = image, label

    def __getitem__(self, number):
        images, labels = (part.copy() for part in super().__getitem__(number))
        if number == 0 and self.image is not None:
            images[self.image] += 1
        if number == 0 and self.label is not None:
            labels[self.label] += 1
        return images, labels


class Shorter(InBatches):
    def __len__(self):
        return 8


def digest_of(source):
    digest = hashlib.sha256()
    streamed(source).digest(digest)
    return digest.hexdigest()


def test_other_examples_and_other_counts_have_other_digests():
    """As far as the first batch shows them."""
    assert digest_of(InBatches()) == digest_of(Loader()) == digest_of(Other())
    assert len({digest_of(source) for source in (InBatches(), Other(image=3), Other(label=3), Shorter())}) == 4


def test_a_source_in_another_order_each_time_keeps_its_digest():
    assert digest_of(Changing()) == digest_of(Changing()) != digest_of(Loader())
