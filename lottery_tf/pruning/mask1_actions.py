"""Mask-1 actions: where kept weights start the next round."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def rewind(w_i):
    """Back to the initial values, or to those of the rewind point (Frankle & Carbin)."""
    return w_i


def finetune(w_f):
    """Baseline: on from where training left them, without rewinding; so do all weights that are no kernels."""
    return w_f


def reinit(draw, rng):
    """Drawn anew from the layer's initial distribution."""
    return draw(rng)


def reshuffle(w_i, kept, rng):
    """The kept weights' initial values, permuted among the kept places."""
    shuffled = w_i.copy()
    shuffled[kept] = rng.permutation(w_i[kept])
    return shuffled


def constant(w_i, rng):
    """+ or - the standard deviation of all the layer's initial weights, the sign at random."""
    return np.copysign(_deviation(w_i), rng.choice([-1, 1], w_i.shape))


def reinit_init_sign(w_i, draw, rng):
    """As `reinit`, each weight with the sign of its initial value."""
    return np.copysign(reinit(draw, rng), w_i)


def reshuffle_init_sign(w_i, kept, rng):
    """As `reshuffle`, each weight with the sign of its own initial value."""
    return np.copysign(reshuffle(w_i, kept, rng), w_i)


def constant_init_sign(w_i):
    """The standard deviation of all the layer's initial weights with the sign of the weight's initial value."""
    return np.copysign(_deviation(w_i), w_i)


def _deviation(w_i):
    """The population standard deviation, summed in double precision so that it does not depend on the processor."""
    return np.float32(w_i.std(dtype=np.float64))


MASK1_ARGUMENTS = ("w_i", "w_f", "kept", "pruned", "draw", "rng")  # what a mask-1 action may ask for


MASK1: dict[str, Callable[..., np.ndarray]] = {
    action.__name__: action
    for action in (
        rewind,
        reinit,
        reshuffle,
        constant,
        reinit_init_sign,
        reshuffle_init_sign,
        constant_init_sign,
        finetune,
    )
}

CONTINUE_TRAINING = (
    "finetune",
)  # mask-1 actions after which the whole network goes on: biases, batch norm, learning rate


SUPERMASK_WEIGHTS = {"initial": rewind, "signed_constant": constant_init_sign}  # name -> f(w_i)
