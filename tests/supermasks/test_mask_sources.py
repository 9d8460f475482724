"""Masks of one dense network: against brute force, with ties, and against iterative pruning."""

import numpy as np
import pytest

from lottery_tf.pruning import criteria
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.supermasks.mask_sources import dense_scores, one_shot_masks


def one_shot(scores, fraction, levels, seed=0):
    """The masks of one layer."""
    return [mask["a"] for mask in one_shot_masks({"a": scores}, {"a": fraction}, levels, seed)]


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.75])
@pytest.mark.parametrize("distinct", [2, 5, 10**6])
def test_masks_are_those_of_brute_force(distinct, fraction):
    rng = np.random.default_rng(distinct)
    scores = rng.integers(distinct, size=(9, 13)).astype(np.float32)
    scores[rng.random(scores.shape) < 0.3] = criteria.LAST
    left, before = scores.size, np.ones(scores.shape, bool)
    for kept in one_shot(scores, fraction, levels=12):
        left -= int(left * fraction)
        assert kept.sum() == left
        assert (kept <= before).all(), "the masks are not nested"
        threshold = np.sort(scores, axis=None)[-left]
        assert kept[scores > threshold].all()
        assert not kept[scores < threshold].any()
        before = kept


def test_ties_are_broken_at_random_by_the_seed_alone():
    ties = np.zeros((100, 100))
    (kept,), (again,), (other,) = (one_shot(ties, 0.5, levels=1, seed=seed) for seed in (0, 0, 1))
    assert (kept == again).all()
    assert abs((kept == other).mean() - 0.5) < 0.02
    assert abs(kept.mean(axis=0) - 0.5).max() < 0.25


def test_layers_break_ties_differently():
    ties = dict.fromkeys("ab", np.zeros(1000))
    (mask,) = one_shot_masks(ties, dict.fromkeys("ab", 0.5), levels=1, seed=0)
    assert 0.4 < (mask["a"] == mask["b"]).mean() < 0.6


@pytest.mark.slow
@pytest.mark.parametrize("criterion", ["large_final", "small_init", "movement", "snip", "grad"])
def test_the_first_mask_is_that_of_iterative_pruning(criterion, experiment):
    """Level 1 of the loop is a one-shot mask, but for weights of equal scores."""
    dense = experiment.dense(0, weights=True)
    scores = dense_scores(experiment, dense, Treatment(criterion))
    first, second = one_shot_masks(scores, experiment.pruned_fraction, levels=2, seed=0)
    _, *levels = experiment.levels(Treatment(criterion), 0, 2)
    for name, kept in levels[0].mask.items():
        np.testing.assert_array_equal(np.sort(scores[name][first[name]]), np.sort(scores[name][kept]))
        assert second[name].sum() == levels[1].mask[name].sum()


@pytest.mark.slow
def test_weights_that_changed_sign_are_kept_last(experiment):
    dense = experiment.dense(0, weights=True)
    scores = dense_scores(experiment, dense, Treatment("large_final_same_sign"))
    for mask in one_shot_masks(scores, experiment.pruned_fraction, levels=8, seed=0):
        for name, kept in mask.items():
            same = np.sign(dense.start[name]) == np.sign(dense.final[name])
            assert kept[same].all() if kept.sum() >= same.sum() else not kept[~same].any()
