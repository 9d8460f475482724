"""The claims about Supermasks: masks learned in several ways, chosen on validation images."""

import dataclasses

import pandas as pd
from zhou_world import CONTRADICTED, NO_DATA, SHOWN, verdict


def test_masks_learned_in_two_ways_are_not_mixed(world):
    masks = world.learned_masks
    longer = masks.assign(iterations=masks["iterations"] * 2, pruned_fraction=1 - masks["pruned_fraction"])
    both = dataclasses.replace(world, learned_masks=pd.concat([masks, longer], ignore_index=True))
    assert verdict(both, "The initial logit") == [CONTRADICTED]  # the longer ones count, whose shares rise
    one = longer[longer["initial_logit"] == "0"]
    few = dataclasses.replace(world, learned_masks=pd.concat([masks, one], ignore_index=True))
    assert verdict(few, "The initial logit") == [SHOWN]  # of one logit there is nothing to compare


def test_claims_of_learned_masks_are_tested_once_for_two_schedules(world):
    more = world.levels.assign(schedule="half")
    both = dataclasses.replace(world, levels=pd.concat([world.levels, more], ignore_index=True))
    assert verdict(both, "The initial logit") == [SHOWN]
    assert len(verdict(both, "Learned Supermasks")) == 2


def test_masks_without_a_validation_accuracy_are_passed_over(world):
    masks = world.supermasks.assign(validation_accuracy=float("nan"))
    assert verdict(dataclasses.replace(world, supermasks=masks), "With a well-chosen") == [NO_DATA]


def test_the_pruned_share_has_to_fall_with_each_logit(world):
    masks = world.learned_masks.copy()
    masks.loc[masks["initial_logit"] == "2", "pruned_fraction"] += 0.5
    assert verdict(dataclasses.replace(world, learned_masks=masks), "The initial logit") == [CONTRADICTED]
    fewer = masks[masks["initial_logit"] != "2"]
    assert verdict(dataclasses.replace(world, learned_masks=fewer), "The initial logit") == [NO_DATA]
