"""Smaller models say the same: random masks, every kind of layer, and what may not be left out."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sparse_models import assert_equal_outputs, images, sizes, stack, thin_out

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import model_weights
from lottery_tf.masking.compaction import compact
from lottery_tf.masking.compaction.rule import ELEMENTWISE
from lottery_tf.masking.compaction.rules import RULES
from lottery_tf.models import networks
from runs.benchmarks import compaction as suite

layers = keras.layers


def two_dense(**options):
    return stack((5,), layers.Dense(4, "relu", name="a"), layers.Dense(3, name="b", **options))


def padded_convolutions():
    return stack(
        (8, 8, 2), layers.Conv2D(6, 3, padding="same", activation="relu"), layers.Conv2D(6, 3, padding="same"),
        layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(),
        layers.Conv2D(5, 3, strides=2, use_bias=False), layers.Activation("tanh"),
        layers.Flatten(), layers.Dense(9, "sigmoid"), layers.Dropout(0.5), layers.Dense(4, "softmax"), layers.Dense(3),
    )  # fmt: skip


def causal_sequence():
    return stack(
        (12, 2), layers.Conv1D(5, 3, padding="causal", activation="elu"), layers.ZeroPadding1D(1),
        layers.Conv1D(5, 2, dilation_rate=2, activation="relu"), layers.GlobalAveragePooling1D(), layers.Dense(4),
    )  # fmt: skip


def reshaped():
    return stack(
        (4, 6, 1), layers.Conv2D(6, 1, activation="relu"), layers.Reshape((24, 6)), layers.Dense(5, "relu"),
        layers.Reshape((-1,)), layers.Dense(12, "relu"), layers.Reshape((3, 4)), layers.Dense(4, "relu"),
        layers.Flatten(), layers.Dense(2),
    )  # fmt: skip


def tangled():
    """A residual sum, a concatenation, a shared layer, a recurrence, dropout at inference, a model inside, two ends."""
    inputs = {"left": keras.Input((6, 4), name="left"), "right": keras.Input((6, 4), name="right")}
    shared = layers.Dense(5, "relu", name="shared")
    left, right = shared(inputs["left"]), shared(inputs["right"])
    left = layers.Add()([left, layers.Dense(5, "relu")(layers.Dense(8, "relu")(left))])
    joined = layers.Concatenate()([layers.Dense(6, "relu")(left), right * 2])
    inner = stack((6, 11), layers.Dense(7, "relu"), layers.Dense(6, "relu"), name="inner")
    found = layers.Dense(9, "relu")(layers.GRU(7)(inner(joined)))
    return keras.Model(inputs, {"class": layers.Dense(3, "softmax")(found), "value": layers.Dense(1)(found)})


MODELS = [two_dense, padded_convolutions, causal_sequence, reshaped, pytest.param(tangled, marks=pytest.mark.slow)]


@pytest.mark.parametrize(
    "kept_fraction", [0.2, *(pytest.param(each, marks=pytest.mark.slow) for each in (0.0, 0.05, 0.5))]
)
@pytest.mark.parametrize("make", MODELS)
def test_outputs_are_equal(make, kept_fraction):
    for seed in range(3):
        model = thin_out(make(), kept_fraction, seed)
        small = compact(model)
        assert_equal_outputs(model, small)
        assert small.count_params() <= model.count_params()


def kept_by_hand(kernels):
    """Hidden units of a dense network that are both heard and say something: one at a time, until none can go."""
    alive = [[True] * kernel.shape[0] for kernel in kernels] + [[True] * kernels[-1].shape[1]]
    changed = True
    while changed:
        changed = False
        for place in range(1, len(kernels)):
            for unit, is_alive in enumerate(alive[place]):
                heard = any(w != 0 and a for w, a in zip(kernels[place][unit], alive[place + 1], strict=True))
                says = any(w != 0 and a for w, a in zip(kernels[place - 1][:, unit], alive[place - 1], strict=True))
                if is_alive and not (heard and says):
                    alive[place][unit] = False
                    changed = True
    return [max(1, sum(units)) for units in alive[1:-1]]


@pytest.mark.slow
@settings(max_examples=25)
@given(
    widths=st.lists(st.integers(1, 8), min_size=2, max_size=5),
    activation=st.sampled_from(["relu", "tanh", "sigmoid"]),
    kept_fraction=st.floats(0, 0.6),
    seed=st.integers(0, 1000),
)
def test_no_removable_unit_stays_in_a_dense_network(widths, activation, kept_fraction, seed):
    *hidden, classes = widths
    model = stack((6,), *(layers.Dense(width, activation) for width in hidden), layers.Dense(classes))
    thin_out(model, kept_fraction, seed)
    small = compact(model)
    assert_equal_outputs(model, small)
    dense = [layer for layer in small.layers if isinstance(layer, layers.Dense)]
    by_hand = kept_by_hand([layer.kernel.numpy() for layer in model.layers])
    assert [layer.units for layer in dense[:-1]] == by_hand


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_every_channel_that_stays_is_heard_and_says_something(seed):
    model = stack(
        (9, 9, 2), layers.Conv2D(6, 3, activation="tanh"), layers.Conv2D(8, 3, activation="sigmoid"),
        layers.AveragePooling2D(2), layers.Flatten(), layers.Dense(12, "tanh"), layers.Dense(4),
    )  # fmt: skip
    small = compact(thin_out(model, 0.06, seed))
    assert_equal_outputs(model, small)
    expected = small(images(model))
    weighted = [layer for layer in small.layers if layer.weights]
    assert len(weighted) == 4
    for layer in weighted[:-1]:
        assert layer.kernel.numpy().any(axis=tuple(range(layer.kernel.ndim - 1))).all()
        bias = layer.bias.numpy()
        for unit in range(len(bias)):
            layer.bias.assign(bias + 0.5 * (np.arange(len(bias)) == unit))
            assert np.abs(small(images(model)) - expected).max() > 1e-6
        layer.bias.assign(bias)
    rows_in_use = weighted[2].kernel.numpy().any(axis=1)
    picked = any(operation.name.startswith("take") for operation in small.operations)
    assert rows_in_use.all() if picked else rows_in_use.mean() > 0.5


RANKS = {"1D": 1, "2D": 2, "3D": 3}
ARGUMENTS = {
    "Activation": ("gelu",), "Conv1D": (4, 2), "Conv2D": (4, 2), "Conv3D": (4, 2), "Dense": (4,), "Reshape": ((-1, 6),),
    "RepeatVector": (3,), "AveragePooling1D": (2,), "AveragePooling2D": (2,), "AveragePooling3D": (2,),
    "ReLU": (2.0, 0.1, 0.2), "LeakyReLU": (0.2,), "Dropout": (0.5,), "AlphaDropout": (0.5,),
    "GaussianDropout": (0.5,), "GaussianNoise": (1.0,), "SpatialDropout1D": (0.5,), "SpatialDropout2D": (0.5,),
    "SpatialDropout3D": (0.5,), "DepthwiseConv1D": (2,), "DepthwiseConv2D": (2,), "Conv1DTranspose": (4, 2),
    "Conv2DTranspose": (4, 2), "Conv3DTranspose": (4, 2), "GroupNormalization": (3,), "Permute": ((2, 1, 3),),
    "Embedding": (5, 3),
}  # fmt: skip
MERGES = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
LEFT = {  # of six units before the layer; of others three: two are constant, and one is not heard
    **dict.fromkeys(("LayerNormalization", "RMSNormalization"), 6),  # what they see stays whole
    "GroupNormalization": 4,  # and whole groups are left out
    **dict.fromkeys(MERGES, 5),  # nothing is constant together with what is not
    "GlobalAveragePooling1D": 5,  # nor is the mean of no steps, if all are masked
    "Multiply": 4,  # but for zero in a product
    "Concatenate": 3,
    **{f"ZeroPadding{rank}": 4 for rank in RANKS},  # 0.7 beside zeros is no constant
    **{f"Conv{rank}Transpose": 4 for rank in RANKS},
}  # fmt: skip


def between_two_layers(middle):
    """A model whose first layer has two channels that are constant, and one that what comes after does not hear."""
    name = type(middle).__name__
    rank = 0 if name in ("RepeatVector", *MERGES) else next((RANKS[end] for end in RANKS if end in name), 2)
    inputs = keras.Input((*[7] * rank, 3))
    x = layers.Dense(6, "relu", name="before")(inputs)
    x = middle([x, layers.Dense(6, name="beside")(inputs)] if name in MERGES else x)
    model = keras.Model(inputs, layers.Dense(4, name="after")(x))
    thin_out(model, 1.0)
    kernel = model.get_layer("before").kernel.numpy()
    kernel[:, :2] = 0  # the first two channels are the constants 0.7 and 0
    model.get_layer("before").set_weights([kernel, np.array([0.7, -1, 0.3, 0.2, -0.1, 0.4])])
    if hasattr(middle, "gamma"):
        middle.gamma.assign(np.ones(6))
    if hasattr(middle, "kernel"):
        weights = middle.get_weights()
        weights[0][(..., 2) if name.endswith("Transpose") else (..., 2, slice(None))] = 0
        middle.set_weights(weights)
    else:
        weights = model.get_layer("after").get_weights()
        weights[0][:, 0] += 1  # every channel is heard but one
        weights[0][2 :: weights[0].shape[0] if name == "Concatenate" else 6] = 0
        model.get_layer("after").set_weights(weights)
    return model


@pytest.mark.parametrize("kind", RULES, ids=lambda kind: kind.__name__)
def test_each_kind_of_layer(kind):
    if kind is layers.Embedding:
        return  # its inputs have no channels; see below
    model = between_two_layers(kind(*ARGUMENTS.get(kind.__name__, ())))
    small = compact(model)
    assert_equal_outputs(model, small)
    assert small.get_layer("before").units == LEFT.get(kind.__name__, 3)


def test_flattened_channels_are_found_again():
    model = stack((3, 3, 2), layers.Conv2D(3, 2, name="conv"), layers.Flatten(), layers.Dense(5, name="dense"))
    thin_out(model, 1.0)
    kernel, bias = model.get_layer("dense").get_weights()
    kernel[1::3] = 0  # channels lie side by side, places apart: the middle channel is not heard
    model.get_layer("dense").set_weights([kernel, bias])
    small = compact(model)
    assert_equal_outputs(model, small)
    np.testing.assert_array_equal(small.get_layer("conv").kernel, model.get_layer("conv").kernel.numpy()[..., [0, 2]])
    np.testing.assert_array_equal(small.get_layer("dense").kernel, kernel[[0, 2, 3, 5, 6, 8, 9, 11]])
    kernel[[0, 3, 6]] = 0  # and of the first channel there is only one place
    model.get_layer("dense").set_weights([kernel, bias])
    assert sizes(compact(model)) == {"conv": (2, 2), "dense": (8, 5)}, "5 of 8 are too many to be picked"
    kernel[5] = 0
    model.get_layer("dense").set_weights([kernel, bias])
    small = compact(model)
    assert sizes(small) == {"conv": (2, 2), "dense": (4, 5)}
    np.testing.assert_array_equal(small.get_layer("dense").kernel, kernel[[2, 8, 9, 11]])
    assert_equal_outputs(model, small)


@pytest.mark.parametrize(
    ("padding", "bias", "stays"), [("same", 0.5, True), ("same", -0.5, False), ("valid", 0.5, False)]
)
def test_a_constant_channel_stays_where_padding_would_change_it(padding, bias, stays):
    model = stack((6, 6, 1), layers.Conv2D(3, 1, activation="relu", name="a"), layers.Conv2D(2, 3, padding=padding))
    thin_out(model, 1.0)
    kernel, biases = model.get_layer("a").get_weights()
    kernel[..., 1], biases[1] = 0, bias
    model.get_layer("a").set_weights([kernel, biases])
    small = compact(model)
    assert small.get_layer("a").filters == (3 if stays else 2)
    assert_equal_outputs(model, small)


def test_a_channel_that_batch_norm_multiplies_by_zero_is_constant():
    model = stack((4,), layers.Dense(3, name="a"), layers.BatchNormalization(name="norm"), layers.Dense(2, name="b"))
    thin_out(model, 1.0)
    model.get_layer("norm").gamma.assign([1, 0, 2])
    small = compact(model)
    assert sizes(small) == {"a": (4, 2), "b": (2, 2)}
    assert_equal_outputs(model, small)


def test_a_layer_without_bias_gets_one_for_what_is_folded_into_it():
    model = two_dense(use_bias=False)
    model.get_layer("a").set_weights([np.eye(5, 4) * [1, 1, 1, 0], np.array([0, 0, 0, 2.0])])
    small = compact(model)
    assert sizes(small) == {"a": (5, 3), "b": (3, 3)}
    np.testing.assert_allclose(small.get_layer("b").bias, 2 * model.get_layer("b").kernel.numpy()[3], rtol=1e-6)
    assert_equal_outputs(model, small)
    model.get_layer("a").set_weights([np.eye(5, 4) * [1, 1, 1, 0], np.array([0, 0, 0, -2.0])])
    assert not compact(model).get_layer("b").use_bias, "the constant is zero"


@pytest.mark.slow
@pytest.mark.parametrize("dead", ["conv_1", "conv_2", "dense_1", "output"])
def test_where_a_layer_dies_one_unit_of_each_stays(dead):
    model = networks.build("conv2", (8, 8, 3))
    thin_out(model, 1.0)
    layer = model.get_layer(dead)
    layer.set_weights([np.zeros(layer.kernel.shape), -np.ones(layer.bias.shape), *layer.get_weights()[2:]])
    small = compact(model)
    assert_equal_outputs(model, small)
    alive = {"conv_1": 1, "conv_2": 1, "dense_1": 1, "dense_2": 1, "output": 10}
    assert {name: shape[-1] for name, shape in sizes(small).items()} == alive
    assert not any(small.get_layer(name).kernel.numpy().any() for name in alive), "nothing is computed any more"


def test_pruned_weights_frozen_at_other_values_are_connections(tiny_model):
    thin_out(tiny_model, 1.0)
    for layer in model_weights.masked_kernels(tiny_model).values():
        kept = np.zeros(layer.variable.shape, bool)
        kept[0, 0] = True
        layer.set_mask(kept, frozen_values=layer.variable.numpy())
    small = compact(tiny_model)
    assert small.count_params() == 36 * 12 + 12 + 12 * 3 + 3
    assert_equal_outputs(tiny_model, small)
    for layer in model_weights.masked_kernels(tiny_model).values():
        layer.set_mask(layer.kernel_mask)  # the same mask, frozen at zero
    assert compact(tiny_model).count_params() < 20
    assert_equal_outputs(tiny_model, compact(tiny_model))


@pytest.mark.slow
def test_what_is_not_certain_is_left_as_it_is():
    """Each hidden layer has a unit that is not heard, and may not lose it."""

    def noisy(x):
        return layers.Dropout(0.5, seed=0)(x, training=True)

    def shared(x, layer=None):
        layer = layers.Dense(4)
        return layer(layer(x))

    def first_axis(x):
        return layers.BatchNormalization(axis=1)(x)

    silenced = layers.Dense(4, activation=keras.layers.Softmax())
    for passage in (
        noisy, shared, first_axis, silenced, layers.LayerNormalization(), layers.Softmax(), layers.Reshape((2, 6)),
        layers.SimpleRNN(4), lambda x: keras.ops.cumsum(x, axis=-1),
    ):  # fmt: skip
        inputs = keras.Input((3, 4))
        x = layers.Dense(4, name="before")(inputs)
        x = passage(x)
        model = keras.Model(inputs, layers.Dense(2, name="after")(x))
        kernel, bias = model.get_layer("after").get_weights()
        kernel[1] = 0
        model.get_layer("after").set_weights([kernel, bias])
        assert sizes(compact(model))["before"] == (4, 4), passage
        if passage is not noisy:
            assert_equal_outputs(model, compact(model))


def test_models_inside_are_compacted():
    model = thin_out(tangled(), 0.05)
    small = compact(model)
    assert small.get_layer("inner").count_params() < model.get_layer("inner").count_params()
    assert small.get_layer("shared").units == 5


def test_activations_of_one_number_at_a_time():
    numbers = np.linspace(-3, 3, 50, dtype=np.float32)
    for activation in ELEMENTWISE:
        together = np.asarray(activation(keras.ops.convert_to_tensor(numbers)))
        alone = [float(activation(keras.ops.convert_to_tensor([number]))[0]) for number in numbers]
        np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-7)


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


@pytest.mark.slow
def test_a_compact_model_trains():
    model = thin_out(padded_convolutions(), 0.2)
    small = compact(model)
    assert not small.compiled
    small.compile("adam", "mse")
    small.fit(images(model), np.ones((7, 3)), verbose=0)
    again = compact(small)
    assert_equal_outputs(small, again)


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


@pytest.mark.slow
def test_the_benchmark_suite_measures_and_prints(monkeypatch, capsys):
    monkeypatch.setattr(suite, "CASES", (suite.TicketCase("fc", 3, 4),))
    monkeypatch.setattr(suite, "SECONDS", 1e-4)
    suite.run(repeats=1)
    rows = [line.replace(",", "").replace(">", " ").split() for line in capsys.readouterr().out.splitlines()[3:]]
    assert [float(row[0]) for row in rows] == pytest.approx([100, 26.3, 6.95, 1.85], abs=0.05)
    assert {int(row[1]) for row in rows} == {266_610}
    assert int(rows[-1][2]) < int(rows[0][2]) == 266_610
    assert int(rows[-1][4]) < int(rows[-1][3]), "the file is smaller"
    assert all(float(row[-1]) < 1e-5 for row in rows)
