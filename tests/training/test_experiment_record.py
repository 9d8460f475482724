"""An experiment uses its own results and refuses those of another."""

import dataclasses
import json

import keras
import numpy as np
import pytest
from dense_networks import network
from keras import layers
from shared import tiny_network

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, model_weights
from lottery_tf.results.paths import EXPERIMENT_RECORD
from lottery_tf.training.trainer import Trainer

pytestmark = pytest.mark.slow  # experiments are made again and again

SETTINGS = lt.TrainingSettings(iterations=10, learning_rate=0.01, batch_size=40, eval_interval=5)


@pytest.fixture(scope="module")
def trainer(tiny_dataset):
    return Trainer(tiny_network(), tiny_dataset, SETTINGS)


def make(dataset, results, model=None, training=SETTINGS, **options):
    return lt.Experiment(model or tiny_network(), dataset, training, results=results, **options)


OTHERS = {
    "model.2.config.units is 12 there, 13 here": {"model": lambda: network(units=13)},
    "model.layers is 4 there, 5 here": {"model": lambda: network(layers.Dense(4))},
    "training.iterations is 10 there, 20 here": {"training": dataclasses.replace(SETTINGS, iterations=20)},
    "pruning.dense is 0.2 there, 0.5 here": {"pruning": lt.PruningSettings(dense=0.5)},
    "from_logits is True there, False here": {"from_logits": False},
}


@pytest.mark.parametrize("in_memory", [True, False])
def test_results_of_another_experiment_are_refused_with_the_difference(in_memory, tiny_dataset, trainer, tmp_path):
    folder = tmp_path / "mine"
    results = lt.MemoryResults() if in_memory else lt.ResultsFolder(folder, {"model": "mine"})
    first = make(tiny_dataset, results, trainer=trainer)
    list(first.levels(lt.Treatment(), 0, 1))
    for difference, other in OTHERS.items():
        arguments = other | ({"model": other["model"]()} if "model" in other else {})
        with pytest.raises(InputError, match=difference):
            make(tiny_dataset, results if in_memory else lt.ResultsFolder(folder, {"model": "mine"}), **arguments)
    changed = dataclasses.replace(tiny_dataset, divide_by=2)
    with pytest.raises(InputError, match=r"images is divided by 255 there, divided by 2 here"):
        make(changed, results)
    with pytest.raises(InputError, match="data is"):
        make(dataclasses.replace(tiny_dataset, train=tiny_dataset.test), results)
    again = make(tiny_dataset, results, trainer=trainer, model=lt.unmasked(tiny_network()))
    list(again.levels(lt.Treatment(), 0, 1))
    assert (first.trainings, again.trainings) == (2, 0)


def test_a_folder_from_before_there_were_records_is_taken_up_by_the_same_experiment(tiny_dataset, trainer, tmp_path):
    results = lt.ResultsFolder(tmp_path, {})
    list(make(tiny_dataset, results, trainer=trainer).levels(lt.Treatment(), 0, 1))
    (tmp_path / EXPERIMENT_RECORD).unlink()
    for other in ({"model": network(units=13)}, {"training": dataclasses.replace(SETTINGS, iterations=20)}):
        with pytest.raises(InputError, match="holds results of another experiment"):
            make(tiny_dataset, results, **other)
        assert not (tmp_path / EXPERIMENT_RECORD).exists()
    again = make(tiny_dataset, results, trainer=trainer)
    list(again.levels(lt.Treatment(), 0, 1))
    assert again.trainings == 0


def test_what_a_newer_version_records_besides_changes_nothing(tiny_dataset, trainer, tmp_path):
    results = lt.ResultsFolder(tmp_path, {})
    make(tiny_dataset, results, trainer=trainer)
    record = json.loads((tmp_path / EXPERIMENT_RECORD).read_text())
    record["training"] |= {"new": 1}
    record["model"]["1"]["config"] |= {"new_in_keras": True}
    del record["pruning"]["downsample"], record["model"]["2"]["config"]["use_bias"]
    (tmp_path / EXPERIMENT_RECORD).write_text(json.dumps(record))
    make(tiny_dataset, results, trainer=trainer)


def test_initial_weights_that_changed_are_noticed(tiny_dataset, trainer, tmp_path):
    weights = model_weights.get_weights(tiny_network())
    results = lt.ResultsFolder(tmp_path, {})
    list(make(tiny_dataset, results, trainer=trainer, initial=lambda seed: weights).levels(lt.Treatment(), 0, 1))
    other = weights | {"output/kernel": np.ones_like(weights["output/kernel"])}
    changed = make(tiny_dataset, results, trainer=trainer, initial=lambda seed: other)
    with pytest.raises(InputError, match="stored dense network of seed 0 started from other weights"):
        list(changed.levels(lt.Treatment(), 0, 2))
    same = make(tiny_dataset, results, trainer=trainer, initial=lambda seed: weights)
    assert len(list(same.levels(lt.Treatment(), 0, 2))) == 3


def test_learned_masks_of_another_network_are_refused(tiny_dataset, tmp_path):
    results = lt.ResultsFolder(tmp_path, {})

    def learner(model, training=SETTINGS):
        return lt.MaskLearner(model, tiny_dataset, lt.MaskSettings(), training, results=results)

    learner(network())
    learner(network(), dataclasses.replace(SETTINGS, iterations=20))  # its path tells it apart
    with pytest.raises(InputError, match="units is 12 there, 13 here"):
        learner(network(units=13))
    with pytest.raises(InputError, match=r"training.eval_interval is 5 there, 2 here"):
        learner(network(), dataclasses.replace(SETTINGS, eval_interval=2))


@keras.saving.register_keras_serializable("identity")
class Scaled(keras.Model):
    """A model whose own setting no layer has."""

    def __init__(self, scale=1.0, **options):
        super().__init__(**options)
        self.scale, self.dense, self.out = scale, layers.Dense(4, "relu"), layers.Dense(3)

    def call(self, x):
        return self.out(self.dense(keras.ops.reshape(x, (-1, 36)))) * self.scale

    def get_config(self):
        return super().get_config() | {"scale": self.scale}


class ScaledTwice(Scaled):
    def call(self, x):
        return super().call(x) * 2.0


def subclassed(cls=Scaled, **options):
    model = cls(**options)
    model(np.zeros((1, 6, 6, 1), np.float32))
    return model


def redefined(factor):
    """Classes of one name; their code reads another number."""

    class Own(Scaled):
        def call(self, x):
            return super().call(x) * factor

    return subclassed(Own)


def loss_of(power):
    return lambda true, found: keras.ops.mean(keras.ops.abs(found - keras.ops.one_hot(true, 3)) ** power, -1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            lambda: network(layers.Dense(12)),
            lambda: network(layers.Dense(12, kernel_constraint=keras.constraints.MaxNorm(0.01))),
        ),
        (
            lambda: network(layers.Dense(12)),
            lambda: network(layers.Dense(12, kernel_regularizer=keras.regularizers.L2(10.0))),
        ),
        (subclassed, lambda: subclassed(scale=100.0)),
        (subclassed, lambda: subclassed(ScaledTwice)),
        (lambda: redefined(2.0), lambda: redefined(3.0)),
        (lambda: network(activation=lambda x: x), lambda: network(activation=lambda x: 2 * x)),
        (lambda: network(layers.Lambda(lambda x: x)), lambda: network(layers.Lambda(lambda x: -x))),
    ],
)
def test_what_no_shape_shows_tells_models_apart(one, other, tiny_dataset):
    results, divided = lt.MemoryResults(), dataclasses.replace(tiny_dataset, divide_by=255)
    make(divided, results, one())
    make(divided, results, one())
    with pytest.raises(InputError, match="holds results of another experiment: model"):
        make(divided, results, other())


def test_lambdas_as_a_loss_are_told_apart(tiny_dataset):
    results = lt.MemoryResults()
    make(tiny_dataset, results, loss=loss_of(2))
    make(tiny_dataset, results, loss=loss_of(2))
    with pytest.raises(InputError, match="another experiment: code"):
        make(tiny_dataset, results, loss=loss_of(3))


def test_weights_of_another_origin_are_refused(tiny_dataset, trainer):
    """Also where nothing is left to train, and by results without a record of the origin."""
    first, second, drawn, given = tiny_network(), tiny_network(), lt.MemoryResults(), lt.MemoryResults()
    make(tiny_dataset, drawn, first, trainer=trainer).dense(0)
    with pytest.raises(InputError, match="initial is drawn for each seed there, the model's own"):
        make(tiny_dataset, drawn, first, initial="as_given")
    make(tiny_dataset, given, first, trainer=trainer, initial="as_given").dense(0)
    with pytest.raises(InputError, match=r"initial is the model's own \(\w+\) there, the model's own"):
        make(tiny_dataset, given, second, initial="as_given")
    weights = lt.get_weights(second)
    del given._records[EXPERIMENT_RECORD]["initial"]
    with pytest.raises(InputError, match="seed 0 started from other weights"):
        make(tiny_dataset, given, second, trainer=trainer, initial=lambda seed: weights).dense(0)


def test_a_number_that_somebody_chose_beside_those_of_keras_is_noticed(tiny_dataset):
    """In another process Keras's own numbers may come before or after it: the names would change places."""
    keras.backend.clear_session()

    def model():
        first, second = layers.Dense(6, "relu", name="dense_1"), layers.Dense(6)
        return keras.Sequential([keras.Input((6, 6, 1)), layers.Flatten(), first, second, layers.Dense(3, name="out")])

    results = lt.MemoryResults()
    make(tiny_dataset, results, model())
    [layers.Dense(1) for _ in range(5)]
    with pytest.raises(InputError, match="names.0 is dense 1/kernel 0 there, dense 0/kernel 0 here"):
        make(tiny_dataset, results, model())


def test_a_model_from_a_file_keeps_its_names_whatever_was_built_before(tmp_path):
    keras.backend.clear_session()
    [layers.Dense(1) for _ in range(2)]
    network().save(tmp_path / "mine.keras")
    names = []
    for others in (0, 9):
        keras.backend.clear_session()
        [layers.Dense(1) for _ in range(others)]
        copy = conversion.masked_copy(keras.models.load_model(tmp_path / "mine.keras"))
        names.append(list(model_weights.kernels(copy)))
    assert names[0] == names[1] == ["dense_2/kernel", "dense_3/kernel"]
