"""Loads data sets by name, as unsigned bytes with a fixed validation split, so that every process has equal arrays.

scikit-learn brings `digits`. The others are read with tensorflow-datasets from `data_dir`, TFDS_DATA_DIR or
~/tensorflow_datasets, and are downloaded if they are not there.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from lottery_tf import datasets, errors
from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import Count, Name
from lottery_tf.datasets.dataset import Dataset
from lottery_tf.datasets.splits import Split
from lottery_tf.datasets.standardized import standardized
from lottery_tf.errors import InputError
from lottery_tf.models.settings import DATASETS, DatasetSettings
from lottery_tf.registry import choose
from lottery_tf.system import file_locks

log = logging.getLogger(__name__)


@checked
def load(
    name: Name, data_dir: str | os.PathLike | None = None, image_shape: tuple[Count, Count, Count] = (28, 28, 1)
) -> Dataset:
    """Loads a data set of `settings.DATASETS`.

    Args:
      name: a name in `settings.DATASETS`.
      data_dir: the folder of tensorflow-datasets; None takes TFDS_DATA_DIR or ~/tensorflow_datasets.
      image_shape: the shape of `digits`, which are resized to it; the others keep their own shape.

    Returns:
      The images as uint8, or as float32 if they are standardized. The last images of the training split, in the data
      set's own fixed order, are held out for validation: one split for all seeds.

    Raises:
      InputError: an unknown name, or data that are missing or cannot be downloaded, or that are not those of this name.
    """
    settings = choose(DATASETS, name, "data set")
    stored_name = settings.standardized or name
    if name == "digits":
        train, test = datasets.digits.read(settings.train, image_shape)
    else:
        train, test = _tfds(stored_name, settings, data_dir)
    cut = settings.train - settings.validation
    splits = [Split(train.images[:cut], train.labels[:cut]), Split(train.images[cut:], train.labels[cut:]), test]
    train, validation, test = standardized(splits) if settings.standardized else splits
    return Dataset(train, validation, test, name)


def _tfds(name: str, settings: DatasetSettings, data_dir: str | os.PathLike | None) -> tuple[Split, Split]:
    """Returns the training and test images of tensorflow-datasets, which are downloaded if they are missing."""
    import tensorflow_datasets as tfds

    looked_in = Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    with _damage_named(looked_in / name):
        builder = tfds.builder(name, data_dir=str(looked_in), try_gcs=False)
        is_prepared = builder.is_prepared()
    if not is_prepared:
        builder = _downloaded(name, looked_in)
    with _damage_named(looked_in / name):
        train, test = (_read(builder, split) for split in ("train", "test"))
    _check_split(name, train, settings.train, settings, looked_in)
    _check_split(name, test, settings.test, settings, looked_in)
    return train, test


@contextlib.contextmanager
def _damage_named(folder: Path) -> Iterator[None]:
    """Turns any error of tensorflow-datasets about a damaged folder into an InputError that names the folder."""
    try:
        yield
    except Exception as error:
        if errors.user_message(error) is not None:  # an error that already has a message for users
            raise
        message = getattr(error, "message", "") or str(error) or type(error).__name__
        # TFDS prints the failed call before the error.
        what = message.strip().splitlines()[0].rstrip(".").rpartition('}": ')[2]
        raise InputError(
            f"The data set in {folder} is damaged: {what}. Delete that folder and prepare it anew."
        ) from error


def _downloaded(name: str, looked_in: Path):
    """Returns a data set's builder after its download, which one process does while others wait for it."""
    import tensorflow_datasets as tfds

    builder = functools.partial(tfds.builder, name, data_dir=str(looked_in), try_gcs=False)
    try:
        _reach_network()
        looked_in.mkdir(parents=True, exist_ok=True)
        with file_locks.locked(looked_in / f".{name}.lock"):
            if not builder().is_prepared():
                log.warning("%s is not in %s; downloading it there.", name, looked_in)
                builder().download_and_prepare()
            return builder()
    except Exception as error:  # tensorflow-datasets raises classes of its own, some of them private
        if isinstance(error, InputError) or errors.is_full(error):
            raise
        raise InputError(
            f"The data set {name!r} is not in {looked_in} and could not be downloaded "
            f"({str(error) or type(error).__name__}). Give --data_dir (or TFDS_DATA_DIR) a folder that holds "
            f'{name}/{builder().version}, or prepare one where there is a network: python -c "import '
            f"tensorflow_datasets as tfds; tfds.load('{name}', "
            'data_dir=...)". --dataset=digits needs no files at all.'
        ) from error


def _reach_network() -> None:
    """Raises OSError at once where there is no network; tensorflow-datasets would retry for minutes."""
    try:
        urllib.request.urlopen("https://storage.googleapis.com", timeout=10).close()
    except urllib.error.HTTPError:
        pass  # any answer over HTTP shows that there is a network


def _read(builder, split: str) -> Split:
    arrays = builder.as_dataset(split=split, batch_size=-1, shuffle_files=False)
    return Split(arrays["image"].numpy(), arrays["label"].numpy())


def _check_split(name: str, split: Split, size: int, settings: DatasetSettings, looked_in: Path) -> None:
    found = (split.images.shape, split.images.dtype.name, int(split.labels.max()) + 1)
    wanted = ((size, *(settings.image_shape or ())), "uint8", settings.classes)
    if found != wanted:
        raise InputError(
            f"{looked_in} holds another data set under the name {name!r}: images and classes are {found}, "
            f"wanted {wanted}."
        )
