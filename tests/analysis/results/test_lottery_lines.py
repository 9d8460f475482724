"""The lines of winning tickets and their controls: which runs they have, and their summary over draws and seeds."""

import dataclasses
from statistics import fmean

import made_up
import pandas as pd
import pytest

from analysis.export import write_all
from analysis.results import load, lottery_lines
from analysis.results.lottery_lines import FINE_TUNED, LINES, ONE_SHOT_TICKET, RANDOM_TICKET, REINIT, TICKET
from analysis.results.select import Panel
from analysis.statistics import figure_lines
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies import paper
from lottery_tf.studies.named_studies import STUDIES

KEY = Panel("fc", "mnist", "paper", "float32")
DIVERGED = (1, "reinit-2", 2)
SHARES = (0.05, 0.2)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """All lines but fine-tuning; one of six reinitialized tickets of level 2 diverged."""
    folder = made_up.write_results(
        tmp_path_factory.mktemp("lines"),
        treatments=[Treatment(), Treatment(rounds="oneshot")],
        controls=("reinit", "random"),
        diverged=[DIVERGED],
    )
    return load.load(folder)


def test_a_band_reaches_from_the_least_to_the_greatest_run(found):
    lines = lottery_lines.over_runs(lottery_lines.runs(found, KEY, "test_accuracy"))
    rows = found.controls[(found.controls["control"] == "reinit") & (found.controls["level"] == 2)]
    row = lines[(lines["line"] == REINIT) & (lines["level"] == 2)].iloc[0]
    assert len(rows) == 6 and rows["test_accuracy"].count() == 5  # one diverged
    assert (row["min"], row["max"], row["n"]) == (rows["test_accuracy"].min(), rows["test_accuracy"].max(), 3)
    weighted = rows.groupby("seed")["test_accuracy"].mean().mean()
    assert row["mean"] == pytest.approx(weighted) and row["mean"] != pytest.approx(
        rows["test_accuracy"].mean(), abs=1e-9
    )


def test_controls_of_other_treatments_are_no_ticket_s(found):
    other = found.controls.assign(treatment="random-rewind-zero", test_accuracy=0.0)
    more = dataclasses.replace(found, controls=pd.concat([found.controls, other], ignore_index=True))
    pd.testing.assert_frame_equal(*(lottery_lines.runs(each, KEY, "test_accuracy") for each in (found, more)))


def test_lines_are_those_of_the_study():
    study = STUDIES["lottery"]
    assert {*study.treatments} == {*lottery_lines.TREATMENT_OF_LINE.values()}
    assert {*study.controls} == {*lottery_lines.CONTROL_OF_LINE.values()}


def test_networks_that_are_pruned_globally_have_the_same_lines(tmp_path):
    """Their treatments are stored under names that end in "-global"."""
    treatments = [Treatment(scope="global"), Treatment(rounds="oneshot", scope="global"), Treatment()]
    results = made_up.write_results(tmp_path / "results", treatments=treatments, seeds=[0], controls=("reinit",))
    write_all(results, tmp_path / "exported")
    for path in (tmp_path / "exported").iterdir():
        path.write_text(path.read_text().replace("fc,mnist", "resnet20,mnist"))
    other, key = load.load(tmp_path / "exported"), KEY._replace(network="resnet20")
    assert set(other.levels["treatment"]) == {
        "dense", "large_final-rewind-zero", "large_final-rewind-zero-oneshot", "large_final-rewind-zero-layerwise",
    }  # fmt: skip
    assert lottery_lines.trained_panels(other) == [key]
    assert lottery_lines.missing(other, key) == [FINE_TUNED, REINIT, RANDOM_TICKET], (
        "controls are of the layerwise ticket"
    )
    assert figure_lines.lines(other.levels, paper.FIGURE_LINES["figure4"], "test_accuracy")["line"].unique() == "rewind"


def test_a_ticket_alone_is_no_panel_with_trained_lines(found):
    assert lottery_lines.trained_panels(found) == [KEY]
    assert lottery_lines.missing(found, KEY) == [FINE_TUNED]
    levels = found.levels[found.levels["rounds"] != "oneshot"]
    alone = dataclasses.replace(found, levels=levels, controls=found.controls[:0])
    assert lottery_lines.trained_panels(alone) == []
    assert lottery_lines.missing(alone, KEY) == [line for line in LINES if line != TICKET]


def test_one_shot_tickets_with_chosen_shares_are_lines_from_the_largest_share(tmp_path):
    treatments = [Treatment(rounds="oneshot", chosen_kept_fraction=share) for share in SHARES]
    written = load.load(made_up.write_results(tmp_path, treatments=treatments, seeds=[0, 1], levels=1))
    controls = [
        written.levels[written.levels["level"] == 1].assign(control=kind, draw=draw, test_accuracy=0.1 * draw)
        for kind in ("reinit", "random")
        for draw in (1, 2)
    ]
    results = dataclasses.replace(written, controls=pd.concat(controls, ignore_index=True))
    ((name, runs),) = lottery_lines.runs_of_shares(results, KEY, "test_accuracy").items()
    assert name == "large_final-rewind-zero-oneshot"
    assert {*runs["line"]} == {ONE_SHOT_TICKET, REINIT, RANDOM_TICKET}
    means = lottery_lines.over_runs(runs).set_index(["line", "level"])["mean"]
    for level, share in ((1, 0.2), (2, 0.05)):
        own = [row.test_accuracy for row in written.levels.itertuples() if row.chosen_kept_fraction == share]
        assert means[ONE_SHOT_TICKET, level] == pytest.approx(fmean(own)) and len(own) == 2
        assert means[REINIT, level] == means[RANDOM_TICKET, level] == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("stops", "note"),
    [
        ([1000, 1000, 900, 800], "2 of 4 dense networks stop at the very end of training, which is too short"),
        ([1000, 900, 900], ""),
        ([], ""),
    ],
)
def test_trainings_are_too_short_if_half_of_the_dense_networks_stop_at_the_end(stops, note):
    dense = pd.DataFrame({"early_stop_iteration": stops, "iterations": 1000, "status": "finished"})
    diverged = pd.DataFrame({"early_stop_iteration": [1000.0] * 3, "iterations": 1000, "status": "diverged"})
    assert lottery_lines.too_short(pd.concat([dense, diverged])) == note
