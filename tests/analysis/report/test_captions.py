"""Captions: each figure has one, which says what is drawn."""

import dataclasses

import pytest

from analysis.figures import catalogue
from analysis.report import captions

pytestmark = pytest.mark.slow


def test_every_figure_has_a_caption():
    assert set(captions.CAPTIONS) == set(catalogue.FIGURES)


def test_captions_say_what_is_drawn(root):
    given = catalogue.figure_inputs(root)
    assert "Lines are means over seeds" in captions.caption("figure3", given)
    assert "Solid lines" not in captions.caption("figure4", given), "no line of theirs is there"
    single = dataclasses.replace(given.results, levels=given.results.levels.query("seed == 0"))
    one = captions.caption("figure3", dataclasses.replace(given, results=single))
    assert "a single seed" in one and "means" not in one
    assert "trained network" not in captions.caption("figure2", given)
