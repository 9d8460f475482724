"""Weights by name: of shared layers, of a user's own classes, and of other models."""

import keras
import numpy as np
import pytest
from digit_networks import network
from own_classes import Block, selectable

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, model_weights
from lottery_tf.models import networks
from lottery_tf.pruning import masks


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


def test_states_of_other_models_are_refused():
    model = networks.build("fc")
    state = model_weights.get_weights(model)
    with pytest.raises(InputError, match="not those of the model 'fc': output/bias"):
        model_weights.set_weights(model, {name: value for name, value in state.items() if name != "output/bias"})
    with pytest.raises(InputError, match=r"'output/bias' has shape \(9,\); the model's has \(10,\)"):
        model_weights.set_weights(model, state | {"output/bias": np.zeros(9, np.float32)})


def test_a_weight_that_a_model_of_ones_own_holds_beside_its_layer_has_one_name():
    network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="a"), keras.layers.Dense(2, name="b")])
    model = lt.MaskedModel(network)  # keeps a list of the kernels of its network
    found = list(model_weights.variables(model))
    inside = [f"{model.network.name}/{layer}/{weight}" for layer in "ab" for weight in ("kernel", "bias")]
    assert found == [*inside, "mask_of_a_kernel/logits", "mask_of_b_kernel/logits"]


def test_kernels_without_a_mask_are_drawn_and_counted_and_decayed():
    model = lt.masked(selectable(), exclude=Block)
    experiment_kernels = model_weights.kernels(model)
    assert len(experiment_kernels) == 5 and len(model_weights.masked_kernels(model)) == 3
    assert len(model_weights.kernel_tensors(model)) == 5
    assert masks.kept_fraction(masks.full(experiment_kernels)) == 1


def test_a_mask_of_another_model():
    model = lt.masked(network())
    weights = lt.get_weights(model)
    mask = masks.full(model_weights.kernels(model))
    with pytest.raises(InputError, match="The mask is not one of the model .*: own"):
        lt.set_weights(model, weights, mask | {"own": np.ones(3, bool)})
