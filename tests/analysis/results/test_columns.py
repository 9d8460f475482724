"""The columns of each kind of result: those of the published files, which identify a result, how they are read."""

import csv
import math

import pytest
from shared import ROOT

from analysis.results import columns

PUBLISHED = sorted((ROOT / "analysis" / "measured").rglob("*.csv"))
KIND_BY_FILE = {name: kind for kind, name in columns.CSV_NAMES.items()}


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_published_files_have_the_columns_of_today_in_their_order(path):
    """They lack only what was added later; the seconds of a training are no longer exported."""
    with open(path, newline="") as file:
        published = [name for name in next(csv.reader(file)) if name != "seconds"]
    today = columns.CSV_COLUMNS[KIND_BY_FILE[path.name]]
    assert [name for name in today if name in published] == published
    assert {*today} - {*published} <= {*columns.ADDED_LATER}


def test_results_are_identified_by_some_of_their_columns():
    for kind, names in columns.CSV_COLUMNS.items():
        assert len({*names}) == len(names)
        assert {*columns.IDENTITY[kind]} < {*names}
    assert {*columns.LANDSCAPE} < {*columns.FRAMES} == {*columns.IDENTITY}


def test_what_a_result_does_not_say_is_as_in_the_paper():
    older = {"criterion": "random", "scope": "global"}
    names = ("criterion", "scope", "rewind_to", "rounds", "chosen_kept_fraction", "precision", "decay", "test_accuracy")
    told = [columns.value_of(older, name) for name in names]
    assert told == ["random", "global", 0, "iterative", None, "float32", "none", None]


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        ("seed", "3", 3),
        ("rewind_to", 500, 500),
        ("initial_logit", 0, "0"),
        ("mask1", None, ""),
        ("rescale", "False", False),
        ("rescale", True, True),
        ("test_accuracy", "1.0", 1.0),
        ("kept_fraction", 0, 0.0),
    ],
)
def test_values_are_read_by_the_type_of_their_column(column, text, value):
    kind, read = columns.TYPES[column]
    assert (read(text), type(read(text)), kind) == (value, kind, type(value))


@pytest.mark.parametrize(
    ("column", "text"),
    [("level", "-1"), ("draw", "2.5"), ("rescale", "yes"), ("pruned_fraction", "1.01"), ("test_accuracy", "-0.1")],
)
def test_values_that_no_result_has_are_refused(column, text):
    with pytest.raises((ValueError, KeyError)):
        columns.TYPES[column][1](text)


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_missing_number_is_nan(nothing):
    assert math.isnan(columns.float_or_nan(nothing)) and math.isnan(columns.TYPES["test_accuracy"][1](nothing))
