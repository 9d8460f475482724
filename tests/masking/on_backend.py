"""Masks, trains, saves and compares a model on the backend that KERAS_BACKEND names; a test runs it as a script."""

import tempfile

import keras
import numpy as np

from lottery_tf.masking import conversion, model_weights

layers = keras.layers


def network():
    images = keras.Input((8, 8, 2))
    x = layers.SeparableConv2D(4, 3, activation="relu")(layers.Conv2D(6, 3, activation="relu")(images))
    x = layers.BatchNormalization()(layers.Reshape((16, 4))(x))
    x = layers.MultiHeadAttention(2, 3)(x, x) + x
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x)
    x = layers.Dropout(0.1)(layers.GRU(4)(layers.TimeDistributed(layers.Dense(4))(x)))
    return keras.Model(images, layers.Dense(3)(x))


def main():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    model = conversion.masked(network())
    kernels = model_weights.masked_kernels(model)
    for kernel in kernels.values():
        shape = tuple(kernel.variable.shape)
        kernel.set_mask(rng.random(shape) < 0.5, np.where(rng.random(shape) < 0.3, 0, rng.normal(0, 0.3, shape)))
    images, labels = rng.random((24, 8, 8, 2), np.float32), rng.integers(0, 3, 24)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    # With averages, Keras 3.15's own fit fails at its end on JAX, whatever the model.
    averages = {"use_ema": keras.backend.backend() != "jax", "ema_momentum": 0.9, "ema_overwrite_frequency": 2}
    optimizers = [
        keras.optimizers.AdamW(0.01, weight_decay=0.1, **averages),
        keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.1),
    ]
    for optimizer in optimizers:
        before = model_weights.kernels(model)
        model.compile(optimizer, loss)
        model.fit(images, labels, batch_size=8, epochs=2, validation_split=0.25, verbose=0)
        after = model_weights.kernels(model)
        for name, kernel in kernels.items():
            kept = np.asarray(keras.ops.convert_to_numpy(kernel.kernel_mask))
            assert after[name][~kept].tobytes() == before[name][~kept].tobytes(), f"{name} moved"
            assert (after[name][kept] != before[name][kept]).mean() > 0.5, f"{name} did not train"
        # Another mask after a training holds from then on.
        first = next(iter(kernels.values()))
        first.set_mask(rng.random(tuple(first.variable.shape)) < 0.5, np.ones(first.variable.shape))
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.keras")
        loaded = keras.models.load_model(f"{folder}/model.keras")
    outputs = [keras.ops.convert_to_numpy(each(images)) for each in (model, loaded, conversion.unmasked(model))]
    for other in outputs[1:]:
        np.testing.assert_allclose(other, outputs[0], atol=1e-6)
    print(keras.backend.backend(), len(kernels), "kernels held")


if __name__ == "__main__":
    main()
