"""Table S1's networks, anybody's models with masks, and states."""

import keras
import numpy as np
import pytest

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, initial_weights, model_weights
from lottery_tf.masking.compaction import compact
from lottery_tf.models import networks
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning import kept_counts, masks

WEIGHTS = {  # network: (weights without biases, of them in convolutions)
    "fc": (266_200, 0),
    "conv2": (4_300_992, 38_592),
    "conv4": (2_425_024, 259_776),
    "conv6": (2_261_184, 1_144_512),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weight_counts_of_table_s1(name):
    kernels = model_weights.kernels(networks.build(name)).values()
    assert (sum(k.size for k in kernels), sum(k.size for k in kernels if k.ndim == 4)) == WEIGHTS[name]


DEEP = {  # network: (weights without biases, all weights, kept percentages that Frankle & Carbin print)
    "resnet20": (270_896, 274_042, {6: 27.1, 10: 11.8}),
    "vgg19": (20_024_000, 20_046_026, {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DEEP)
def test_the_deeper_networks_have_the_published_sizes(name):
    model, table = networks.build(name), NETWORKS[name]
    kernels = model_weights.kernels(model)
    weights, everything, percentages = DEEP[name]
    assert sum(kernel.size for kernel in kernels.values()) == weights
    assert sum(value.size for value in model_weights.get_weights(model).values()) == everything
    shares = kept_counts.pruned_fraction_by_layer(kernels, table.conv_pruned_fraction, table.dense_pruned_fraction,
                                            table.output_pruned_fraction, table.downsample_pruned_fraction)  # fmt: skip
    whole = {layer for layer, share in shares.items() if not share}
    assert whole == {layer for layer in kernels if "downsample" in layer or layer == "output/kernel"}
    assert sum(len(kernel.shape) == 4 for kernel in kernels.values()) == {"resnet20": 19 + 2, "vgg19": 16}[name]
    ladder = kept_counts.kept_fractions(kernels, shares, 10)
    assert {level: round(100 * ladder[level], 1) for level in percentages} == percentages


@pytest.mark.slow
def test_a_deeper_network_can_be_copied_with_and_without_masks():
    model = networks.build("resnet20", (8, 8, 3))
    images = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    plain = conversion.unmasked(conversion.masked(model))
    np.testing.assert_array_equal(plain(images), model(images))


def test_dropout_follows_the_hidden_dense_layers():
    model = networks.build("conv2", dropout=0.5)
    assert [layer.name for layer in model.layers][-5:] == ["dense_1", "dropout_1", "dense_2", "dropout_2", "output"]
    assert {layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)} == {0.5}
    assert not [layer for layer in networks.build("conv2").layers if isinstance(layer, keras.layers.Dropout)]


def test_unknown_network():
    with pytest.raises(InputError, match="Unknown network 'conv8'"):
        networks.build("conv8")


def own_sequential():
    return keras.Sequential(
        [keras.Input((6, 6, 1)), keras.layers.Conv2D(3, 3), keras.layers.BatchNormalization(), keras.layers.Flatten(),
         keras.layers.Dense(4, "softmax")]
    )  # fmt: skip


def own_functional():
    """Two branches that share a layer, a residual sum and a model inside the model."""
    inputs = keras.Input((6, 6, 1))
    shared = keras.layers.Dense(5, name="shared")
    x = keras.layers.Flatten()(inputs)
    x = shared(x) + shared(2 * x)
    inner = keras.Sequential([keras.Input((5,)), keras.layers.Dense(5, name="inside")], name="inner")
    return keras.Model(inputs, keras.layers.Dense(3, name="outside")(x + inner(x)))


@pytest.mark.parametrize("make", [own_sequential, own_functional])
def test_own_models_keep_their_outputs_with_and_without_masks(make):
    model = make()
    images = np.random.default_rng(0).random((5, 6, 6, 1), np.float32)
    masked = conversion.masked(model)
    np.testing.assert_array_equal(masked(images), model(images))
    for layer in model_weights.masked_kernels(masked).values():
        layer.set_mask(np.random.default_rng(1).random(layer.variable.shape) < 0.5)
    assert not np.allclose(masked(images), model(images))
    plain = conversion.unmasked(masked)
    np.testing.assert_array_equal(plain(images), masked(images))
    assert not model_weights.masked_kernels(plain)


@pytest.mark.parametrize(
    "copied", [conversion.masked, lambda model: conversion.unmasked(conversion.masked(model)), compact]
)
def test_an_adapted_normalization_goes_on_normalizing(copied):
    images = np.random.default_rng(0).normal(40, 9, (50, 6)).astype(np.float32)
    normalization = keras.layers.Normalization()
    normalization.adapt(images)
    model = keras.Sequential([keras.Input((6,)), normalization, keras.layers.Dense(3)])
    np.testing.assert_allclose(copied(model)(images), model(images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("copied", [conversion.masked, compact])
def test_a_copy_wants_nothing_of_how_a_model_was_compiled(copied):
    inner = keras.Sequential([keras.Input((5,)), keras.layers.Dense(5)])
    model = keras.Sequential([keras.Input((5,)), inner, keras.layers.Dense(2)])
    for each in (inner, model):
        each.compile("adam", loss=lambda labels, outputs: keras.ops.mean(outputs))
    copy = copied(model)
    assert (inner.compiled, model.compiled, copy.compiled) == (True, True, False)
    np.testing.assert_allclose(copy(np.ones((1, 5))), model(np.ones((1, 5))), rtol=1e-6)


def test_a_layer_that_models_share_counts_once():
    shared = keras.layers.Dense(4)
    first, second = (keras.Sequential([keras.Input((4,)), shared, keras.layers.Dense(2)]) for _ in range(2))
    inputs = keras.Input((4,))
    model = conversion.masked(keras.Model(inputs, [first(inputs), second(inputs), shared(inputs)]))
    assert [kernel.shape for kernel in model_weights.kernels(model).values()] == [(4, 4), (4, 2), (4, 2)]
    state, mask = model_weights.get_weights(model), masks.full(model_weights.kernels(model))
    (name,) = [name for name, kept in mask.items() if kept.shape == (4, 4)]
    mask[name][0] = False
    model_weights.set_weights(model, state, mask)
    (layer,) = [layer for layer in model_weights.masked_kernels(model).values() if layer.kernel_mask.shape == (4, 4)]
    np.testing.assert_array_equal(layer.kernel_mask, mask[name])


def test_layers_of_inner_models_have_names_of_their_own():
    assert list(model_weights.masked_kernels(conversion.masked(own_functional()))) == [
        "shared/kernel", "inner/inside/kernel", "outside/kernel",
    ]  # fmt: skip


def test_an_unmasked_copy_needs_nothing_of_this_package(tmp_path, command):
    conversion.unmasked(networks.build("fc")).save(tmp_path / "plain.keras")
    code = (
        "import sys, keras; model = keras.models.load_model(sys.argv[1]); "
        "print(model.count_params(), any(name.startswith('lottery_tf') for name in sys.modules))"
    )
    assert command(None, tmp_path / "plain.keras", code=code).stdout.split() == ["266610", "False"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (keras.Sequential([keras.layers.Dense(2)]), "has no weights yet"),
        (keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()]), "has no layer of Dense"),
    ],
)
def test_models_that_cannot_be_masked_are_refused(model, message):
    with pytest.raises(InputError, match=message):
        conversion.masked(model)


def test_states_of_other_models_are_refused():
    model = networks.build("fc")
    state = model_weights.get_weights(model)
    with pytest.raises(InputError, match="not those of the model 'fc': output/bias"):
        model_weights.set_weights(model, {name: value for name, value in state.items() if name != "output/bias"})
    with pytest.raises(InputError, match=r"'output/bias' has shape \(9,\); the model's has \(10,\)"):
        model_weights.set_weights(model, state | {"output/bias": np.zeros(9, np.float32)})


def test_initial_states_depend_on_the_seed_alone():
    states = []
    for seed in (0, 0, 1):
        model = networks.build("fc")
        states.append(initial_weights.initial_weights(model, model_weights.get_weights(model), seed))
    same, other = states[0], states[2]
    assert all(states[1][name].tobytes() == value.tobytes() for name, value in same.items())
    assert (same["dense_1/kernel"] != other["dense_1/kernel"]).all()
    assert (same["dense_1/bias"] == 0).all()


def scaled_ones(shape, dtype=None):
    """An initializer that is a plain function."""
    return np.full(shape, 3.0)


class Unseeded(keras.initializers.Initializer):
    """An initializer of a user's own that leaves its draws to Keras's global state."""

    def __call__(self, shape, dtype=None):
        return keras.random.normal(shape)


class Seeded(keras.initializers.Initializer):
    """One that takes its seed among other options."""

    def __init__(self, **options):
        self.options = options

    def __call__(self, shape, dtype=None):
        return keras.random.normal(shape, seed=self.options["seed"])

    def get_config(self):
        return self.options


@pytest.mark.parametrize("initializer", [Unseeded(), lambda shape, dtype=None: keras.random.normal(shape)])
def test_an_initializer_that_cannot_draw_the_same_again_is_refused(initializer):
    layer = keras.layers.Dense(3, kernel_initializer=initializer, name="own")
    layer.build((None, 4))
    with pytest.raises(InputError, match="The kernel initializer of 'own' draws other numbers at each call"):
        initial_weights.draw_kernel(layer, np.random.default_rng(0))


def test_an_initializer_of_ones_own_gets_its_seed():
    layer = keras.layers.Dense(3, kernel_initializer=Seeded(seed=1))
    layer.build((None, 4))
    first, again, other = (initial_weights.draw_kernel(layer, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


@pytest.mark.parametrize("initializer", ["he_normal", "orthogonal", "ones", scaled_ones])
def test_kernels_are_drawn_from_the_layers_own_initializer(initializer):
    layer = keras.layers.Dense(30, kernel_initializer=initializer)
    layer.build((None, 40))
    first, again, other = (initial_weights.draw_kernel(layer, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    if initializer in ("he_normal", "orthogonal"):
        assert (first != other).mean() > 0.99
        assert first.std() == pytest.approx(layer.kernel.numpy().std(), rel=0.1)
    else:
        np.testing.assert_array_equal(first, layer.kernel)


def test_a_weight_that_a_model_of_ones_own_holds_beside_its_layer_has_one_name():
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="a"), keras.layers.Dense(2, name="b")])
    model = lt.MaskedModel(network)  # keeps a list of the kernels of its network
    found = list(model_weights.variables(model))
    inside = [f"{model.network.name}/{layer}/{weight}" for layer in "ab" for weight in ("kernel", "bias")]
    assert found == [*inside, "mask_of_a_kernel/logits", "mask_of_b_kernel/logits"]
