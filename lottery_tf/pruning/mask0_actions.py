"""Mask-0 actions: where pruned weights are frozen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


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


def _shrunk(w_i, w_f):
    return np.abs(w_f) < np.abs(w_i)


MASK0_ARGUMENTS = ("w_i", "w_f", "kept", "pruned", "start", "rng")  # what a mask-0 action may ask for

MASK0: dict[str, Callable[..., np.ndarray]] = {
    action.__name__: action for action in (zero, init, hybrid, hybrid_all, hybrid_random, hybrid_reverse)
}
