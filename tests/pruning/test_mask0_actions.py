"""Mask-0 actions: what must hold after each, checked without calling another action."""

import numpy as np
import pytest

from lottery_tf.pruning.mask0_actions import MASK0
from lottery_tf.registry import call_by_parameter_names


def mask0(name, layer):
    start = np.where(layer["kept"], np.float32(7), layer["w_i"])  # 7: whatever the mask-1 action gave
    return start, call_by_parameter_names(MASK0[name], **layer, start=start, rng=np.random.default_rng(0))


@pytest.mark.parametrize("name", sorted(set(MASK0) - {"hybrid_all"}))
def test_kept_weights_are_left_alone(name, layer):
    _, result = mask0(name, layer)
    assert (result[layer["kept"]] == 7).all()


def frozen_by_hand(name, w_i, w_f):
    """The rules of Section 4 for one pruned weight."""
    if name == "zero":
        return 0
    if name == "init":
        return w_i
    if name == "hybrid_reverse":
        return 0 if abs(w_f) > abs(w_i) else w_i
    return 0 if abs(w_f) < abs(w_i) else w_i  # hybrid and hybrid_all


@pytest.mark.parametrize("name", ["zero", "init", "hybrid", "hybrid_all", "hybrid_reverse"])
def test_pruned_weights_are_frozen_by_the_rule(name, layer):
    _, result = mask0(name, layer)
    for place in zip(*np.nonzero(layer["pruned"]), strict=True):
        assert result[place] == frozen_by_hand(name, layer["w_i"][place], layer["w_f"][place])


def test_hybrid_all_also_starts_shrunk_kept_weights_from_zero(layer):
    start, result = mask0("hybrid_all", layer)
    kept, shrunk = layer["kept"], np.abs(layer["w_f"]) < np.abs(layer["w_i"])
    assert (result[kept & shrunk] == 0).all()
    assert (result[kept & ~shrunk] == start[kept & ~shrunk]).all()


def test_hybrid_random_has_as_many_zeros_as_hybrid_elsewhere(layer):
    pruned = layer["pruned"]
    (_, hybrid), (_, control) = mask0("hybrid", layer), mask0("hybrid_random", layer)
    assert (control[pruned] == 0).sum() == (hybrid[pruned] == 0).sum() > 0
    assert ((control == 0) != (hybrid == 0))[pruned].any()
    assert ((control == 0) | (control == layer["w_i"]))[pruned].all()
