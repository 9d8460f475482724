"""The table of every kind of result, and what happens to a file that is there already."""

import csv

import pytest

from analysis.export import COLUMNS, write_csv
from lottery_tf.errors import InputError


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_row_for_each_result(kind, tmp_path):
    metrics = {column: f"{column} here" for column in COLUMNS[kind]} | {"versions": {}, "test_accuracy": None}
    assert write_csv([metrics, metrics], tmp_path / "out.csv", kind) == 2
    with open(tmp_path / "out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{column: f"{column} here" for column in COLUMNS[kind]} | {"test_accuracy": ""}] * 2


def test_a_line_for_each_row_of_a_ladder(tmp_path):
    ladder = {"seed": 3, "rows": [{"level": 1, "test_accuracy": 0.5}, {"level": 2, "test_accuracy": 0.25}]}
    assert write_csv([ladder], tmp_path / "out.csv", "supermask") == 2
    with open(tmp_path / "out.csv", newline="") as file:
        assert [(row["seed"], row["level"], row["test_accuracy"]) for row in csv.DictReader(file)] == [
            ("3", "1", "0.5"), ("3", "2", "0.25"),
        ]  # fmt: skip


def test_a_file_that_is_there_survives_an_empty_export(tmp_path):
    (tmp_path / "out.csv").write_text("precious")
    with pytest.raises(InputError, match="no result of the kind 'level' to export"):
        write_csv([], tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "precious"
    with pytest.raises(InputError, match="There is no folder"):
        write_csv([{"seed": 0}], tmp_path / "no" / "out.csv")
