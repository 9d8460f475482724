"""The experiment of a paper's network: where its results are, what they say of it, and whose they are."""

import dataclasses
import json

import keras
import pytest

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.models.settings import experiment_settings
from lottery_tf.paper_networks import paper_experiment

pytestmark = pytest.mark.slow  # experiments are made again and again

SETTINGS = experiment_settings("fc", "digits", "3", batch_size=20, dense_pruned_fraction=0.5)


def test_levels_stand_in_the_folder_of_the_settings_and_name_the_network(digits, tmp_path):
    experiment = paper_experiment(SETTINGS, digits, tmp_path, keep_weights=False)
    level = experiment.level(lt.Treatment(), 0, 1)
    stored = json.loads((tmp_path / "fc-digits/3/seed-0/large_final-rewind-zero/level-01/metrics.json").read_text())
    labels = {name: stored[name] for name in ("network", "dataset", "schedule", "precision")}
    assert labels == {"network": "fc", "dataset": "digits", "schedule": "3", "precision": "float32"}
    assert {name: int(kept.sum()) for name, kept in level.mask.items()} == {
        "dense_1/kernel": 784 * 300 // 2, "dense_2/kernel": 300 * 100 // 2, "output/kernel": 900,
    }  # fmt: skip
    assert level.history[-1, 0] == 3
    assert stored["keep_weights"] is False, "further arguments are those of an experiment"


def test_the_settings_stand_beside_the_levels_with_a_mark_of_the_images(digits, tmp_path):
    paper_experiment(SETTINGS, digits, tmp_path)
    settings = json.loads((tmp_path / "fc-digits/3/settings.json").read_text())
    assert settings.pop("data") == digits.fingerprint
    assert settings == json.loads(json.dumps(dataclasses.asdict(SETTINGS)))


def test_other_images_or_settings_are_refused_in_the_same_folder(digits, tmp_path):
    paper_experiment(SETTINGS, digits, tmp_path)
    with pytest.raises(InputError, match="data is"):
        paper_experiment(SETTINGS, dataclasses.replace(digits, train=digits.test), tmp_path)
    other = experiment_settings("fc", "digits", "3", batch_size=30, dense_pruned_fraction=0.5)
    with pytest.raises(InputError, match="training.batch_size is 20 there, 30 here"):
        paper_experiment(other, digits, tmp_path)


def test_the_network_is_for_the_images_and_has_the_dropout_of_the_settings(digits, tmp_path):
    small = lt.Dataset(
        *(lt.Split(split.images[:, ::4, ::4], split.labels) for split in (digits.train, digits.validation, digits.test))
    )
    settings = experiment_settings("fc", "digits", "3", dropout=0.25)
    model = paper_experiment(settings, small, tmp_path).model
    assert model.input_shape == (None, 7, 7, 1)
    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [0.25, 0.25]
