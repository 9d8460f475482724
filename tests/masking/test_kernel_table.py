"""Kernels that cannot be pruned are left whole: integer ones, those with LoRA, those computed from others."""

import keras
import numpy as np
import pytest
from own_classes import examples

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import initial_weights, model_weights

layers = keras.layers


@pytest.mark.slow
def test_layers_that_compute_with_other_numbers_stay_whole_and_are_told():
    quantized, adapted = layers.Dense(5), layers.Dense(6)
    model = keras.Sequential([keras.Input((4,)), quantized, adapted, layers.Dense(3)])
    quantized.quantize("int8")
    adapted.enable_lora(2)
    masked = lt.masked(model)
    assert [kernel.shape for kernel in (each.variable for each in model_weights.masked_kernels(masked).values())] == [
        (6, 3)
    ]
    assert lt.mask_summary(masked).without_mask["quantized or LoRA kernels of Dense"] == 20 + 30
    untrained = model_weights.get_weights(masked)
    drawn = initial_weights.initial_weights(masked, untrained, 0)
    assert [name for name in drawn if (drawn[name] != untrained[name]).any()] == list(
        model_weights.masked_kernels(masked)
    )
    inputs, _ = examples(model)
    np.testing.assert_allclose(masked(inputs), model(inputs), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("change", [lambda layer: layer.quantize("int8"), lambda layer: layer.enable_lora(2)])
def test_a_model_of_such_layers_alone_is_refused_for_that_reason(change):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5), layers.BatchNormalization()])
    change(model.layers[0])
    with pytest.raises(InputError, match="only kernels of whole numbers .*int8.* or with LoRA, which cannot be pruned"):
        lt.masked(model)


def test_spectral_normalization_changes_its_kernel_and_keeps_it_whole():
    model = keras.Sequential([keras.Input((4,)), layers.SpectralNormalization(layers.Dense(5)), layers.Dense(3)])
    assert [
        kernel.shape for kernel in (k.variable for k in model_weights.masked_kernels(lt.masked(model)).values())
    ] == [(5, 3)]
