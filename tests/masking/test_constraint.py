"""Pruned weights keep their bits in Keras's own fit, with every optimizer."""

import keras
import pytest
from small_networks import images_and_labels, mask_half, small_network

from lottery_tf.masking import model_weights

OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(0.01),
    "adamw": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
    "momentum with decay": lambda: keras.optimizers.SGD(0.01, momentum=0.9, weight_decay=0.1),
    "clipped": lambda: keras.optimizers.Adam(0.01, global_clipnorm=0.1),
}


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
