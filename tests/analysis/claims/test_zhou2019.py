"""The claims of Zhou et al. on made-up results where all hold, and on others where one does not."""

import dataclasses

import pandas as pd
import pytest
from zhou_world import CONTRADICTED, NO_DATA, NOT_SHOWN, SHOWN, ZHOU, claim, moved, verdict, verdicts

from analysis.claims.evidence import LEAST_LEVELS_OF_LINE


def moved_masks(results, criterion, weights, by):
    """The results with a criterion's heuristic supermasks moved, on validation and test images."""
    masks = results.supermasks.copy()
    own = (masks["criterion"] == criterion) & (masks["weights"] == weights)
    masks.loc[own, ["validation_accuracy", "test_accuracy"]] += by
    return dataclasses.replace(results, supermasks=masks)


def moved_learned(results, by, **which):
    """The results with some learned masks' accuracies moved."""
    masks = results.learned_masks.copy()
    own = pd.Series(True, masks.index)
    for name, value in which.items():
        own &= masks[name] == value
    masks.loc[own, "test_accuracy"] += by
    return dataclasses.replace(results, learned_masks=masks)


def renamed(results, network):
    """The results as those of another network."""
    frames = {
        name: getattr(results, name).assign(network=network, dataset="cifar10")
        for name in ("levels", "supermasks", "best_supermasks", "learned_masks")
    }
    return dataclasses.replace(results, **frames)


def test_all_holds_where_it_was_made_to(world):
    found = verdicts(world)
    assert {words for words, verdict in found.items() if verdict != SHOWN} == set()
    assert len(found) == len(ZHOU) - 1  # all but the one about Conv2 and Conv4


def test_a_claim_about_some_networks_is_tested_on_those(world):
    better = "magnitude_increase has slightly higher"
    assert verdict(world, better) == []
    conv = renamed(moved(world, "large_final-rewind-zero", -0.01), "conv2")
    assert verdict(conv, better) == [SHOWN]
    assert verdict(renamed(world, "conv4"), better) == [NOT_SHOWN]
    worse = moved(world, "magnitude_increase-rewind-zero", -0.01)
    assert verdict(renamed(worse, "conv4"), better) == [CONTRADICTED]
    assert verdict(renamed(world, "conv6"), better) == []


AGAINST = [  # the beginning of a claim, and a change of the results that it is contradicted by
    ("Networks with 50 to 90", lambda world: moved(world, "large_final-rewind-zero", -0.2)),
    ("Networks with 95 to 99.5", lambda world: moved(world, "large_final-rewind-zero", -0.2, first=13)),
    ("In each opposing pair", lambda world: moved(world, "small_init-rewind-zero", 0.1)),
    ("In each opposing pair", lambda world: moved(world, "random-rewind-zero", 0.1)),
    ("magnitude_increase works", lambda world: moved(world, "magnitude_increase-rewind-zero", -0.02)),
    ("large_final and magnitude_increase show", lambda world: moved(world, "movement-rewind-zero", 0.1)),
    ("Criteria that keep small weights", lambda world: moved(world, "small_final-rewind-zero", 0.1)),
    ("reinit, reshuffle and constant alone", lambda world: moved(world, "large_final-constant-zero", 0.2)),
    (
        "reinit, reshuffle and constant work",
        lambda world: moved(world, "large_final-reshuffle_init_sign-zero", -0.2),
    ),
    ("reshuffle, init sign", lambda world: moved(world, "large_final-constant_init_sign-zero", -0.03)),
    ("The signs of", lambda world: moved(world, "large_final-constant_init_sign-zero", -0.03)),
    ("The signs of", lambda world: moved(world, "large_final-reinit-zero", 0.2)),
    ("Freezing pruned weights at zero", lambda world: moved(world, "large_final-rewind-init", 0.1)),
    ("At high levels", lambda world: moved(world, "large_final-rewind-init", -0.2, first=19)),
    ("The hybrid of zero", lambda world: moved(world, "large_final-rewind-hybrid", -0.05)),
    ("Freezing at zero", lambda world: moved(world, "large_final-rewind-hybrid_random", 0.1)),
    ("A random mask", lambda world: moved_masks(world, "random", "initial", 0.03)),
    ("A large_final mask", lambda world: moved_masks(world, "large_final", "initial", -0.3)),
    ("With a well-chosen", lambda world: moved_masks(world, "large_final_same_sign", "initial", -0.4)),
    ("large_final_same_sign makes", lambda world: moved_masks(world, "movement", "signed_constant", 0.7)),
    ("Supermasks are better over", lambda world: moved_masks(world, "large_final_same_sign", "initial", 0.4)),
    ("Learned Supermasks", lambda world: moved_learned(world, -0.5, weights="initial", rescale=False)),
    ("A learned Supermask", lambda world: moved_learned(world, -0.25, weights="initial", rescale=False)),
    ("Sampling the mask", lambda world: moved_learned(world, 0.02, g="rounded")),
]


@pytest.mark.parametrize(("start", "change"), AGAINST)
def test_a_claim_is_contradicted_where_the_data_are_against_it(world, start, change):
    assert verdict(change(world), start) == [CONTRADICTED]


def test_a_front_runner_has_to_show_its_lead(world):
    """Runs of another seed are the same runs: whatever the order of the means, nothing is shown."""
    levels = world.levels[world.levels["treatment"] != "movement-rewind-zero"]
    own = levels[levels["treatment"] == "magnitude_increase-rewind-zero"]
    swapped = own.assign(treatment="movement-rewind-zero", seed=(own["seed"] + 1) % 3)
    swapped["test_accuracy"] -= 1e-4
    changed = dataclasses.replace(world, levels=pd.concat([levels, swapped], ignore_index=True))
    assert verdict(changed, "large_final and magnitude_increase show") == [NOT_SHOWN]


@pytest.mark.parametrize(
    "fewer",
    [
        lambda frame: frame[frame["seed"] < 2],
        lambda frame: frame[frame["level"] < LEAST_LEVELS_OF_LINE] if "level" in frame else frame[:0],
        lambda frame: frame[:0],
    ],
    ids=["two seeds", "eleven levels", "dense networks only"],
)
def test_little_data_are_not_enough(world, fewer):
    dense = world.levels[world.levels["level"] == 0]
    levels = pd.concat([fewer(world.levels), dense]).drop_duplicates()
    few = dataclasses.replace(
        world, levels=levels, supermasks=fewer(world.supermasks), learned_masks=fewer(world.learned_masks)
    )
    shallow = (
        {claim("Networks with 50 to 90").sentence} if len(levels[levels["level"] > 0]["seed"].unique()) == 3 else set()
    )
    assert {words for words, verdict in verdicts(few).items() if verdict != NO_DATA} == shallow


def test_noise_is_no_evidence(world):
    # hybrid is zero with the seeds exchanged: the same runs, so that no difference can be there.
    levels = world.levels[world.levels["treatment"] != "large_final-rewind-hybrid"]
    zero = levels[levels["treatment"] == "large_final-rewind-zero"]
    swapped = zero.assign(treatment="large_final-rewind-hybrid", seed=(zero["seed"] + 1) % 3)
    changed = dataclasses.replace(world, levels=pd.concat([levels, swapped], ignore_index=True))
    assert verdict(changed, "The hybrid of zero") == [NOT_SHOWN]


@pytest.mark.parametrize(("below", "matching"), [(0.001, SHOWN), (0.004, CONTRADICTED)])
def test_a_drop_is_one_of_more_than_a_fifth_of_a_point(world, below, matching):
    levels = world.levels.copy()
    dense = levels[levels["treatment"] == "dense"].set_index("seed")["test_accuracy"]
    own = (levels["treatment"] == "large_final-rewind-zero") & (levels["kept_fraction"] < 0.06)
    noise = 0.0001 * levels["seed"] * (levels["level"] % 2)
    levels.loc[own, "test_accuracy"] = levels["seed"].map(dense) - below + noise
    changed = dataclasses.replace(world, levels=levels)
    assert verdict(changed, "Networks with 95 to 99.5") == [matching]
