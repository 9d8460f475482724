"""Mask-1 and mask-0 actions: what each must leave true, checked without calling another action."""

import numpy as np
import pytest

from lottery_tf.pruning.mask0_actions import MASK0
from lottery_tf.pruning.mask1_actions import MASK1
from lottery_tf.registry import call_by_parameter_names


@pytest.fixture
def layer():
    """A layer's arrays as `next_ticket` hands them to actions."""
    rng = np.random.default_rng(0)
    w_i = rng.normal(0, 0.1, (40, 30)).astype(np.float32)
    w_f = (w_i + rng.normal(0, 0.1, w_i.shape)).astype(np.float32)
    kept_before = rng.random(w_i.shape) < 0.8
    kept = kept_before & (rng.random(w_i.shape) < 0.7)
    return {"w_i": w_i, "w_f": w_f, "kept": kept, "pruned": kept_before & ~kept}


def mask1(name, layer, seed=0):
    def draw(rng):
        return rng.normal(0, 0.1, layer["w_i"].shape).astype(np.float32)

    return call_by_parameter_names(MASK1[name], **layer, draw=draw, rng=np.random.default_rng(seed))


def test_rewind_goes_back_to_the_initial_values(layer):
    np.testing.assert_array_equal(mask1("rewind", layer), layer["w_i"])


def test_finetune_goes_on_from_the_final_values(layer):
    np.testing.assert_array_equal(mask1("finetune", layer), layer["w_f"])


def test_reinit_draws_other_values_of_the_same_distribution(layer):
    new = mask1("reinit", layer, seed=1)
    assert not np.isclose(new, layer["w_i"]).all(axis=0).any()
    assert new.std() == pytest.approx(0.1, rel=0.1)
    assert np.corrcoef(new.ravel(), layer["w_i"].ravel())[0, 1] == pytest.approx(0, abs=0.1)


def test_reshuffle_permutes_the_kept_values_among_the_kept_places(layer):
    new, kept = mask1("reshuffle", layer), layer["kept"]
    np.testing.assert_array_equal(np.sort(new[kept]), np.sort(layer["w_i"][kept]))
    assert (new[kept] == layer["w_i"][kept]).mean() < 0.1


def test_constant_takes_two_values_of_the_whole_layers_deviation(layer):
    new = mask1("constant", layer)
    deviation = np.sqrt(np.mean(np.square(layer["w_i"] - layer["w_i"].mean(dtype=np.float64))))
    np.testing.assert_allclose(np.abs(new), deviation, rtol=1e-6)
    assert 0.4 < (new > 0).mean() < 0.6
    assert 0.4 < (np.sign(new) == np.sign(layer["w_i"])).mean() < 0.6


@pytest.mark.parametrize("name", ["reinit", "reshuffle", "constant"])
def test_init_sign_changes_signs_only(name, layer):
    free, signed, kept = mask1(name, layer), mask1(f"{name}_init_sign", layer), layer["kept"]
    np.testing.assert_array_equal(np.abs(signed[kept]), np.abs(free[kept]))
    np.testing.assert_array_equal(np.sign(signed[kept]), np.sign(layer["w_i"][kept]))


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
