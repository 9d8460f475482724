"""Unusual models (other dtypes, lambdas) train, or a message says why not.

A behaviour of several modules: trainer, objective, feeds, experiment.
"""

import dataclasses
import types

import keras
import numpy as np
import pytest
from keras import layers

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.training.trainer import Trainer

SETTINGS = lt.TrainingSettings(iterations=10, learning_rate=0.01, batch_size=40, eval_interval=5, weight_decay=1e-3)


def network(dtype=None, activation="relu", last=None):
    own = {"dtype": dtype}
    stack = [layers.Flatten(**own), layers.Dense(6, activation, **own), layers.Dense(3, **own | (last or {}))]
    return keras.Sequential([keras.Input((6, 6, 1)), *stack])


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "mixed_bfloat16"])
def test_outputs_of_other_types(dtype, tiny_dataset):
    experiment = lt.Experiment(network(dtype), tiny_dataset, SETTINGS)
    levels = list(experiment.levels(lt.Treatment(), 0, 2))
    assert [level.metrics["status"] for level in levels] == ["finished"] * 3
    for name, kept in levels[-1].mask.items():
        assert levels[-1].final[name][~kept].tobytes() == levels[-1].start[name][~kept].tobytes()


def test_weights_in_bfloat16_are_refused(tiny_dataset):
    with pytest.raises(InputError, match="are bfloat16, which files of results cannot hold"):
        lt.Experiment(network("bfloat16"), tiny_dataset, SETTINGS)


@pytest.mark.slow
def test_lambdas(tiny_dataset):
    """As activations, in layers of their own, and before Keras has saved or loaded anything."""

    def made_of(last):
        stack = [layers.Flatten(), layers.Dense(6, lambda x: keras.ops.maximum(x, 0)), layers.Dense(3), last]
        return keras.Sequential([keras.Input((6, 6, 1)), *stack])

    own = made_of(layers.Lambda(lambda x: 2 * x, output_shape=(3,)))
    copy = lt.masked(own)
    images = tiny_dataset.test.scaled
    np.testing.assert_array_equal(copy(images), own(images))
    np.testing.assert_array_equal(lt.unmasked(copy)(images), own(images))
    experiment = lt.Experiment(own, tiny_dataset, SETTINGS)
    assert len(list(experiment.levels(lt.Treatment(), 0, 1))) == 2


@pytest.mark.slow
def test_a_kernel_behind_a_stop_gradient_cannot_be_ranked_by_its_gradient(tiny_dataset):
    inputs = keras.Input((6, 6, 1))
    hidden = layers.Dense(6, name="cut_off")(layers.Flatten()(inputs))
    model = keras.Model(inputs, layers.Dense(3)(keras.ops.stop_gradient(hidden)))
    experiment = lt.Experiment(model, tiny_dataset, SETTINGS)
    assert len(list(experiment.levels(lt.Treatment("movement"), 0, 1))) == 2
    with pytest.raises(InputError, match="The loss does not depend on .*cut_off.* ranked by their gradient"):
        list(experiment.levels(lt.Treatment("snip"), 0, 1))


def test_lists_of_images(tiny_dataset):
    listed = lt.Dataset(*((list(split.images), split.labels.tolist()) for split in tiny_dataset.splits.values()))
    assert listed.fingerprint == lt.Dataset(*tiny_dataset.splits.values()).fingerprint


def test_labels_a_pixel_are_not_moved_with_the_images():
    images, labels = np.zeros((60, 6, 6, 1), np.uint8), np.zeros((60, 6, 6), int)
    data = lt.Dataset(*[(images, labels)] * 3)
    model = lt.masked(keras.Sequential([keras.Input((6, 6, 1)), layers.Dense(3)]))
    with pytest.raises(InputError, match="moves images, but not labels"):
        Trainer(model, data, dataclasses.replace(SETTINGS, augmentation="flip_and_crop"))


def test_a_model_for_several_devices_is_refused(tiny_model, tiny_dataset, monkeypatch):
    two = types.SimpleNamespace(num_replicas_in_sync=2)
    monkeypatch.setattr(type(tiny_model), "distribute_strategy", two)
    with pytest.raises(InputError, match="was built for 2 devices. A training runs on one"):
        Trainer(tiny_model, tiny_dataset, SETTINGS)


def test_optimizer_objects_and_schedules_have_a_place_of_their_own():
    for wrong in (
        {"optimizer": keras.optimizers.Lion()},
        {"learning_rate": keras.optimizers.schedules.CosineDecay(1, 1)},
    ):
        with pytest.raises(InputError, match=f"{next(iter(wrong))} .*Experiment"):
            lt.TrainingSettings(iterations=10, **wrong)
