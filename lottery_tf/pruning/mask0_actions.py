"""Mask-0 actions: the values at which pruned weights are frozen (step 4 of the algorithm).

Reference: Zhou et al., Section 4 and Figure 5. An action is called once for each layer. It may have any of these
parameters, and gets the arguments it names:

  w_i     the layer's weights in the untrained network, also with late rewinding
  w_f     the weights at the end of the training that the mask was made from
  kept    boolean: True where the new mask keeps the weight
  pruned  boolean: True where this round prunes the weight. A weight that an earlier round pruned is in neither
  start   the mask-1 action's values where `kept` is True, and w_i at all other positions
  rng     a NumPy generator of this seed, action, level and layer

Each array is a copy in the kernel's shape. The action returns an array of this shape, which is read at kept and at
pruned positions: so it can also change where kept weights start (`hybrid_all` does). Weights that earlier rounds pruned
stay where they are.

>>> import numpy as np
>>> w_i, w_f = np.array([2.0, 3.0, -1.0]), np.array([0.5, 4.0, -2.0])
>>> hybrid(start=w_i, pruned=np.array([True, False, True]), w_i=w_i, w_f=w_f).tolist()
[0.0, 3.0, -1.0]
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def zero(start, pruned):
    """Freezes pruned weights at zero."""
    return np.where(pruned, 0, start)


def init(start):
    """Freezes pruned weights at their initial values."""
    return start


def hybrid(start, pruned, w_i, w_f):
    """Freezes pruned weights at zero if their magnitude fell (|w_f| < |w_i|), else at their initial values."""
    return np.where(pruned & _shrunk(w_i, w_f), 0, start)


def hybrid_all(start, w_i, w_f):
    """Like `hybrid`; in addition, kept weights whose magnitude fell start from zero, and are trained."""
    return np.where(_shrunk(w_i, w_f), 0, start)


def hybrid_random(start, pruned, w_i, w_f, rng):
    """Control: freezes the same number of pruned weights at zero as `hybrid`, at random positions."""
    positions = np.flatnonzero(pruned)
    zeros = rng.choice(positions, np.count_nonzero(pruned & _shrunk(w_i, w_f)), replace=False)
    frozen = start.copy()
    frozen.flat[zeros] = 0
    return frozen


def hybrid_reverse(start, pruned, w_i, w_f):
    """Control: freezes pruned weights at zero if their magnitude rose in training, else at their initial values."""
    return np.where(pruned & (np.abs(w_f) > np.abs(w_i)), 0, start)


def _shrunk(w_i, w_f):
    return np.abs(w_f) < np.abs(w_i)


MASK0_ARGUMENTS = ("w_i", "w_f", "kept", "pruned", "start", "rng")  # the parameters that a mask-0 action may have

MASK0: dict[str, Callable[..., np.ndarray]] = {
    action.__name__: action for action in (zero, init, hybrid, hybrid_all, hybrid_random, hybrid_reverse)
}
