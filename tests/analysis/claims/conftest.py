"""Fixtures of the tests of claims."""

import made_up
import pytest
from zhou_world import ROUNDED, paper_like

from analysis.results.load import load
from lottery_tf.seeds import generator
from lottery_tf.studies import paper


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """All that the paper trained, on one network, with what it claims."""
    folder = made_up.write_results(
        tmp_path_factory.mktemp("claims"),
        treatments=made_up.TREATMENTS,
        levels=paper.LEVELS,
        mask_sources=paper.HEURISTIC_MASK_SOURCES,
        learned=(*made_up.LEARNED, *ROUNDED),
        accuracy=paper_like,
    )
    results = load(folder)
    rounded = results.learned_masks["g"] == "rounded"
    results.learned_masks.loc[rounded, "test_accuracy"] -= 0.005
    results.learned_masks["pruned_fraction"] += 0.01 * generator(0, "pruned").random(len(results.learned_masks))
    return results
