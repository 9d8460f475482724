"""Tables of measurements, against plain arithmetic on made-up ones, and the thresholds that they are judged by."""

from statistics import fmean

import made_up
import pytest

from lottery_tf.landscape.measurements.catalogue import MEASUREMENTS
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results import walk
from runs.display import landscape_tables
from runs.display.landscape_tables import KEPT_COLUMN, LEVEL_COLUMN, Thresholds

MEASURED_KINDS = ("line", "perturbation", "spectrum", "ray", "limit", "threshold")
PATH = [{"position": at, "loss": 1.0, "error": error} for at, error in ((0.0, 0.02), (0.5, 0.04), (1.0, 0.03))]
LINE = {"level": 1, "dense_error": 0.02, "first_error": 0.03, "second_error": 0.02, "rows": PATH}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Four levels of one treatment, measured with three seeds."""
    root = made_up.write_results(
        tmp_path_factory.mktemp("measured"), treatments=[Treatment()], levels=4, landscape=[Treatment()]
    )
    return [metrics for kind in MEASURED_KINDS for metrics in walk.finished(root, kind)]


def of_kind(measured, kind):
    return [metrics for metrics in measured if metrics["kind"] == kind]


def cells(text):
    """The lines of a table below its head, each split at two spaces or more."""
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in text.splitlines()[1:]]


def mean_and_range(values, digits=2):
    return f"{fmean(values):.{digits}f} [{min(values):.{digits}f}, {max(values):.{digits}f}]"


def test_a_line_is_judged_by_the_thresholds():
    """Its barrier is 4% - (2% + 3%) / 2 = 1.5 points; its first end is a point above the dense network."""
    judged = [Thresholds(*limits).line(LINE) for limits in ((0.005, 0.02), (0.011, 0.02), (0.005, 0.014))]
    verdicts = [(line["first_matches"], line["second_matches"], line["stable"], line["as_claimed"]) for line in judged]
    assert verdicts == [(False, True, True, False), (True, True, True, True), (False, True, False, True)]
    assert judged[0]["error_rise"] == pytest.approx(0.015) and judged[0]["level"] == 1


def test_a_perturbation_without_a_level_before_shares_no_mode():
    metrics = {"end_error": 0.024, "unperturbed_error": 0.021, "dense_error": 0.02, "error_barrier": 0.019}
    judged = Thresholds().perturbation(metrics | {"error_barrier_to_before": None})
    names = ("matches", "level_matches", "same_mode", "mode_before")
    assert [judged[name] for name in names] == [False, True, True, False]
    near = Thresholds(tolerance=0.005, stable=0.01).perturbation(metrics | {"error_barrier_to_before": 0.009})
    assert [near[name] for name in names] == [True, True, False, True]


def test_rows_of_one_key_make_one_line():
    rows = [{"level": level, "kept_fraction": kept} for level, kept in ((1, 0.8), (0, 1.0), (1, 0.6))]
    lines = cells(landscape_tables.table(rows, LEVEL_COLUMN | KEPT_COLUMN, "level"))
    assert lines == [["1", "70.00 [60.00, 80.00]"], ["0", "100.00"]]


def test_every_measurement_has_a_table():
    assert {*landscape_tables.MEASUREMENT_TABLES} == {*MEASUREMENTS, "chosen"}
    printed = landscape_tables.table_of("limit", "mine", [], Thresholds())
    assert printed.endswith(": mine\nNo level to measure is finished.")


def test_lines_between_levels_say_which_levels(measured):
    lines = cells(landscape_tables.lines_table(of_kind(measured, "line"), Thresholds()))
    assert [line[0] for line in lines] == ["0-1", "1-2", "2-3", "3-4"]
    assert [line[-2:] for line in lines] == 2 * [["3 of 3", "3 of 3"]] + 2 * [["0 of 3", "3 of 3"]]
    barriers = [100 * each["error_barrier"] for each in of_kind(measured, "line") if each["level"] == 2]
    assert mean_and_range(barriers) in lines[2]


def test_spectra_stand_above_the_curvature_along_directions(measured):
    above, below = landscape_tables.flatness_table(measured, Thresholds()).split("\n\n")
    traces = [each["trace"] / each["size"] for each in of_kind(measured, "spectrum") if each["level"] == 3]
    assert cells(above)[3][-1] == f"{fmean(traces):.3g} [{min(traces):.3g}, {max(traces):.3g}]"
    directions = [line[:3:2] for line in cells(below)[1:]]
    assert directions == [
        [str(level), name] for level in range(4) for name in ("large_final", "random", "random direction")
    ]
    ends = {row["error"] for each in of_kind(measured, "ray") if each["level"] == 3 for row in each["rows"]
            if row["position"] == 1}  # fmt: skip
    assert [line[-1] for line in cells(below)[-3:]] == 3 * [f"{100 * ends.pop():.2f}"] and not ends


def test_limits_of_all_methods_stand_in_one_line(measured):
    """The searches that retrain are measurements of their own."""
    limits = of_kind(measured, "limit")
    lines = cells(landscape_tables.limit_table(limits, Thresholds()))
    assert [line[:3:2] for line in lines] == [
        [str(level), name] for level in range(4) for name in ("large_final", "random")
    ]
    retrained = [100 * row["pruned_fraction"] for each in limits if each["level"] == 0 for row in each["rows"]
                 if (row["pruned_by"], row["method"]) == ("random", "found after retraining")]  # fmt: skip
    assert len(retrained) == 3 and len(lines[1]) == 3 + 5
    assert lines[1][-1] == f"{retrained[0]:.2f}", "of all seeds the same in this world"
    alone = [each for each in limits if len(each["rows"]) > 1]
    assert {line[-1] for line in cells(landscape_tables.limit_table(alone, Thresholds()))} == {"-"}


def test_magnitudes_are_those_of_all_layers_together(measured):
    thresholds = [
        metrics | {"rows": [row | {"share_before": 0.9 * (row["layer"] != "all")} for row in metrics["rows"]]}
        for metrics in of_kind(measured, "threshold")
    ]
    lines = cells(landscape_tables.magnitudes_table(thresholds, Thresholds()))
    assert [line[::2][:2] for line in lines] == [["1", "0.00"], ["2", "0.00"], ["3", "0.00"]]
    lines = cells(landscape_tables.magnitudes_table(measured, Thresholds()))
    shares = [100 * row["share_before"] for each in of_kind(measured, "threshold") if each["level"] == 2
              for row in each["rows"] if row["layer"] == "all"]  # fmt: skip
    assert lines[1][2] == mean_and_range(shares) and len(shares) == 3


def test_the_note_tells_the_thresholds():
    printed = landscape_tables.note(Thresholds(tolerance=0.005, stable=0.013), "validation")
    assert "on validation images" in printed
    assert "at most 0.5 points above the dense network's" in printed and "is below 1.3 points" in printed
