"""The controls and measurements that exist, against those that were written."""

import dataclasses

import made_up
import pytest

from analysis.report import coverage, report
from analysis.results import load
from lottery_tf.landscape.measurements.catalogue import MEASUREMENTS
from lottery_tf.pruning.treatments import Treatment

LANDSCAPE = (Treatment(), Treatment("random"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made_up.write_results(
        tmp_path_factory.mktemp("beside"), treatments=LANDSCAPE, levels=4, controls=("reinit",), landscape=LANDSCAPE
    )


def test_each_control_and_measurement_is_a_row(folder):
    rows = coverage.controls_and_measurements(load.load(folder)).set_index("control or measurement")
    assert {*rows.index} == {"control reinit", *MEASUREMENTS} - {"instability"}
    assert rows.loc["control reinit", ["treatments", "levels", "levels of all seeds"]].tolist() == [1, "1 to 4", 3 * 4]
    assert rows.loc["lines", ["treatments", "seeds", "levels"]].tolist() == [2, "0, 1, 2", "0 to 3"]
    assert rows.loc["lines", "levels of all seeds"] == 2 * 3 * 4
    assert rows.loc["robustness", ["levels", "levels of all seeds"]].tolist() == ["1 to 3", 2 * 3 * 3]


def test_lines_of_other_orders_are_those_of_instability(folder):
    found = load.load(folder)
    other = dataclasses.replace(found, lines=found.lines.assign(relation="reordered"))
    measures = set(coverage.controls_and_measurements(other)["control or measurement"])
    assert "instability" in measures and "lines" not in measures


@pytest.mark.slow
def test_the_report_says_what_is_there(folder, tmp_path):
    sections = tuple(section for section in report.SECTIONS if section.anchor == "coverage")
    text = report.write(folder, tmp_path, sections=sections).read_text()
    assert "control reinit" in text and "1 to 3" in text
    bare = made_up.write_results(tmp_path / "bare", treatments=LANDSCAPE)
    assert "Controls of tickets" not in report.write(bare, tmp_path / "other", sections=sections).read_text()
