"""The same examples from sources of every kind, and a network for them."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

import lottery_tf as lt

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 255, (67, 4, 4, 1)).astype(np.uint8)
LABELS = np.arange(67) % 3
SETTINGS = lt.TrainingSettings(iterations=25, learning_rate=0.01, batch_size=20, eval_interval=10)


class InBatches(keras.utils.PyDataset):
    """The examples in batches of 8; the last has 3."""

    def __init__(self):
        super().__init__()

    def __len__(self):
        return 9

    def __getitem__(self, number):
        rows = slice(number * 8, number * 8 + 8)
        return IMAGES[rows], LABELS[rows]


class Loader:
    """A loader of another library: batches and a length, from the beginning only."""

    def __len__(self):
        return 9

    def __iter__(self):
        return (InBatches()[number] for number in range(9))


class Changing(Loader):
    """Another order at each reading."""

    def __iter__(self):
        order = np.random.permutation(67)
        return ((IMAGES[rows], LABELS[rows]) for rows in np.array_split(order, 9))


def tf_data():
    return tf.data.Dataset.from_tensor_slices((IMAGES, LABELS))


SOURCES = {
    "arrays": lambda: (IMAGES, LABELS),
    "lists": lambda: (list(IMAGES), LABELS.tolist()),
    "tensors": lambda: (tf.constant(IMAGES), tf.constant(LABELS)),
    "tf.data in batches": lambda: tf_data().batch(8),
    "tf.data of examples": tf_data,
    "tf.data of unknown length": lambda: tf_data().filter(lambda image, label: label >= 0),
    "PyDataset": InBatches,
    "loader": Loader,
}


def rows_of(batch):
    """Which examples a batch holds; all images are different."""
    known = {image.tobytes(): number for number, image in enumerate(IMAGES)}
    images, labels = map(np.asarray, batch)
    numbers = [known[image.tobytes()] for image in images]
    np.testing.assert_array_equal(labels, LABELS[numbers])
    return numbers


STREAMS = {name: SOURCES[name] for name in ("PyDataset", "loader", "tf.data in batches", "arrays")}


def network():
    return keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(6, "relu"), layers.Dense(3)])


def dataset(source, **options):
    return lt.Dataset(source(), source(), source(), **options)
