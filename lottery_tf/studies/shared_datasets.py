"""Data sets as arrays on disk, which all processes of a study map into memory. It does not import TensorFlow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lottery_tf.datasets.dataset import SPLITS, Dataset
from lottery_tf.datasets.splits import Split
from lottery_tf.errors import InputError
from lottery_tf.models.table_s1 import NETWORKS

TEMPORARY_FOLDER = "temporary"  # the folder of the processes' temporary files, beside the data sets


def dataset_folder(datasets: Path, name: str, network: str) -> Path:
    """Returns the folder of a data set in the image shape that a network takes."""
    return datasets / "x".join(map(str, NETWORKS[network].image_shape)) / name


def save_dataset(dataset: Dataset, folder: Path) -> None:
    """Writes a data set to a folder.

    Raises:
      InputError: the data set cannot be written to the folder.
    """
    try:
        folder.mkdir(parents=True)
        for name, split in dataset.splits.items():
            np.save(folder / f"{name}-images.npy", split.images)
            np.save(folder / f"{name}-labels.npy", split.labels)
        (folder / "fingerprint").write_text(dataset.fingerprint)
    except OSError as error:
        megabytes = sum(split.images.nbytes + split.labels.nbytes for split in dataset.splits.values()) / 1e6
        raise InputError(
            f"Cannot write the {megabytes:,.0f} MB of {dataset.name} to {folder} ({error}). Free some space there, or "
            "set TMPDIR to another folder."
        ) from error


def map_dataset(folder: Path) -> Dataset:
    """Returns the data set that `save_dataset` wrote to a folder of its name, mapped into memory."""

    def array(name: str) -> np.ndarray:
        return np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)

    splits: dict[str, Any] = {split: Split(array(f"{split}-images"), array(f"{split}-labels")) for split in SPLITS}
    dataset = Dataset(**splits, name=folder.name)
    # Hashing every image again would take a second.
    vars(dataset)["fingerprint"] = saved_fingerprint(folder)
    return dataset


def saved_fingerprint(folder: Path) -> str:
    """Returns the fingerprint of the data set that `save_dataset` wrote to a folder."""
    return (folder / "fingerprint").read_text()
