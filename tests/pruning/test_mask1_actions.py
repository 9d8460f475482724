"""Mask-1 actions: what must hold after each, checked without calling another action."""

import numpy as np
import pytest

from lottery_tf.pruning.mask1_actions import MASK1
from lottery_tf.registry import call_by_parameter_names


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
