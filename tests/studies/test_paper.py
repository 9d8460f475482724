"""The figures and the table of the paper, as data: what their lines and columns are."""

import numpy as np
import pytest

from lottery_tf.pruning.criteria import CRITERIA
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.registry import call_by_parameter_names
from lottery_tf.studies import paper


@pytest.mark.parametrize(("better", "worse"), paper.OPPOSITES)
def test_opposites_rank_weights_the_other_way_round(better, worse):
    w_i, w_f = np.random.default_rng(0).normal(size=(2, 101))
    scores = [call_by_parameter_names(CRITERIA[name], w_i=w_i, w_f=w_f) for name in (better, worse)]
    if better == "large_init_large_final":  # the smaller of two ranks, and the larger one negated
        assert np.corrcoef(*scores)[0, 1] < -0.4
    else:
        np.testing.assert_array_equal(np.argsort(scores[0]), np.argsort(scores[1])[::-1])


def test_the_lines_of_a_figure_differ_and_those_with_bands_are_among_them():
    for figure in paper.FIGURE_LINES.values():
        assert len({treatment.name for treatment in figure.lines.values()}) == len(figure.lines)
        assert {*figure.banded} <= figure.lines.keys()


def test_the_lines_are_those_of_the_paper():
    """The criteria of Figure 2, the actions of Sections 3 and 4 by hand."""
    names = {
        figure: {treatment.name for treatment in lines.lines.values()} for figure, lines in paper.FIGURE_LINES.items()
    }
    assert names["figure3"] == {
        f"{criterion}-rewind-zero" for criterion in CRITERIA if criterion in paper.PAPER_CRITERIA
    }
    assert len(names["figure3"]) == 9
    signs = {
        f"large_final-{action}{sign}-zero"
        for action in ("reinit", "reshuffle", "constant")
        for sign in ("", "_init_sign")
    }
    assert names["figure4"] == signs | {"large_final-rewind-zero", "random-rewind-zero"}
    assert names["figure5"] == {f"large_final-rewind-{action}" for action in ("zero", "init", "hybrid")}
    assert paper.FIGURE_LINES["figure4"].lines["constant, init sign"] == Treatment(mask1="constant_init_sign")


def test_the_columns_of_learned_masks_are_of_five_starts_each():
    weights = {
        "learned mask x initial": ("initial", False),
        "learned mask x signed constant": ("signed_constant", False),
        "learned mask x initial, rescaled": ("initial", True),
        "learned mask x signed constant, rescaled": ("signed_constant", True),
    }
    assert paper.LEARNED_MASKS.keys() == weights.keys()
    for column, masks in paper.LEARNED_MASKS.items():
        assert [mask.initial_logit for mask in masks] == [-5, -2, 0, 2, 5]
        assert {(mask.weights, mask.rescale) for mask in masks} == {weights[column]}
