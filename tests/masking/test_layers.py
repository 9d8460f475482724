"""Masked layers: pruned weights do not move by a bit, whatever the optimizer, and everything survives saving."""

import keras
import numpy as np
import pytest

from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, model_weights
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
    for layer in model_weights.masked_layers(model).values():
        shape = tuple(layer.kernel.shape)
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
    for name, layer in model_weights.masked_layers(model).items():
        kept, after = layer.kernel_mask.numpy(), layer.kernel.numpy()
        assert after[~kept].tobytes() == before[name][~kept].tobytes()
        assert (after[kept] != before[name][kept]).mean() > 0.5, "kept weights did not train"


@pytest.mark.slow
def test_averages_of_weights_hold_pruned_ones_where_the_mask_came_first():
    model = small_network()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(use_ema=True, ema_momentum=0.9), loss)
    mask_half(model)
    before = model_weights.kernels(model)
    model.fit(*images_and_labels(), batch_size=20, epochs=2, verbose=0)
    for name, layer in model_weights.masked_layers(model).items():
        pruned = ~layer.kernel_mask.numpy()
        np.testing.assert_allclose(layer.kernel.numpy()[pruned], before[name][pruned], rtol=1e-6)
        layer.set_mask(~pruned, before[name])
        assert layer.kernel.numpy()[pruned].tobytes() == before[name][pruned].tobytes()


def test_pruned_weights_leave_no_trace_in_the_gradient():
    import tensorflow as tf

    model = small_network()
    mask_half(model)
    images, labels = images_and_labels()
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(labels, model(images), from_logits=True))
    layers = model_weights.masked_layers(model)
    gradients = tape.gradient(loss, [layer.kernel.value for layer in layers.values()])
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
    pairs = zip(model_weights.masked_layers(model).values(), model_weights.masked_layers(loaded).values(), strict=True)
    for saved, found in pairs:
        for variable in ("kernel", "kernel_mask", "frozen_values"):
            np.testing.assert_array_equal(getattr(saved, variable), getattr(found, variable))
    loaded.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    loaded.fit(*images_and_labels(), verbose=0)
    for name, layer in model_weights.masked_layers(loaded).items():
        kept = layer.kernel_mask.numpy()
        np.testing.assert_array_equal(layer.kernel.numpy()[~kept], model_weights.kernels(model)[name][~kept])


def test_weights_files_round_trip(tmp_path):
    model, other = small_network(), small_network()
    mask_half(model)
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    for a, b in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("plain", MASKABLE)
def test_each_layer_can_be_masked(plain):
    layer = MASKABLE[plain](4, *(() if plain is keras.layers.Dense else (2,)))
    rank = 2 if plain is keras.layers.Dense else int(plain.__name__[4]) + 2
    images = np.random.default_rng(0).random((2, *[5] * (rank - 2), 3), np.float32)
    layer.build(images.shape)
    kept = np.random.default_rng(1).random(layer.kernel.shape) < 0.5
    dense = layer.kernel.numpy()
    layer.set_mask(kept)
    reference = plain.from_config(layer.get_config())
    reference.build(images.shape)
    reference.kernel.assign(dense * kept)
    reference.bias.assign(layer.bias)
    np.testing.assert_array_equal(layer(images), reference(images))


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
