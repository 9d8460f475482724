"""Masked layers compute with the kept weights, and everything survives saving."""

import re

import keras
import numpy as np
import pytest
from digit_networks import network
from small_networks import images_and_labels, mask_half, small_network

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, kernel_table, model_weights
from lottery_tf.masking.layers import MASKABLE, MaskedDense


def test_pruned_weights_leave_no_trace_in_the_gradient():
    import tensorflow as tf

    model = small_network()
    mask_half(model)
    images, labels = images_and_labels()
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, model(images), from_logits=True))
    layers = model_weights.masked_kernels(model)
    gradients = tape.gradient(loss, [layer.variable.value for layer in layers.values()])
    plain = conversion.unmasked(model)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, plain(images), from_logits=True))
    whole = tape.gradient(loss, [layer.kernel.value for layer in plain.layers if hasattr(layer, "kernel")])
    for layer, gradient, unmasked in zip(layers.values(), gradients, whole, strict=True):
        kept = layer.kernel_mask.numpy()
        assert (gradient.numpy()[~kept] == 0).all()
        np.testing.assert_allclose(gradient.numpy()[kept], unmasked.numpy()[kept], rtol=1e-5, atol=1e-8)


def test_outputs_are_those_of_keras_layers():
    model = small_network()
    mask_half(model)
    images, _ = images_and_labels()
    np.testing.assert_array_equal(model(images), conversion.unmasked(model)(images))


@pytest.mark.slow
def test_saving_and_loading_keeps_masks_and_frozen_values(tmp_path):
    model = small_network()
    mask_half(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    pairs = zip(
        model_weights.masked_kernels(model).values(), model_weights.masked_kernels(loaded).values(), strict=True
    )
    for saved, found in pairs:
        for name in ("variable", "kernel_mask", "frozen_values"):
            np.testing.assert_array_equal(getattr(saved, name), getattr(found, name))
    loaded.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    loaded.fit(*images_and_labels(), verbose=0)
    for name, layer in model_weights.masked_kernels(loaded).items():
        kept = layer.kernel_mask.numpy()
        np.testing.assert_array_equal(layer.variable.numpy()[~kept], model_weights.kernels(model)[name][~kept])


def test_weights_files_round_trip(tmp_path):
    model, other = small_network(), small_network()
    mask_half(model)
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    for a, b in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)


ARGUMENTS = {"Dense": (4,), "Embedding": (5, 4), "EinsumDense": ("abc,cd->abd", (None, 4))}


def made(kind):
    """A layer, and inputs for it."""
    name = kind.__name__.removeprefix("Masked")
    rng = np.random.default_rng(0)
    if name.endswith("Cell"):
        return kind(4, **({"kernel_size": 2, "rank": 1} if "Conv" in name else {})), None
    rank = int(re.search(r"(\d)D", name)[1]) if "Conv" in name else 1
    arguments = ARGUMENTS.get(name, (2,) if "Depthwise" in name else (4, 2))
    inputs = rng.integers(0, 5, (2, 5)) if name == "Embedding" else rng.random((2, *[5] * rank, 3), np.float32)
    return kind(*arguments), inputs


@pytest.mark.parametrize("plain", [kind for kind in MASKABLE if not kind.__name__.endswith("Cell")])
def test_each_layer_computes_with_what_its_masks_leave(plain):
    layer, inputs = made(MASKABLE[plain])
    layer.build(inputs.shape)
    rng, kernels = np.random.default_rng(1), layer.masked_kernels
    reference = plain.from_config(layer.get_config())
    reference.build(inputs.shape)
    for each, other in zip(kernels, kernel_table.kernel_variables(reference), strict=True):
        kept, dense = rng.random(each.variable.shape) < 0.5, each.variable.numpy()
        each.set_mask(kept)
        other[1].assign(dense * kept)
    np.testing.assert_array_equal(layer(inputs), reference(inputs))


@pytest.mark.parametrize("plain", [kind for kind in MASKABLE if "Cell" not in kind.__name__])
def test_pruned_weights_of_each_layer_feel_no_gradient(plain):
    import tensorflow as tf

    layer, inputs = made(MASKABLE[plain])
    layer.build(inputs.shape)
    for each in layer.masked_kernels:
        each.set_mask(np.random.default_rng(1).random(each.variable.shape) < 0.5)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(inputs) ** 2)
    for each, gradient in zip(
        layer.masked_kernels, tape.gradient(loss, [each.variable.value for each in layer.masked_kernels]), strict=True
    ):
        kept = each.kernel_mask.numpy()
        assert (gradient.numpy()[~kept] == 0).all() and (gradient.numpy()[kept] != 0).any()


def test_a_layer_with_two_kernels_is_told_which_one_to_mask():
    layer = MASKABLE[keras.layers.SeparableConv1D](4, 2)
    layer.build((None, 5, 3))
    layer.set_mask(np.arange(12).reshape(1, 3, 4) % 2, kernel="pointwise_kernel")
    depthwise, pointwise = (each.kernel_mask.numpy() for each in layer.masked_kernels)
    assert depthwise.all() and pointwise.mean() == 0.5
    with pytest.raises(InputError, match="kernel is None; it must be one of depthwise_kernel, pointwise_kernel"):
        layer.set_mask(np.ones((2, 3, 1)))


def test_lora_would_move_pruned_weights_and_is_refused():
    model = small_network()
    with pytest.raises(InputError, match="LoRA adds to pruned weights"):
        model.layers[-1].enable_lora(2)


@pytest.mark.parametrize(
    ("kept", "frozen", "message"),
    [
        (np.ones((3, 2)), None, r"a mask of shape \(3, 2\) for a kernel of \(4, 2\)"),
        (np.zeros((4, 2)), None, "keeps 0 of 8 weights"),
        (np.ones((4, 2)), np.zeros(2), r"frozen values of shape \(2,\)"),
    ],
)
def test_masks_that_do_not_fit_are_refused(kept, frozen, message):
    layer = MaskedDense(2)
    layer.build((None, 4))
    with pytest.raises(InputError, match=message):
        layer.set_mask(kept, frozen)


def test_another_process_loads_masks_once_it_knows_the_layers(command, tmp_path):
    model = small_network()
    mask_half(model)
    model.save(tmp_path / "model.keras")
    code = f"""
import keras, lottery_tf.masking.layers
layer = keras.models.load_model({str(tmp_path / "model.keras")!r}).layers[-1]
print(int(layer.kernel_mask.numpy().sum()))
"""
    done = command(None, code=code)
    assert int(done.stdout) == model.layers[-1].kernel_mask.numpy().sum(), done.stderr


NAN, INF = float("nan"), float("inf")


@pytest.fixture
def layer():
    dense = lt.MaskedDense(2)
    dense.build((None, 3))
    return dense


KEPT = np.array([[1, 0], [1, 1], [0, 1]])


@pytest.mark.parametrize("dtype", [bool, np.uint8, int, float, np.float16])
def test_masks_of_booleans_or_zeros_and_ones(dtype, layer):
    layer.set_mask(KEPT.astype(dtype))
    assert layer.kernel_mask.numpy().tolist() == KEPT.astype(bool).tolist()


@pytest.mark.parametrize(
    "kept",
    [
        [[0.2, 0.7]] * 3, [[NAN, 1]] * 3, [[2, 1]] * 3, [[-1, 1]] * 3, [["False", "True"]] * 3, [[None, True]] * 3,
        np.ones((3, 2), complex), np.ones((3, 2), "M8[s]"), "False", None,
    ],
)  # fmt: skip
def test_masks_of_anything_else(kept, layer):
    with pytest.raises(InputError, match="a mask is of booleans, or of numbers that are 0 or 1; given: "):
        layer.set_mask(kept)
    assert layer.kernel_mask.numpy().all()


@pytest.mark.parametrize("frozen", [NAN, INF, -INF, 1e39, "a", 1j])
def test_frozen_values_that_float32_does_not_have(frozen, layer):
    with pytest.raises(InputError, match="weights (must be finite numbers in float32|are numbers)"):
        layer.set_mask(KEPT, np.full((3, 2), frozen))
    layer.set_mask(KEPT, np.where(KEPT, np.nan, 0.25))  # those of kept weights are not read
    assert layer.kernel.numpy()[0, 1] == 0.25 and np.isfinite(layer.kernel.numpy()).all()


def test_what_has_no_mask_yet():
    with pytest.raises(InputError, match="has no weights yet: build it first"):
        lt.MaskedDense(2).set_mask(KEPT)
    for given in (None, "model.keras", [network()]):
        with pytest.raises(InputError, match="it must be a Keras Model"):
            lt.masked(given)
