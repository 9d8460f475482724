"""Masked layers: pruned weights do not move by a bit, whatever the optimizer, and everything survives saving."""

import re

import keras
import numpy as np
import pytest

from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, kernel_table, model_weights
from lottery_tf.masking.layers import MASKABLE, MaskedConv2D, MaskedDense

OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.01),
    "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
    "momentum with decay": lambda: keras.optimizers.SGD(0.01, momentum=0.9, weight_decay=0.1),
    "clipped": lambda: keras.optimizers.Adam(0.01, global_clipnorm=0.1),
}


def small_network():
    keras.utils.set_random_seed(0)
    stack = [
        keras.Input((8, 8, 2)),
        MaskedConv2D(4, 3, activation="relu"),
        keras.layers.Flatten(),
        MaskedDense(6, activation="relu", kernel_constraint=keras.constraints.MaxNorm(1.0)),
        MaskedDense(3, use_bias=False),
    ]
    return keras.Sequential(stack)


def mask_half(model, seed=0):
    """Masks half of each layer: a third of the pruned weights at zero, the others at odd values."""
    rng = np.random.default_rng(seed)
    for layer in model_weights.masked_kernels(model).values():
        shape = tuple(layer.variable.shape)
        layer.set_mask(rng.random(shape) < 0.5, np.where(rng.random(shape) < 0.3, 0, rng.normal(0, 0.3, shape)))


def images_and_labels(seed=0):
    rng = np.random.default_rng(seed)
    return rng.random((60, 8, 8, 2), np.float32), rng.integers(0, 3, 60)


@pytest.mark.slow
@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_keras_fit_leaves_pruned_weights_bit_for_bit(optimizer, jit):
    model = small_network()
    mask_half(model)
    before = model_weights.kernels(model)
    model.compile(
        OPTIMIZERS[optimizer](), keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=jit
    )
    model.fit(*images_and_labels(), batch_size=20, epochs=2, verbose=0)
    for name, layer in model_weights.masked_kernels(model).items():
        kept, after = layer.kernel_mask.numpy(), layer.variable.numpy()
        assert after[~kept].tobytes() == before[name][~kept].tobytes()
        assert (after[kept] != before[name][kept]).mean() > 0.5, "kept weights did not train"


AVERAGED = {  # how averages take the weights' place: at the end, now and then, or for each evaluation
    "end": ({}, []),
    "overwritten": ({"ema_overwrite_frequency": 2}, []),
    "swapped": ({}, [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)]),
}


class Weights(keras.callbacks.Callback):
    """Keeps the kernels as every evaluation sees them."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_test_begin(self, logs=None):
        self.seen.append(model_weights.kernels(self.model))


@pytest.mark.slow
@pytest.mark.parametrize("averaged", AVERAGED)
def test_averages_of_weights_hold_pruned_ones_to_the_bit(averaged):
    options, callbacks = AVERAGED[averaged]
    model, watch = small_network(), Weights()
    mask_half(model)
    before = model_weights.kernels(model)
    optimizer = keras.optimizers.AdamW(weight_decay=0.1, use_ema=True, ema_momentum=0.9, **options)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    data = images_and_labels()
    model.fit(*data, batch_size=20, epochs=2, verbose=0, validation_data=data, callbacks=[*callbacks, watch])
    for kernels in (*watch.seen, model_weights.kernels(model)):
        for name, layer in model_weights.masked_kernels(model).items():
            pruned = ~layer.kernel_mask.numpy()
            assert kernels[name][pruned].tobytes() == before[name][pruned].tobytes()
            assert (kernels[name][~pruned] != before[name][~pruned]).mean() > 0.5


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
