"""Mask-1 actions: the values from which kept weights start the next round (step 3 of the algorithm).

Reference: Zhou et al., Section 3 and Figure 4. An action is called once for each layer. It may have any of these
parameters, and gets the arguments it names:

  w_i     the layer's weights in the untrained network; with late rewinding (`Treatment.rewind_to`) those of the dense
          network at that iteration of its training
  w_f     the weights at the end of the training that the mask was made from
  kept    boolean: True where the new mask keeps the weight
  pruned  boolean: True where this round prunes the weight. A weight that an earlier round pruned is in neither
  draw    a function of a generator that draws the layer anew from its initial distribution
  rng     a NumPy generator of this seed, action, level and layer

Each array is a copy in the kernel's shape. The action returns an array of this shape, which is read where `kept` is
True.

>>> import numpy as np
>>> constant_init_sign(w_i=np.array([3.0, -1.0, 1.0, -3.0])).round(2).tolist()
[2.24, -2.24, 2.24, -2.24]
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def rewind(w_i):
    """Returns the initial values, or those of the rewind point (Frankle & Carbin)."""
    return w_i


def finetune(w_f):
    """Baseline: the values at the end of training, without rewinding. Biases and batch norm keep theirs too."""
    return w_f


def reinit(draw, rng):
    """Draws new values from the layer's initial distribution."""
    return draw(rng)


def reshuffle(w_i, kept, rng):
    """Returns the initial values of the kept weights, shuffled among the kept positions."""
    shuffled = w_i.copy()
    shuffled[kept] = rng.permutation(w_i[kept])
    return shuffled


def constant(w_i, rng):
    """+ or - the standard deviation of all initial weights of the layer, with random signs."""
    return np.copysign(_deviation(w_i), rng.choice([-1, 1], w_i.shape))


def reinit_init_sign(w_i, draw, rng):
    """Like `reinit`, but each weight has the sign of its initial value."""
    return np.copysign(reinit(draw, rng), w_i)


def reshuffle_init_sign(w_i, kept, rng):
    """Like `reshuffle`, but each weight has the sign of its own initial value."""
    return np.copysign(reshuffle(w_i, kept, rng), w_i)


def constant_init_sign(w_i):
    """Like `constant`, but each weight has the sign of its initial value."""
    return np.copysign(_deviation(w_i), w_i)


def _deviation(w_i):
    """Returns the population standard deviation, in double precision so that it does not depend on the processor."""
    return np.float32(w_i.std(dtype=np.float64))


MASK1_ARGUMENTS = ("w_i", "w_f", "kept", "pruned", "draw", "rng")  # the parameters that a mask-1 action may have


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

# Mask-1 actions after which the whole network continues its training: biases, batch norm and learning rate too.
CONTINUE_TRAINING = ("finetune",)


SUPERMASK_WEIGHTS = {"initial": rewind, "signed_constant": constant_init_sign}  # name -> f(w_i)
