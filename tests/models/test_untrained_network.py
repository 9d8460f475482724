"""The network before training: what seeds share, where it starts, and what is never trained."""

import keras
import pytest

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, model_weights
from lottery_tf.models.untrained_network import UntrainedNetwork

layers = keras.layers


@pytest.mark.slow
def test_frozen_layers_keep_every_weight_in_an_experiment(tiny_dataset):
    frozen = layers.Dense(6, "relu", trainable=False, name="frozen")
    stack = [layers.Flatten(), frozen, layers.BatchNormalization(trainable=False), layers.Dense(5), layers.Dense(3)]
    model = keras.Sequential([keras.Input((6, 6, 1)), *stack])
    settings = lt.TrainingSettings(iterations=4, eval_interval=4, batch_size=20, learning_rate=0.01)
    experiment = lt.Experiment(model, tiny_dataset, settings)
    given = {name: value for name, value in lt.get_weights(experiment.model).items() if name.startswith("frozen/")}
    assert (given["frozen/kernel"] == model.get_layer("frozen").kernel.numpy()).all()
    treatment = lt.Treatment("large_final", mask1="rewind", mask0="zero")
    for level in [*experiment.levels(treatment, 0, 2), *experiment.levels(lt.Treatment("random"), 1, 1)]:
        assert level.mask["frozen/kernel"].all() and len(level.mask) == 3
        for weights in (level.start, level.final):
            assert all(weights[name].tobytes() == value.tobytes() for name, value in given.items())
    assert level.metrics["kept_fraction"] < 1
    assert experiment.mask_summary.without_mask["frozen kernels of Dense"] == 36 * 6
    loaded = experiment.load(treatment, 0, 2)
    assert (loaded.get_layer("frozen").kernel.numpy() == given["frozen/kernel"]).all()


def test_a_network_that_is_frozen_as_a_whole_cannot_be_pruned(tiny_dataset, tiny_model):
    tiny_model.trainable = False
    with pytest.raises(InputError, match="No kernel of .* is trained .trainable=False., so none can be pruned"):
        lt.Experiment(tiny_model, tiny_dataset, lt.TrainingSettings(iterations=2))
    assert lt.mask_summary(lt.masked(tiny_model)).maskable > 0, "by hand it can be"


@pytest.mark.slow
def test_seeds_begin_with_the_weights_of_the_model_where_that_is_asked_for(tiny_dataset, tiny_model):
    settings = lt.TrainingSettings(iterations=2, eval_interval=2)
    experiment = lt.Experiment(tiny_model, tiny_dataset, settings, initial="as_given")
    given = model_weights.get_weights(tiny_model)
    for seed in (0, 1):
        start = experiment.dense(seed, weights=True).start
        assert all((start[name] == value).all() for name, value in given.items())
    with pytest.raises(InputError, match="initial is 'given'; it must be 'as_given'"):
        lt.Experiment(tiny_model, tiny_dataset, settings, initial="given")


class Positions(keras.layers.Layer):
    """Adds random weights that no initializer of a Keras layer draws."""

    def build(self, shape):
        self.positions = self.add_weight(shape=shape[1:], initializer="random_normal", name="positions")

    def call(self, inputs):
        return inputs + self.positions


def test_weights_that_all_seeds_share_are_told(caplog):
    def warned(model, initial=None):
        caplog.clear()
        UntrainedNetwork(conversion.masked_copy(model), lt.PruningSettings(), initial)
        return "All seeds start with the model's own values" in caplog.text

    stack = [keras.layers.LSTM(4), keras.layers.BatchNormalization(), keras.layers.Dense(3)]
    plain = keras.Sequential([keras.Input((4, 3)), *stack])
    own = keras.Sequential([keras.Input((4, 3)), Positions(), *stack])
    assert not warned(plain)
    assert warned(own) and "values of positions/positions:" in caplog.text
    assert not warned(own, "as_given")
    own.layers[0].trainable = False
    assert not warned(own)
