"""Figures 6 and 7: masks against the accuracies of their results."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from figure_parts import legend_of, panel_of

from analysis.figures import catalogue, styles


@pytest.mark.slow
def test_bars_of_untrained_networks_are_those_of_the_masks_that_there_are(given):
    best = given.results.best_supermasks
    some = dataclasses.replace(given.results, best_supermasks=best[best["criterion"] == "large_final"])
    every, one = (catalogue.draw("figure6", dataclasses.replace(given, results=each)) for each in (given.results, some))
    names = ["random mask", "large_final mask", "large_final_same_sign mask"]
    assert legend_of(every.subfigs[0])[1:] == names and legend_of(one.subfigs[0]) == names[1:2]
    (bar,) = one.axes[0].patches
    assert bar.get_x() + bar.get_width() / 2 == pytest.approx(0)  # in the middle of its group


def test_supermasks_beside_both_baselines(given, drawn):
    figure = drawn[0]["figure7"]
    legend = legend_of(figure)
    assert {"large_final_same_sign", "learned mask", "trained network", "untrained, no mask"} <= set(legend)
    axes = panel_of(figure, 1)
    assert axes.get_title() == "fc on mnist, paper schedule: mask x signed constant, 3 seeds"
    own = given.results.supermasks
    own = own[(own["network"] == "fc") & (own["weights"] == "signed_constant")]
    expected = 100 * own[own["criterion"] == "large_final_same_sign"].groupby("level")["test_accuracy"].mean()
    violet = styles.criterion_style("large_final_same_sign").colour
    line = next(line for line in axes.lines if line.get_color() == violet)
    np.testing.assert_allclose(line.get_ydata(), expected)
    learned = given.results.learned_masks
    learned = learned[(learned["network"] == "fc") & (learned["weights"] == "signed_constant")]
    points = [line.get_xydata()[0] for line in axes.lines if line.get_marker() in ("<", ">")]
    means = 100 * learned.groupby("initial_logit")[["pruned_fraction", "test_accuracy"]].mean()
    expected = sorted(zip(100 - means["pruned_fraction"], means["test_accuracy"], strict=True))
    np.testing.assert_allclose(sorted(map(tuple, points)), expected)


@pytest.mark.slow
def test_of_masks_learned_in_several_ways_the_longest_is_drawn(given):
    own = given.results.learned_masks
    own = own[(own["network"] == "fc") & (own["weights"] == "initial") & (own["initial_logit"] == "0")]
    ways = [
        own.assign(iterations=10 * own["iterations"], test_accuracy=0.3, best_val_accuracy=0.3),
        own.assign(iterations=10 * own["iterations"], learning_rate=7.0, test_accuracy=0.2, best_val_accuracy=0.4),
        own[:1].assign(g="rounded", test_accuracy=0.6),
        own.assign(iterations=100 * own["iterations"], test_accuracy=0.7, status="diverged"),
    ]
    masks = pd.concat([own.assign(test_accuracy=0.9, best_val_accuracy=0.9), *ways], ignore_index=True)
    found = dataclasses.replace(given.results, learned_masks=masks)
    figure = catalogue.draw("figure7", catalogue.FigureInputs(found))
    left = panel_of(figure, 0)
    points = [line.get_ydata()[0] for line in left.lines if line.get_marker() in ("<", ">")]
    np.testing.assert_allclose(points, [20, 60])  # of two as long the one that is better on validation images
    assert {"learned mask", "learned mask, rounded"} <= set(legend_of(figure))
    assert left.get_title().endswith("1 to 3 seeds")


def test_learned_masks_alone_lie_within_the_frame(given):
    few = given.results.learned_masks.assign(pruned_fraction=0.99)
    found = dataclasses.replace(given.results, learned_masks=few, supermasks=given.results.supermasks[:0])
    axes = panel_of(catalogue.draw("figure7", catalogue.FigureInputs(found)), 0)
    assert min(axes.get_xlim()) < 1 < max(axes.get_xlim())
