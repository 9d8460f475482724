"""The same architecture has the same names, draws and results, whatever else its process built before."""

import keras
import numpy as np
import pytest

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, initial_weights, model_weights
from lottery_tf.masking.naming import renamed

layers = keras.layers


def network():
    """Layers without names, in a model and in one inside it, and one with a name like Keras's."""
    inner = keras.Sequential([keras.Input((5,)), layers.Dense(5), layers.BatchNormalization()])
    inputs = keras.Input((6, 6, 1))
    x = layers.Dense(5)(layers.Flatten()(inputs))
    return keras.Model(
        inputs, layers.Dense(3, name="head_1")(inner(x) + layers.TimeDistributed(layers.Dense(5))(x[:, None])[:, 0])
    )


def test_a_second_model_of_one_process_has_the_names_and_draws_of_the_first():
    drawn = []
    for _ in range(2):
        model = conversion.masked_copy(network())
        drawn.append(initial_weights.initial_weights(model, model_weights.get_weights(model), 0))
    first, second = drawn
    assert first.keys() == second.keys() and "head_1/kernel" in first
    for name in model_weights.kernels(model):
        np.testing.assert_array_equal(first[name], second[name])


def test_the_layers_of_masked_copies_for_fit_keep_their_names():
    model = network()
    names = [layer.name for layer in model.layers[1:]]
    assert [layer.name for layer in lt.masked(model).layers[1:]] == names
    assert [layer.name for layer in model.layers[1:]] == names


def test_the_projects_own_networks_keep_their_names_and_draws():
    """These bits are those of version 0.1.0."""
    layers.Dense(1), layers.Dense(1), layers.Dense(1)  # Keras has now given the names dense_1 and dense_2 too
    model = conversion.masked_copy(lt.build("fc"))
    assert list(model_weights.kernels(model)) == ["dense_1/kernel", "dense_2/kernel", "output/kernel"]
    plain = conversion.masked_copy(lt.unmasked(lt.build("fc")))
    assert list(model_weights.kernels(plain)) == list(model_weights.kernels(model))
    drawn = initial_weights.initial_weights(model, {}, 0)
    from lottery_tf.seeds import generator, glorot_normal

    for name, kernel in drawn.items():
        expected = glorot_normal(kernel.shape, generator(0, "initial weights", name))
        np.testing.assert_array_equal(kernel, expected)


def test_weights_under_other_numbers_are_taken():
    first, second = network(), network()
    state = model_weights.get_weights(first)
    assert state.keys() != model_weights.variables(second).keys()
    lt.set_weights(second, state)
    for a, b in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(InputError, match="are not those of the model"):
        lt.set_weights(lt.build("fc"), state)


def test_names_that_differ_in_more_than_numbers_stay():
    values = {"dense_3/kernel": 1, "other/kernel": 2}
    assert renamed(values, ["dense/kernel", "dense_1/kernel"]) == values
    assert renamed(values, ["other/kernel", "dense/kernel"]) == {"other/kernel": 2, "dense/kernel": 1}


@pytest.mark.slow
def test_results_are_found_again_by_a_model_that_is_built_anew(tiny_dataset, tmp_path):
    def experiment():
        model = keras.Sequential([keras.Input((6, 6, 1)), layers.Flatten(), layers.Dense(4, "relu"), layers.Dense(3)])
        results = lt.ResultsFolder(tmp_path, {"model": "mine"})
        return lt.Experiment(model, tiny_dataset, lt.TrainingSettings(iterations=5, eval_interval=5), results=results)

    first = list(experiment().levels(lt.Treatment(), 0, 1))
    again = experiment()
    found = list(again.levels(lt.Treatment(), 0, 1))
    assert again.trainings == 0
    for a, b in zip(first, found, strict=True):
        assert a.mask.keys() == b.mask.keys()
    assert list(again.levels(lt.Treatment(), 0, 2))[-1].mask.keys() == first[-1].mask.keys()


@pytest.mark.slow
def test_results_under_the_names_of_an_older_version_are_read(tiny_dataset, tmp_path):
    """An older version stored what a second model of a process is called by Keras."""
    model = keras.Sequential([keras.Input((6, 6, 1)), layers.Flatten(), layers.Dense(4, "relu"), layers.Dense(3)])
    settings = lt.TrainingSettings(iterations=5, eval_interval=5)
    results = lt.ResultsFolder(tmp_path, {"model": "mine"})
    experiment = lt.Experiment(model, tiny_dataset, settings, results=results)
    dense = experiment.dense(0, weights=True)
    numbers = {"dense/": "dense_7/", "dense_1/": "dense_8/"}

    def as_before(arrays):
        found = {}
        for name, value in arrays.items():
            layer, _, variable = name.partition("/")
            found[numbers[f"{layer}/"] + variable] = value
        return found

    older = {part: as_before(getattr(dense, part)) for part in ("mask", "start", "final")}
    results.write("seed-0/dense", lt.StoredResult(metrics=dense.metrics, history=dense.history, **older))
    level = list(experiment.levels(lt.Treatment(), 0, 1))[1]
    assert level.mask.keys() == dense.mask.keys()
    loaded = experiment.load(lt.Treatment(), 0, 0)
    np.testing.assert_array_equal(loaded.layers[-1].kernel, dense.final["dense_1/kernel"])
