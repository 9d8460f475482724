"""The lines of figures against the numbers of single runs."""

import math
import statistics

import made_up
import pytest

from analysis.results.load import load
from analysis.results.select import Panel, panel
from analysis.statistics import figure_lines
from analysis.statistics.figure_lines import METRICS
from analysis.statistics.stars import StarRule
from analysis.tables import catalogue
from lottery_tf.errors import InputError
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results import walk
from lottery_tf.studies import paper

FC = Panel("fc", "mnist", "paper", "float32")


@pytest.mark.slow
@pytest.mark.parametrize("measure", METRICS)
def test_lines_are_the_runs_means(folder, results, measure):
    found = figure_lines.lines(panel(results.levels, FC), paper.FIGURE_LINES["figure3"], measure)
    runs = {}
    for metrics in walk.finished(folder):
        lines = paper.PAPER_CRITERIA if metrics["level"] == 0 else [metrics["criterion"]]
        for line in lines:
            value = None if metrics["status"] == "diverged" else metrics[measure]
            runs.setdefault((line, metrics["level"]), []).append(value)
    assert len(found) == len(runs)
    for row in found.itertuples():
        values = [value for value in runs[row.line, row.level] if value is not None]
        assert (row.n, row.min, row.max) == (len(values), min(values), max(values))
        assert row.mean == pytest.approx(statistics.fmean(values))
    assert list(dict.fromkeys(found["line"])) == list(paper.PAPER_CRITERIA)
    assert found.loc[found["line"] == "random", "level"].tolist() == [0, 1, 2, 3]


def test_missing_and_diverged_runs_lower_n(results):
    found = figure_lines.lines(panel(results.levels, FC), paper.FIGURE_LINES["figure3"], "test_accuracy")
    n = found.set_index(["line", "level"])["n"]
    assert n["large_final", 3] == 3
    assert n["random", 2] == n["random", 3] == 3  # nothing follows what diverged
    assert ("movement", 1) not in n.index
    assert n["movement", 2] == n["large_final", 0] == 4


def test_where_all_runs_diverged_there_is_no_mean(tmp_path):
    diverged = [(seed, Treatment().name, 2) for seed in range(3)]
    levels = load(made_up.write_results(tmp_path, treatments=[Treatment()], diverged=diverged)).levels
    found = figure_lines.lines(levels, paper.FIGURE_LINES["figure3"], "early_stop_iteration").set_index("level")
    assert found.loc[2, "n"] == 0
    assert math.isnan(found.loc[2, "mean"])
    assert list(found.index) == [0, 1, 2]
    shown = catalogue.figure_table(levels, paper.FIGURE_LINES["figure3"], "early_stop_iteration").shown
    assert shown["large_final"].iloc[2] == "-, n = 0"


def test_stars_stand_above_for_accuracy_and_below_for_iterations(results):
    levels = panel(results.levels, FC).copy()
    for treatment, accuracy, stop in (("large_final", 0.99, 9000), ("movement", 0.5, 100)):
        own = (levels["treatment"] == f"{treatment}-rewind-zero") & (levels["level"] == 2)
        levels.loc[own, "test_accuracy"] = accuracy + levels["seed"] / 10_000
        levels.loc[own, "early_stop_iteration"] = stop + levels["seed"] * 10
    for measure, line in (("test_accuracy", "large_final"), ("early_stop_iteration", "movement")):
        found = figure_lines.lines(levels, paper.FIGURE_LINES["figure3"], measure)
        assert found.loc[found["star"] & (found["level"] == 2), "line"].tolist() == [line]
        assert not found.loc[found["level"] == 0, "star"].any()
        rule = StarRule("student", "holm")
        caption = catalogue.figure_table(levels, paper.FIGURE_LINES["figure3"], measure, rule).caption
        assert caption.endswith(
            "(* better than every other line: Student's t-test, one-sided p <= 0.05 corrected by holm)"
        )
        strict = figure_lines.lines(levels, paper.FIGURE_LINES["figure3"], measure, StarRule(significance=1e-12))
        assert not strict["star"].any()


def test_a_figure_without_runs_is_empty(results):
    found = figure_lines.lines(
        panel(results.levels, FC).query("criterion == 'dense'"), paper.FIGURE_LINES["figure4"], "test_accuracy"
    )
    assert len(found) == 0
    assert list(found) == ["line", "level", "kept_fraction", "mean", "min", "max", "n", "star"]
    with pytest.raises(InputError, match="Unknown metric 'accuracy'"):
        figure_lines.lines(results.levels, paper.FIGURE_LINES["figure4"], "accuracy")
