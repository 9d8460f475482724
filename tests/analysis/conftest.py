"""Fixtures of the tests of tables, lines and flags: results of every kind, one of them diverged, and no flags."""

import made_up
import pytest
from absl import flags

from analysis.results.load import load
from lottery_tf.studies import paper

MISSING = [(2, "large_final-rewind-zero", 3), *((seed, "movement-rewind-zero", 1) for seed in range(4))]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return made_up.write_results(
        tmp_path_factory.mktemp("tables") / "results",
        treatments=paper.FIGURE_LINES["figure3"].lines.values(),
        seeds=range(4),
        levels=3,
        mask_sources=paper.HEURISTIC_MASK_SOURCES,
        learned=made_up.LEARNED,
        controls=("reinit",),
        missing=MISSING,
        diverged=[(1, "random-rewind-zero", 2)],
    )


@pytest.fixture(scope="session")
def results(folder):
    return load(folder)


@pytest.fixture
def own_flags(monkeypatch):
    """The flags of absl, of which there are none but those that the test defines."""
    for name, value in vars(flags.FlagValues()).items():
        monkeypatch.setitem(vars(flags.FLAGS), name, value)
    return flags.FLAGS
