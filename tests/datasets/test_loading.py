"""Data sets by name: the embedded digits, the validation split, and messages if data are missing or wrong."""

import fcntl
import json
import shutil

import numpy as np
import pytest

from lottery_tf.datasets import loading
from lottery_tf.errors import InputError
from lottery_tf.models import settings


def test_splits_do_not_overlap(digits):
    assert [len(split) for split in (digits.train, digits.validation, digits.test)] == [1200, 300, 297]
    seen = [image.tobytes() for split in (digits.train, digits.validation, digits.test) for image in split.images]
    assert len(set(seen)) > 1790  # a few of the 1,797 digits are equal after all


def test_a_damaged_data_set_is_named(real_data_dir, tmp_path):
    shutil.copytree(real_data_dir / "mnist", tmp_path / "mnist")
    (records,) = (tmp_path / "mnist").rglob("mnist-test.tfrecord-*")
    content = bytearray(records.read_bytes())
    content[len(content) // 2] ^= 255
    records.write_bytes(content)
    with pytest.raises(InputError, match=f"The data set in {tmp_path}/mnist is damaged"):
        loading.load("mnist", str(tmp_path))


OTHERS = json.dumps({"name": "cifar10", "version": "3.0.2", "fileFormat": "tfrecord"}).encode()


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b'{"name": "mn', b"[]", b"\xff\xfe", b'{"what": 1}', OTHERS])
def test_a_data_sets_description_that_is_damaged_or_anothers_is_named(content, tmp_path):
    description = tmp_path / "mnist" / "3.0.1" / "dataset_info.json"
    description.parent.mkdir(parents=True)
    description.write_bytes(content)
    with pytest.raises(InputError, match=f"The data set in {tmp_path}/mnist is damaged: .*prepare it anew") as raised:
        loading.load("mnist", str(tmp_path))
    assert "builder_kwargs" not in str(raised.value) and len(str(raised.value).splitlines()) == 1


def test_absent_data_without_a_network(tmp_path, monkeypatch):
    def unreachable(url, timeout):
        raise OSError("no network")

    monkeypatch.setattr(loading.urllib.request, "urlopen", unreachable)
    with pytest.raises(InputError) as error:
        loading.load("mnist", str(tmp_path / "nothing"))
    message = str(error.value)
    assert f"not in {tmp_path}/nothing and could not be downloaded (no network)" in message
    assert "TFDS_DATA_DIR" in message
    assert "--dataset=digits needs no files" in message


class Downloading:
    """Stands for a data set that another process may have downloaded meanwhile."""

    version = "1.0"

    def __init__(self, prepared, lock, error=None):
        self._prepared, self._lock, self._error, self.downloads = iter(prepared), lock, error, 0

    def is_prepared(self):
        return next(self._prepared)

    def download_and_prepare(self):
        self.downloads += 1
        with open(self._lock) as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if self._error:
            raise self._error

    def as_dataset(self, split, **_):
        import tensorflow as tf

        size = settings.DATASETS["mnist"].train if split == "train" else settings.DATASETS["mnist"].test
        return {"image": tf.zeros((size, 28, 28, 1), tf.uint8), "label": tf.range(size, dtype=tf.int64) % 10}


@pytest.mark.parametrize(("prepared", "downloads"), [((False, False), 1), ((False, True), 0)])
def test_of_two_commands_one_downloads(prepared, downloads, tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    builder = Downloading(prepared, tmp_path / "new" / ".mnist.lock")
    monkeypatch.setattr(tfds, "builder", lambda *args, **options: builder)
    monkeypatch.setattr(loading, "_reach_network", lambda: None)
    assert len(loading.load("mnist", str(tmp_path / "new")).test) == 10_000
    assert builder.downloads == downloads


def test_a_download_that_fails_is_told_in_a_sentence(tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    error = tfds.download.DownloadError("Failed to get url. HTTP code: 503.")
    builder = Downloading((False, False), tmp_path / ".mnist.lock", error)
    monkeypatch.setattr(tfds, "builder", lambda *args, **options: builder)
    monkeypatch.setattr(loading, "_reach_network", lambda: None)
    with pytest.raises(InputError, match=r"could not be downloaded \(Failed to get url. HTTP code: 503.\)"):
        loading.load("mnist", str(tmp_path))


class FakeBuilder:
    """Stands for a prepared folder that holds something else than its name says."""

    version = "1.0"

    def __init__(self, images):
        self._images = images

    def is_prepared(self):
        return True

    def as_dataset(self, split, **_):
        import tensorflow as tf

        return {"image": tf.constant(self._images), "label": tf.zeros(len(self._images), tf.int64)}


@pytest.mark.parametrize("images", [np.zeros((5, 28, 28, 1), np.uint8), np.zeros((5, 32, 32, 3), np.float32)])
def test_a_wrong_data_set_is_refused(images, tmp_path, monkeypatch):
    import tensorflow_datasets as tfds

    monkeypatch.setattr(tfds, "builder", lambda *args, **options: FakeBuilder(images))
    with pytest.raises(InputError, match="holds another data set under the name 'mnist'"):
        loading.load("mnist", str(tmp_path))


SIZES = {  # data set -> images of the splits train, validation and test
    "mnist": (55_000, 5_000, 10_000),
    "cifar10": (45_000, 5_000, 10_000),
}


@pytest.mark.parametrize("name", SIZES)
def test_real_data_where_they_are(name, real_data_dir):
    dataset = loading.load(name, str(real_data_dir))
    assert (len(dataset.train), len(dataset.validation), len(dataset.test)) == SIZES[name]
    assert dataset.train.images.dtype == np.uint8
    assert set(np.unique(dataset.validation.labels)) == set(range(settings.DATASETS[name].classes))
