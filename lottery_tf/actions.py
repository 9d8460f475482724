"""Mask-1 actions (where kept weights start the next round) and mask-0 actions (where pruned weights are frozen).

Sources: Zhou et al., Section 3 (mask-1) and Section 4 (mask-0). An action is a function whose parameters name what it
wants and which returns an array of the layer's shape:

  w_i     the layer's initial weights: always those of the untrained network, in every round. With late rewinding a
          mask-1 action sees the weights of the rewind point in their place; a mask-0 action does not
  w_f     the weights at the end of the round's training
  kept    boolean: True where the new mask keeps the weight
  pruned  boolean: True where this round prunes the weight (weights pruned earlier stay where they were frozen)
  draw    (mask-1) a function of a generator that draws the layer anew from its initial distribution
  start   (mask-0) the kept weights as the mask-1 action left them, the pruned ones at their initial values
  rng     a NumPy generator of this seed, level and layer

A mask-1 action's values are used at the kept places. A mask-0 action turns `start` into the values from which the
layer starts the next round, where its pruned weights then stay.

The paper draws, shuffles and measures from the network's initial weights in every round; the authors' code let the
changes pile up from round to round instead. Here it is as the paper says.

>>> import numpy as np
>>> hybrid(start=np.array([5.0, 6.0]), pruned=np.array([True, True]), w_i=np.array([5.0, 6.0]), w_f=np.array([1.0, -7.0]))
array([0., 6.])
"""

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


def zero(start, pruned):
    """Pruned weights are frozen at zero."""
    return np.where(pruned, 0, start)


def init(start):
    """Pruned weights are frozen at their initial values."""
    return start


def hybrid(start, pruned, w_i, w_f):
    """Pruned weights are frozen at zero if training shrank them (|w_f| < |w_i|), else at their initial values."""
    return np.where(pruned & _shrunk(w_i, w_f), 0, start)


def hybrid_all(start, w_i, w_f):
    """As `hybrid`, and kept weights that training shrank start from zero too, but go on training."""
    return np.where(_shrunk(w_i, w_f), 0, start)


def hybrid_random(start, pruned, w_i, w_f, rng):
    """Control: as many pruned weights frozen at zero as `hybrid` has, at random places."""
    places = np.flatnonzero(pruned)
    zeros = rng.choice(places, np.count_nonzero(pruned & _shrunk(w_i, w_f)), replace=False)
    frozen = start.copy()
    frozen.flat[zeros] = 0
    return frozen


def hybrid_reverse(start, pruned, w_i, w_f):
    """Control: pruned weights are frozen at zero if training made them grow, else at their initial values."""
    return np.where(pruned & (np.abs(w_f) > np.abs(w_i)), 0, start)


def _deviation(w_i):
    """The population standard deviation, summed in double precision so that it does not depend on the processor."""
    return np.float32(w_i.std(dtype=np.float64))


def _shrunk(w_i, w_f):
    return np.abs(w_f) < np.abs(w_i)


MASK1_OFFERS = ("w_i", "w_f", "kept", "pruned", "draw", "rng")  # what a mask-1 action may ask for
MASK0_OFFERS = ("w_i", "w_f", "kept", "pruned", "start", "rng")  # what a mask-0 action may ask for

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
GOES_ON = ("finetune",)  # mask-1 actions after which the whole network goes on: biases, batch norm, learning rate
MASK0: dict[str, Callable[..., np.ndarray]] = {
    action.__name__: action for action in (zero, init, hybrid, hybrid_all, hybrid_random, hybrid_reverse)
}
