"""Rewinding keeps masks, and takes only weights of the model."""

import numpy as np
import pytest
from digit_networks import network

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import model_weights

NAN, INF = float("nan"), float("inf")


def test_rewinding_keeps_masks_where_set_weights_takes_them_back():
    plain = network()
    model = lt.masked(plain)
    w0, named = model.get_weights(), lt.get_weights(model)
    rng = np.random.default_rng(0)
    for each in model_weights.masked_kernels(model).values():
        each.set_mask(rng.random(each.variable.shape) < 0.5, np.full(each.variable.shape, 0.125))
    mask = {name: layer.kernel_mask.numpy() for name, layer in model_weights.masked_kernels(model).items()}
    for given in (w0, named, plain.get_weights()):
        for variable in model.trainable_variables:
            variable.assign(rng.normal(size=variable.shape))  # a training
        frozen = lt.get_weights(model)
        lt.rewind(model, given)
        for name, value in lt.get_weights(model).items():
            wanted = np.where(mask[name], named[name], frozen[name]) if name in mask else named[name]
            assert value.tobytes() == wanted.tobytes()
        now = {name: layer.kernel_mask.numpy() for name, layer in model_weights.masked_kernels(model).items()}
        assert all((now[name] == mask[name]).all() for name in mask)
    model.set_weights(w0)
    assert all(layer.kernel_mask.numpy().all() for layer in model_weights.masked_kernels(model).values())


def test_rewinding_to_what_is_not_the_models():
    model = lt.masked(network())
    with pytest.raises(InputError, match="0 arrays are given; .* has 8, and 4 without its masks"):
        lt.rewind(model, ())
    with pytest.raises(InputError, match="needs a masked model"):
        lt.rewind(network(), lt.get_weights(network()))
    with pytest.raises(InputError, match="The weights are not those of the model"):
        lt.rewind(model, {})


def test_weights_that_are_not_finite_are_not_set():
    model = lt.masked(network())
    before = lt.get_weights(model)
    name = next(iter(before))
    for odd in (NAN, INF, 1e39):
        wrong = before | {name: np.full(before[name].shape, odd)}
        for put in (lt.set_weights, lt.rewind):
            with pytest.raises(InputError, match=f"{name}: weights must be finite numbers in float32"):
                put(model, wrong)
        with pytest.raises(InputError, match="weights must be finite numbers in float32"):
            lt.rewind(model, [np.full(variable.shape, odd) for variable in network().weights])
    assert all(value.tobytes() == before[name].tobytes() for name, value in lt.get_weights(model).items())
