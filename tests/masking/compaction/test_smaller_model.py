"""The smaller model: its dtypes, its classes and functions, and what it needs."""

import keras
import numpy as np
import pytest
from sparse_models import assert_equal_outputs, images, stack, thin_out

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking.compaction import compact
from lottery_tf.masking.compaction.weighted import Weighted
from lottery_tf.models import networks

layers = keras.layers


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("mixed_bfloat16", 0.03)])
def test_types_are_kept(dtype, tolerance):
    model = stack((6, 6, 1), layers.Conv2D(5, 2, activation="relu", dtype=dtype), layers.Flatten(dtype=dtype),
                  layers.Dense(6, "relu", dtype=dtype), layers.Dense(3, dtype=dtype))  # fmt: skip
    small = compact(thin_out(model, 0.1))
    assert small.count_params() < model.count_params() / 2
    assert {weight.dtype for weight in small.weights} == {weight.dtype for weight in model.weights}
    assert small(images(model)).dtype == model(images(model)).dtype
    a, b = (np.asarray(keras.ops.cast(m(images(model)), "float64")) for m in (model, small))
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(a).max())


def test_a_compact_model_needs_nothing_of_this_package(tmp_path, command):
    model = thin_out(networks.build("conv2", (8, 8, 3)), 0.003)
    small = compact(model)
    small.save(tmp_path / "small.keras")
    np.save(tmp_path / "images.npy", images(model))
    code = (
        "import sys, keras, numpy; model = keras.models.load_model(sys.argv[1]); "
        "numpy.save(sys.argv[3], model(numpy.load(sys.argv[2]))); "
        "print(any(name.startswith('lottery_tf') for name in sys.modules))"
    )
    paths = [tmp_path / name for name in ("small.keras", "images.npy", "outputs.npy")]
    assert command(None, *paths, code=code).stdout.split() == ["False"]
    assert any(operation.name.startswith("take") for operation in small.operations)
    np.testing.assert_allclose(np.load(paths[2]), small(images(model)), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(np.load(paths[2]), model(images(model)), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_trained_tickets(tiny_model, tiny_dataset):
    pruning = lt.PruningSettings(dense=0.6, output=0.4)
    experiment = lt.Experiment(tiny_model, tiny_dataset, lt.TrainingSettings(60, 0.01), pruning)
    list(experiment.levels(lt.Treatment(), seed=0, levels=5))
    counts = []
    test = tiny_dataset.test.images.astype(np.float32) / 255
    for level in (0, 3, 5):
        ticket = experiment.load(lt.Treatment(), seed=0, level=level)
        small = compact(ticket)
        np.testing.assert_allclose(small(test), ticket(test), rtol=1e-5, atol=1e-5)
        counts.append(small.count_params())
    assert counts[0] == tiny_model.count_params() - 2 * (36 * 12 + 12 * 3)  # masks and frozen values are not weights
    assert counts[0] > counts[1] > counts[2]


def test_models_that_cannot_be_read_are_refused():
    with pytest.raises(InputError, match="neither a Sequential nor a functional"):
        compact(lt.MaskedModel(networks.build("fc")))
    with pytest.raises(InputError, match="has no layer of"):
        compact(stack((4,), layers.BatchNormalization()))


def test_functions_and_unregistered_classes_are_kept():
    class Halves(layers.Layer):
        def __init__(self, inner, **options):
            super().__init__(**options)
            self.inner = inner

        def call(self, inputs):
            return self.inner(inputs) / 2

        def get_config(self):
            return super().get_config() | {"inner": keras.saving.serialize_keras_object(self.inner)}

        @classmethod
        def from_config(cls, config):
            return cls(keras.saving.deserialize_keras_object(config.pop("inner")), **config)

    model = stack(
        (5,), layers.Lambda(lambda x, by: x * by, arguments={"by": 3.0}), layers.Dense(6, lambda x: abs(x), name="a"),
        Halves(Halves(layers.Dense(4))), layers.Activation(lambda x: x - 1), layers.Dense(3),
    )  # fmt: skip
    model.get_layer("a").kernel.assign(model.get_layer("a").kernel * np.array([0, 0, 1, 1, 1, 1]))
    assert_equal_outputs(model, compact(model))
    assert_equal_outputs(model, compact(lt.masked(model)))


@pytest.mark.parametrize("layer", [layers.Lambda(lambda x: 2 * x), layers.Dense(4, lambda x: abs(x), name="b")])
def test_a_model_with_a_lambda_gets_smaller_elsewhere(layer):
    model = stack((5,), layers.Dense(6, "relu", name="a"), layers.Dense(6, "relu"), layer, layers.Dense(3))
    kernel = model.get_layer("a").kernel
    kernel.assign(kernel * np.array([0, 0, 1, 1, 1, 1]))
    assert compact(model).count_params() < model.count_params()


class Doubled(keras.Sequential):
    """A Sequential model that doubles its outputs."""

    def call(self, *args, **kwargs):
        return 2 * super().call(*args, **kwargs)


class Negated(keras.Model):
    """A functional model that negates its outputs."""

    def call(self, *args, **kwargs):
        return -super().call(*args, **kwargs)


class Scaled(Doubled):
    """One that is not made as its base class is."""

    def __init__(self, units, **options):
        super().__init__([keras.Input((5,)), layers.Dense(units), layers.Dense(2)], **options)
        self.units = units

    def get_config(self):
        return {"units": self.units}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class Half(keras.Sequential):
    """One whose `call` runs only a part of its layers."""

    def call(self, inputs, training=None, mask=None):
        return self.layers[0](inputs)


def negated():
    inputs = keras.Input((5,))
    return Negated(inputs, layers.Dense(3)(layers.Dense(20, "relu")(inputs)))


@pytest.mark.parametrize(
    "make", [lambda: Doubled([keras.Input((5,)), layers.Dense(20, "relu"), layers.Dense(3)]), negated]
)
def test_a_class_with_its_own_call_is_kept(make):
    model = thin_out(make(), 0.3)
    small = compact(model)
    assert type(small) is type(model)
    assert small.count_params() < model.count_params()
    assert_equal_outputs(model, small)


def test_a_class_that_cannot_be_kept_is_refused():
    with pytest.raises(InputError, match="has a class with a custom `call`, Scaled, which is not made as"):
        compact(thin_out(Scaled(6), 0.5))


def test_a_wrong_copy_is_an_error(monkeypatch):
    with pytest.raises(InputError, match="other outputs"):
        compact(thin_out(Half([keras.Input((5,)), layers.Dense(6), layers.Dense(2)]), 0.2))
    model = thin_out(stack((5,), layers.Dense(20, "relu"), layers.Dense(3)), 0.3)
    monkeypatch.setattr(Weighted, "needed", lambda self, constants, needed: [np.arange(len(constants[0])) < 2])
    with pytest.raises(InputError, match="other outputs"):
        compact(model)


def test_a_model_inside_with_its_own_call_is_left_whole():
    inner = Doubled([keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(6)], name="inner")
    model = thin_out(stack((5,), layers.Dense(6, "relu"), inner, layers.Dense(9, "relu"), layers.Dense(2)), 0.3)
    small = compact(model)
    assert type(small.get_layer("inner")) is Doubled
    assert small.get_layer("inner").count_params() == inner.count_params()
    assert_equal_outputs(model, small)
