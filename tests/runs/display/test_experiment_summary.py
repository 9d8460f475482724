"""The summary at the end of a run: all finished results that were asked for, and what it leaves out."""

import made_up
import pytest

from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results import walk
from lottery_tf.studies.planning import Request, plan
from lottery_tf.supermasks.mask_sources import UNTRAINED, MaskSource
from runs.display.experiment_summary import ExperimentSummary, of_plan

SUPERMASK = MaskSource("oneshot", "large_final_same_sign")
RANDOM, MOVEMENT = Treatment("random"), Treatment("movement")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of three treatments, three seeds and four levels, with controls and Supermasks."""
    root = tmp_path_factory.mktemp("results")
    panel = ("fc", "digits", "500")
    made_up.write_results(root, [panel], (Treatment(), RANDOM, MOVEMENT), levels=4, mask_sources=[SUPERMASK],
                          controls=["random"])  # fmt: skip
    return root / "fc-digits" / "500"


def blocks(summary):
    """The lines of each table by its title."""
    found = [block.splitlines() for block in summary.tables().split("\n\n")]
    return {lines[0]: [line.split() for line in lines[2:]] for lines in found}


def test_all_levels_are_shown_and_what_is_left_out_is_named(run):
    summary = ExperimentSummary(run, (RANDOM,), (0, 1))
    tables = blocks(summary)
    others = "large_final-rewind-zero, movement-rewind-zero, seed 2"
    left_out = f"{run} also holds {others}; they are not in the tables and the figure."
    assert list(tables) == ["random-rewind-zero", left_out]
    assert [line[0] for line in tables["random-rewind-zero"]] == ["0", "1", "2", "3", "4"]
    assert blocks(ExperimentSummary(run, (Treatment(), RANDOM, MOVEMENT), (0, 1, 2))).keys() == {
        "large_final-rewind-zero", "random-rewind-zero", "movement-rewind-zero"
    }  # fmt: skip


def test_controls_and_supermasks_have_tables_of_their_own(run):
    tables = blocks(ExperimentSummary(run, (Treatment(),), (0,), {"random": 1}, (UNTRAINED, SUPERMASK)))
    assert [line[0] for line in tables["large_final-rewind-zero, control: random"]] == ["1", "2", "3", "4"]
    title = "Supermask: large_final_same_sign x signed constant, never trained"
    (stored,) = [m for m in walk.finished(run, "supermask") if m["seed"] == 0 and m["criterion"] == SUPERMASK.criterion]
    wanted = [row for row in stored["rows"] if row["weights"] == "signed_constant"]
    assert [(int(line[0]), float(line[2])) for line in tables[title]] == [
        (row["level"], pytest.approx(100 * row["test_accuracy"], abs=0.005)) for row in wanted
    ]
    assert not any("untrained_baseline" in name for name in tables)


@pytest.mark.slow
def test_the_picture_keeps_all_levels(run):
    """That of fewer levels would be another one."""
    path = ExperimentSummary(run, (RANDOM,), (0,)).draw()
    few = made_up.write_results(run.parents[1] / "few", [("fc", "digits", "500")], (RANDOM,), [0], levels=2)
    assert path == run / "lottery.png"
    other = ExperimentSummary(few / "fc-digits" / "500", (RANDOM,), (0,)).draw()
    assert path.read_bytes() != other.read_bytes()


def test_there_is_nothing_to_draw_of_dense_networks_alone(tmp_path):
    made_up.write_results(tmp_path, [("fc", "digits", "500")], (), [0])
    summary = ExperimentSummary(tmp_path / "fc-digits" / "500", (RANDOM,), (0,))
    assert summary.draw() is None
    assert [line[0] for line in blocks(summary)["random-rewind-zero"]] == ["0"]
    other = ExperimentSummary(summary.folder, (RANDOM,), (5,))
    assert other.draw() is None and other.tables().endswith("seed 0; they are not in the tables and the figure.")


def test_a_plan_is_summed_up_where_its_study_ends_with_tables(run):
    found = of_plan(plan(Request(("demo", "figure5"), ("fc",), (1,), dataset="digits", schedule="500")), run.parents[1])
    (demo,) = found
    assert (demo.folder, demo.seeds, SUPERMASK in demo.mask_sources) == (run, (1,), True)
    assert [treatment.criterion for treatment in demo.treatments] == ["large_final", "magnitude_increase", "random"]
    assert of_plan(plan(Request(("figure5",), ("fc",), (1,), dataset="digits", schedule="500")), run.parents[1]) == []
