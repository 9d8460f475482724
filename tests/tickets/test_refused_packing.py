"""Weights, masks and arguments that are not packed, and tickets whose weights are not rebuilt."""

import dataclasses

import numpy as np
import pytest
from ticket_files import draw_mask

import lottery_tf as lt
from lottery_tf.errors import InputError
from lottery_tf.masking import model_weights
from lottery_tf.pruning import masks
from lottery_tf.tickets import packing, ticket_format


def fc_with(change):
    """A trained fc whose weights were changed, half of them pruned at zero."""
    from lottery_tf.masking import model_weights
    from lottery_tf.models import networks

    model, mask = networks.build("fc"), draw_mask("fc", 0.5)
    state = model_weights.get_weights(model)
    state |= {name: np.where(kept, state[name], np.float32(0)) for name, kept in mask.items()}
    change(state, mask)
    model_weights.assign(model, state, mask)
    return model


def set_pruned(state, mask):
    state["output/kernel"][~mask["output/kernel"]] = 0.25


def set_kept(name, value):
    def change(state, mask):
        state[name][mask.get(name, ...)] = value

    return change


@pytest.mark.parametrize(
    ("change", "dtype", "message"),
    [
        (
            set_pruned,
            "float32",
            "pruned weights of 'output/kernel' are neither zero nor at the initial value of seed 0",
        ),
        (set_kept("output/kernel", np.nan), "float32", "'output/kernel' has a weight that is not a finite number"),
        (
            set_kept("output/kernel", 1e5),
            "float16",
            "'output/kernel' has a weight that is not a finite number in float16",
        ),
        (set_kept("output/bias", np.inf), "float32", "'output/bias' has a weight that is not a finite number"),
        (lambda state, mask: None, "int8", "Unknown dtype of kept weights 'int8'"),
    ],
)
def test_weights_that_cannot_be_packed(change, dtype, message):
    with pytest.raises(InputError, match=message):
        packing.pack_trained(fc_with(change), 0, dtype)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda call: call["mask"].pop("output/kernel"), "The mask is not one of 'fc'"),
        (lambda call: call["mask"].update({"output/kernel": np.ones((10, 100), bool)}), "The mask is not one of 'fc'"),
        (lambda call: call["mask"]["output/kernel"].fill(False), "keeps 0 of the 1000 weights of 'output/kernel'"),
        (lambda call: call.update(weights="inital"), "Unknown weights 'inital'; did you mean 'initial'"),
        (lambda call: call.update(seed=-1), "seed is -1"),
    ],
)
def test_supermasks_that_cannot_be_packed(change, message):
    from lottery_tf.models import networks

    call = {"mask": draw_mask("fc", 0.5), "seed": 0}
    change(call)
    with pytest.raises(InputError, match=message):
        packing.pack_supermask(networks.build("fc"), **call)


def test_weights_that_are_not_rebuilt_are_told():
    packed = ticket_format.parse(packed_fc())
    with pytest.raises(InputError, match="their SHA-256 differs"):
        packing.rebuild(dataclasses.replace(packed, seed=1))
    with pytest.raises(InputError, match="other names, shapes or types"):
        packing.rebuild(dataclasses.replace(packed, architecture=packed.architecture | {"image_shape": [1, 1, 1]}))


def packed_fc():
    from lottery_tf.models import networks

    return packing.pack_supermask(networks.build("fc"), draw_mask("fc", 0.5), 0)


def test_a_supermask_of_floats_is_not_packed():
    model = lt.build("fc", (2, 2, 1))
    mask = {name: np.full(kept.shape, 0.7) for name, kept in masks.full(model_weights.kernels(model)).items()}
    with pytest.raises(InputError, match="dense_1/kernel: a mask is of booleans"):
        lt.pack_supermask(model, mask, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": 1.5}, "seed is 1.5; it must be a whole number"),
        ({"seed": "0"}, "seed is '0'; it must be a whole number"),
        ({"seed": 2**63}, r"seed is \d+; it must be below 2\*\*63"),
        ({"rescale": "no"}, "rescale is 'no'; it must be True or False"),
        ({"mask": None}, "mask is None; it must be an object"),
        ({"weights": "trained"}, "Unknown weights 'trained'. Valid: initial, signed_constant"),
    ],
)
def test_supermasks_that_are_not_packed(arguments, message):
    model = lt.build("fc", (2, 2, 1))
    with pytest.raises(InputError, match=message):
        lt.pack_supermask(**{"model": model, "mask": masks.full(model_weights.kernels(model)), "seed": 0} | arguments)
