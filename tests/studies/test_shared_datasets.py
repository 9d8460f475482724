"""Data sets as arrays on disk: they are read back unchanged; a full disk is reported."""

import resource

import numpy as np
import pytest

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.studies.shared_datasets import map_dataset, save_dataset

pytestmark = pytest.mark.slow  # does what a study's workers do: trains


def test_a_folder_that_cannot_take_the_data_is_named_with_what_they_take(digits, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(InputError, match=r"Cannot write the 1 MB of digits to .*digits \(.*TMPDIR"):
            save_dataset(digits, tmp_path / "digits")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_data_set_comes_back_from_its_arrays(digits, tmp_path):
    save_dataset(digits, tmp_path / "digits")
    found = map_dataset(tmp_path / "digits")
    assert found.fingerprint == digits.fingerprint and found.name == "digits"
    assert lt.Dataset(found.train, found.validation, found.test).fingerprint == digits.fingerprint
    assert isinstance(found.train.images, np.memmap)
