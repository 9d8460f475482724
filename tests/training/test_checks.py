"""Models, data sets and settings that do not fit each other are refused in a sentence."""

import dataclasses

import keras
import numpy as np
import pytest
from short_trainings import CHANGING, SETTINGS, half_ticket

from lottery_tf.datasets.dataset import Dataset
from lottery_tf.datasets.splits import Split
from lottery_tf.errors import InputError
from lottery_tf.masking import conversion
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.training.trainer import Trainer


def test_images_that_cannot_be_augmented_are_refused(tiny_dataset):
    flat = [Split(split.images.reshape(len(split), -1), split.labels)
            for split in (tiny_dataset.train, tiny_dataset.validation, tiny_dataset.test)]  # fmt: skip
    model = keras.Sequential([keras.Input((36,)), keras.layers.Dense(3)])
    with pytest.raises(InputError, match=r"needs images with height, width and channels; these have shape \(36,\)"):
        Trainer(model, Dataset(*flat), CHANGING)


def test_what_cannot_be_trained_is_refused(tiny_model, tiny_dataset):
    with pytest.raises(InputError, match="batch_size is 281, but there are 280 training images"):
        Trainer(tiny_model, tiny_dataset, dataclasses.replace(SETTINGS, batch_size=281))
    odd = Split(tiny_dataset.train.images[:, :5], tiny_dataset.train.labels)
    with pytest.raises(InputError, match=r"images have shape \(5, 6, 1\); the model .* takes \(6, 6, 1\)"):
        Trainer(tiny_model, dataclasses.replace(tiny_dataset, train=odd), SETTINGS)
    for part in ("train", "validation", "test"):
        split = getattr(tiny_dataset, part)
        odd = {part: Split(split.images, split.labels + 1)}
        with pytest.raises(InputError, match=f"largest {part} label is 3; the model .* has 3 outputs"):
            Trainer(tiny_model, dataclasses.replace(tiny_dataset, **odd), SETTINGS)
    steps = [keras.layers.LSTM(3, stateful=True), keras.layers.Dense(3)]
    stateful = keras.Sequential([keras.Input(batch_shape=(20, 6, 1)), *steps])
    sequences = Dataset(*[Split(np.zeros((40, 6, 1), np.float32), np.arange(40) % 3)] * 3)
    with pytest.raises(InputError, match="'lstm.*' is stateful"):
        Trainer(conversion.masked(stateful), sequences, dataclasses.replace(SETTINGS, batch_size=20))
    with pytest.raises(InputError, match="Unknown optimizer 'adm'; did you mean 'adam'"):
        dataclasses.replace(SETTINGS, optimizer="adm")


@pytest.mark.slow
def test_images_of_any_size_fit_a_model_that_takes_any(few_colour_images):
    def trainer(channels):
        layers = [keras.layers.Conv2D(2, 3), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)]
        model = conversion.masked(keras.Sequential([keras.Input((None, None, channels)), *layers]))
        return Trainer(model, few_colour_images, TrainingSettings(iterations=2, batch_size=4, eval_interval=1))

    free = trainer(3)
    assert np.isfinite(free.train(half_ticket(free.model), 0, 1).test_accuracy)
    with pytest.raises(InputError, match=r"have shape \(8, 8, 3\); the model .* takes \(None, None, 1\)"):
        trainer(1)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("number", [7, -1])
def test_numbers_without_a_row_in_an_embedding_are_refused(part, number):
    """XLA would take another row without a word."""
    ids, size = keras.Input((4,), dtype="int32", name="ids"), keras.Input((1,), name="size")
    words = keras.layers.Flatten()(keras.layers.Embedding(7, 2, name="words")(ids))
    model = conversion.masked(keras.Model([ids, size], keras.layers.Dense(3)(keras.ops.concatenate([words, size], 1))))
    rng = np.random.default_rng(0)

    def split():
        return (rng.integers(0, 7, (40, 4)).astype("int32"), np.full((40, 1), 99, np.float32)), np.arange(40) % 3

    splits = {name: split() for name in ("train", "validation", "test")}
    settings = dataclasses.replace(SETTINGS, batch_size=20)
    Trainer(model, Dataset(*splits.values()), settings)
    splits[part][0][0][3, 2] = number
    with pytest.raises(InputError, match=f"The {part} data have the number {number}; 'words' has rows for 0 to 6"):
        Trainer(model, Dataset(*splits.values()), settings)


def test_a_model_that_keras_trains_and_cannot_evaluate_is_told(tiny_dataset):
    """RandomCrop crops in a training only."""
    layers = [keras.layers.RandomCrop(4, 4), keras.layers.Flatten(), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((6, 6, 1)), *layers], name="cropped")
    images = tiny_dataset.validation.scaled[:5]
    assert model(images, training=True).shape == (5, 3)
    with pytest.raises(ValueError, match="incompatible"):
        model.predict(images, verbose=0)
    trainer = Trainer(conversion.masked(model), tiny_dataset, SETTINGS)
    message = "^The model 'cropped' cannot be evaluated: Input 0 .* Keras's own evaluate fails likewise"
    with pytest.raises(InputError, match=message):
        trainer.evaluate("validation")
