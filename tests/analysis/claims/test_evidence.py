"""The results that count for claims (levels that all seeds have), and the margin from the dense networks."""

import dataclasses
import math
from statistics import stdev

import numpy as np
import pandas as pd
import pytest

from analysis.claims.evidence import collect, over_levels
from analysis.claims.verdicts import repeatability
from lottery_tf.pruning.treatments import Treatment


def test_levels_that_a_seed_lacks_in_one_line_do_not_count(world):
    (own,) = collect(world)
    lines = {name: own.line(Treatment(name)) for name in ("large_final", "random")}
    lines["random"] = lines["random"].copy()
    lines["random"].loc[1, 20:24] = float("nan")
    means = over_levels(lines)
    assert means["large_final"][1] == pytest.approx(lines["large_final"].loc[1, 1:19].mean())
    assert means["large_final"][0] == pytest.approx(lines["large_final"].loc[0, 1:24].mean())
    lines["random"].loc[2, 10:24] = float("nan")
    assert set(over_levels(lines)["random"]) == {0, 1}


def test_the_margin_is_that_of_the_dense_networks_of_the_longest_schedule(world):
    dense = [0.977 + 0.0005 * seed for seed in range(3)]
    short = world.levels.assign(schedule="tenth", iterations=5000)
    short.loc[short["level"] == 0, "test_accuracy"] *= 0.9
    long = world.levels[world.levels["seed"] < 2].assign(schedule="longer", iterations=10**6)
    several = dataclasses.replace(world, levels=pd.concat([world.levels, short, long], ignore_index=True))
    assert [each.margin for each in collect(several)] == 3 * [pytest.approx(2.8 * stdev(dense))]
    assert math.isnan(repeatability(dense[:2]))
    (few,) = collect(dataclasses.replace(world, levels=world.levels[world.levels["seed"] < 2]))
    assert math.isnan(few.margin)


def test_each_precision_has_a_margin_of_its_own(world):
    """Networks of the same seeds in two precisions are not more seeds of one network."""
    accuracies = {"float32": [0.97, 0.975, 0.99], "mixed_bfloat16": [0.9, 0.904, 0.902], "mixed_float16": [0.5, 0.6]}
    frames = []
    for precision, dense in accuracies.items():
        levels = world.levels[world.levels["seed"] < len(dense)].assign(precision=precision)
        is_dense = levels["treatment"] == "dense"
        levels.loc[is_dense, "test_accuracy"] = levels.loc[is_dense, "seed"].map(dict(enumerate(dense)))
        frames.append(levels)
    margins = {
        each.panel.precision: each.margin
        for each in collect(dataclasses.replace(world, levels=pd.concat(frames, ignore_index=True)))
        if each.panel.schedule
    }
    assert list(margins) == list(accuracies)
    for precision in ("float32", "mixed_bfloat16"):
        assert margins[precision] == pytest.approx(2.8 * np.std(accuracies[precision], ddof=1))
    assert math.isnan(margins["mixed_float16"]), "two seeds have no margin, whatever was trained in other precisions"
