"""Learned masks by iteration, against their histories."""

import dataclasses

import numpy as np
import pandas as pd
from figure_parts import legend_of, panel_of

from analysis.figures import catalogue, styles


def test_masks_against_iterations(given, drawn):
    figure = drawn[0]["mask_learning"]
    axes = panel_of(figure, 0)
    assert axes.get_title() == "fc on mnist: 3 seeds"
    own = given.results.mask_histories
    own = own[(own["network"] == "fc") & (own["weights"] == "signed_constant")]
    best = own.groupby(["initial_logit", "seed"])["validation_accuracy"].max().groupby("initial_logit").mean().idxmax()
    expected = 100 * own[own["initial_logit"] == best].groupby("iteration")["validation_accuracy"].mean()
    line = next(line for line in axes.lines if line.get_color() == styles.LEARNING["signed_constant", False].colour)
    np.testing.assert_allclose(line.get_xydata(), list(expected.items()))
    assert "signed constant" in legend_of(figure)


def test_the_title_of_mask_learning_counts_the_seeds_of_what_is_drawn(given):
    histories = given.results.mask_histories
    rescaled = histories[histories["seed"] == 0].assign(rescale=True)
    found = dataclasses.replace(given.results, mask_histories=pd.concat([histories, rescaled], ignore_index=True))
    figure = catalogue.draw("mask_learning", catalogue.FigureInputs(found))
    assert panel_of(figure, 0).get_title() == "fc on mnist: 1 to 3 seeds"
