"""Data sets: how they are printed, how they are told apart, and splits that do not fit together."""

import dataclasses

import numpy as np
import pytest
from data_sources import IMAGES, LABELS, SETTINGS, InBatches, Loader, dataset, network, tf_data

import lottery_tf as lt
from lottery_tf.datasets import loading
from lottery_tf.datasets.dataset import Dataset
from lottery_tf.datasets.splits import Split
from lottery_tf.errors import InputError


def test_a_data_set_says_it_once_and_shows_it(tiny_dataset):
    assert "train:      280 of (6, 6, 1) uint8, divided by 255 unless the network" in repr(tiny_dataset)
    said = dataclasses.replace(tiny_dataset, divide_by=2)
    assert {split.divide_by for split in said.splits.values()} == {2}
    assert repr(said).count("uint8, divided by 2\n") == 2
    assert "given as they are" in repr(dataclasses.replace(tiny_dataset, divide_by=1).test)
    np.testing.assert_array_equal(said.test.scaled, said.test.images / np.float32(2))
    for number in (0, -1, float("nan"), "255", True):
        with pytest.raises(InputError, match="divide_by is .*; it must be a (finite )?number"):
            dataclasses.replace(tiny_dataset, divide_by=number)
    with pytest.raises(InputError, match="divided by different numbers: train by 2, validation by None"):
        lt.Dataset(dataclasses.replace(tiny_dataset.train, divide_by=2), tiny_dataset.validation, tiny_dataset.test)
    assert lt.Dataset(*said.splits.values()).divide_by == 2


def test_fingerprints_of_streams_tell_data_apart():
    one, same = (dataset(InBatches, in_memory=False).fingerprint for _ in range(2))
    other = lt.Dataset(InBatches(), InBatches(), Loader(), in_memory=False)
    shorter = dataclasses.replace(other, test=lt.Split(IMAGES, LABELS))
    assert one == same == other.fingerprint != shorter.fingerprint


def test_one_source_is_not_three():
    with pytest.raises(InputError, match="training, validation and test"):
        lt.Experiment(network(), tf_data(), SETTINGS)
    with pytest.raises(InputError, match="training, validation and test"):
        lt.Experiment(network(), (IMAGES, LABELS), SETTINGS)


def test_the_fingerprint_tells_data_apart(digits):
    assert digits.fingerprint == loading.load("digits").fingerprint
    changed = digits.test.images.copy()
    changed[0, 0, 0, 0] ^= 1
    other = Dataset(digits.train, digits.validation, Split(changed, digits.test.labels))
    assert other.fingerprint != digits.fingerprint


def test_unequal_or_empty_splits_are_refused():
    with pytest.raises(InputError, match="3 images but 2 labels"):
        Split(np.zeros((3, 2)), np.zeros(2))
    with pytest.raises(InputError, match="empty"):
        Split(np.zeros((0, 2)), np.zeros(0))
