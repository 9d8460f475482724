"""Fixtures of the tests of reports: an unfinished folder and its report."""

import warnings

import made_up
import pytest
from page_reader import Reader

from analysis.report import report
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies import paper


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    """An unfinished folder: some treatments, seeds and levels of one network."""
    return made_up.write_results(
        tmp_path_factory.mktemp("results"),
        treatments=[Treatment(), Treatment("random"), Treatment(mask1="reinit")],
        levels=2,
        mask_sources=paper.HEURISTIC_MASK_SOURCES[:3],
        learned=made_up.LEARNED[:1],
        missing=[(1, "random-rewind-zero", 2)],
        diverged=[(2, "random-rewind-zero", 1)],
    )


@pytest.fixture(scope="session")
def written(root, tmp_path_factory):
    """The report of that folder, made without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return report.write(root, tmp_path_factory.mktemp("report") / "new")


@pytest.fixture(scope="session")
def read(written):
    return Reader(written.read_text())
