"""Fixtures of the tests of figures: results of every kind, and every figure of them."""

import warnings

import made_up
import pytest
from figure_parts import MINE

from analysis.figures import catalogue, drawing
from analysis.results import lottery_lines
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies import paper

LEVELS, SEEDS = 3, (0, 1, 2)
DIVERGED = (1, "small_final-rewind-zero", 3)
MISSING = [(seed, "movement-rewind-zero", level) for seed in SEEDS for level in range(1, LEVELS + 1)]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder with all treatments, supermasks and learned masks; one training diverged, one treatment is missing."""
    return made_up.write_results(
        tmp_path_factory.mktemp("results"),
        panels=made_up.PANELS[:1],
        treatments=tuple(dict.fromkeys((*made_up.TREATMENTS, MINE, *lottery_lines.TREATMENT_OF_LINE.values()))),
        seeds=SEEDS,
        levels=LEVELS,
        mask_sources=paper.HEURISTIC_MASK_SOURCES,
        learned=made_up.LEARNED[:10],
        controls=("reinit", "random"),
        landscape=(Treatment(), Treatment("random")),
        missing=MISSING,
        diverged=[DIVERGED],
    )


@pytest.fixture(scope="session")
def given(folder):
    return catalogue.figure_inputs(folder)


@pytest.fixture(scope="session")
def drawn(given):
    """Every figure, drawn and stored in every format without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = {name: catalogue.draw(name, given) for name in catalogue.FIGURES}
        contents = {
            name: {kind: drawing.content(each, kind) for kind in drawing.FORMATS} for name, each in made.items()
        }
    return made, contents
