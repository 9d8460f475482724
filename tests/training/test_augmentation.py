"""Augmentation against slicing by hand."""

import keras
import numpy as np
from shared import functions_with

from lottery_tf.models import settings
from lottery_tf.training import augmentation


def test_the_augmentations_that_are_listed_are_the_functions_that_are_there():
    assert functions_with(augmentation, ["images", "drawn", "channels_first"]) == set(settings.AUGMENTATIONS)


def test_images_are_mirrored_and_cut_out_of_a_black_frame():
    images = np.random.default_rng(0).integers(1, 256, (40, 7, 5, 3), np.uint8)
    drawn = augmentation.draws(0, 1, 40, seed=0, level=0)[0]
    found = augmentation.flip_and_crop(images, drawn).numpy()
    assert found.dtype == np.uint8
    for image, (down, right, mirrored), result in zip(images, drawn, found, strict=True):
        framed = np.zeros((15, 13, 3), np.uint8)
        framed[4:11, 4:9] = image
        cut = framed[down : down + 7, right : right + 5]
        np.testing.assert_array_equal(result, cut[:, ::-1] if mirrored else cut)


def test_every_place_is_drawn_and_half_are_mirrored():
    drawn = augmentation.draws(0, 20, 100, seed=0, level=0).reshape(-1, 3)
    assert [sorted(set(column)) for column in drawn.T.tolist()] == [list(range(9)), list(range(9)), [0, 1]]
    assert 900 < drawn[:, 2].sum() < 1100


def test_draws_depend_on_seed_level_and_iteration_alone():
    whole = augmentation.draws(0, 10, 16, seed=1, level=2)
    np.testing.assert_array_equal(augmentation.draws(4, 3, 16, seed=1, level=2), whole[4:7])
    assert len({row.tobytes() for row in whole}) == 10
    for seed, level in ((0, 2), (1, 0)):
        assert (augmentation.draws(0, 10, 16, seed, level) != whole).any()


def test_images_whose_channels_come_first_are_turned_as_others_are():
    images = np.random.default_rng(0).integers(1, 256, (9, 7, 5, 3), np.uint8)
    drawn = augmentation.draws(0, 1, 9, seed=0, level=0)[0]
    first = augmentation.flip_and_crop(np.moveaxis(images, -1, 1), drawn, channels_first=True)
    np.testing.assert_array_equal(np.moveaxis(first, 1, -1), augmentation.flip_and_crop(images, drawn))


def test_a_model_says_whether_channels_come_first():
    for form in ("channels_first", "channels_last"):
        convolution = keras.layers.Conv2D(2, 3, padding="same", data_format=form)
        model = keras.Sequential([keras.Input((6, 6, 6)), keras.layers.ReLU(), convolution, keras.layers.Flatten()])
        assert augmentation.channels_come_first(model) == (form == "channels_first")
