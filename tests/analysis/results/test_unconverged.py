"""The treatments whose trainings were too short."""

import dataclasses

import made_up
import pytest

from analysis.results import unconverged
from analysis.results.load import load
from lottery_tf.pruning.treatments import Treatment

TREATMENTS = (Treatment(), Treatment("random"))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return load(made_up.write_results(tmp_path_factory.mktemp("short"), treatments=TREATMENTS, levels=4))


def test_lines_that_were_cut_short_are_named(world):
    levels = world.levels.copy()
    own = levels["treatment"] == "random-rewind-zero"
    levels.loc[own, "early_stop_iteration"] = levels["iterations"]
    levels.loc[own & (levels["level"] > 3), "early_stop_iteration"] = 0
    levels.loc[~own, "early_stop_iteration"] = (0.94 * levels["iterations"]).astype(int)
    late = dataclasses.replace(world, levels=levels)
    (row,) = unconverged.unconverged_treatments(late).to_dict("records")
    assert row["treatment"] == "random-rewind-zero" and row["levels"] == own.sum()
    assert row["cut_short_percent"] == pytest.approx(100 * 3 / 4)
    assert "fc, mnist, paper: random-rewind-zero 75%" in unconverged.in_words(late)
    assert unconverged.in_words(dataclasses.replace(late, levels=levels[~own])) == ""


def test_half_of_the_levels_and_dense_networks_and_what_diverged_do_not_count(world):
    levels = world.levels.copy()
    late = levels["level"].isin([0, 1, 2]) | (levels["treatment"] == "random-rewind-zero")
    levels["early_stop_iteration"] = levels["iterations"].where(late, 0)
    levels.loc[levels["treatment"] == "random-rewind-zero", "status"] = "diverged"
    assert unconverged.unconverged_treatments(dataclasses.replace(world, levels=levels)).empty


def test_the_worst_treatment_of_a_panel_comes_first(world):
    levels = world.levels.copy()
    late = (levels["level"] < 4) | (levels["treatment"] == "random-rewind-zero")
    levels["early_stop_iteration"] = levels["iterations"].where(late, 0)
    told = unconverged.in_words(dataclasses.replace(world, levels=levels))
    assert told.endswith("fc, mnist, paper: random-rewind-zero 100%, large_final-rewind-zero 75%")
