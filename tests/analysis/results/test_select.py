"""The rows of a panel, a measurement or a line, against small tables that were written by hand."""

import pandas as pd
import pytest

from analysis.results import select

RUNS = [
    ("fc", "mnist", "paper", "float32", 0),
    ("conv2", "cifar10", "tenth", "mixed_bfloat16", 1),
    ("fc", "mnist", "paper", "float32", 2),
    ("fc", "mnist", "half", "float32", 3),
    ("mine", "own", "", "float32", 4),
]


@pytest.fixture
def rows():
    return pd.DataFrame(RUNS, columns=[*select.PANEL, "seed"])


def test_rows_with_values_and_without_one():
    rows = pd.DataFrame({"seed": [0, 1, 2], "kept": [0.5, None, None], "g": ["a", "a", "b"]})
    assert select.rows_where(rows, kept=0.5)["seed"].tolist() == [0]
    assert select.rows_where(rows, kept=None)["seed"].tolist() == [1, 2]
    assert select.rows_where(rows, kept=None, g="a")["seed"].tolist() == [1]


def test_each_row_is_in_one_panel(rows):
    keys = select.panels(rows)
    assert keys == sorted({run[:4] for run in RUNS})
    assert {key: select.panel(rows, key)["seed"].tolist() for key in keys} == {
        key: [run[4] for run in RUNS if run[:4] == key] for key in keys
    }
    assert [key.network_and_dataset for key in select.panels_without_schedule(rows)] == [
        ("fc", "mnist"), ("conv2", "cifar10"), ("mine", "own"),
    ]  # fmt: skip


def test_panels_are_ordered_and_named_as_in_the_paper(rows):
    assert [select.panel_caption(key, "schedule ") for key in select.ordered_panels(rows)] == [
        "fc, mnist, schedule paper", "fc, mnist, schedule half", "conv2, cifar10, schedule tenth, mixed_bfloat16",
        "mine, own",
    ]  # fmt: skip


def test_rows_have_all_of_the_values(rows):
    assert select.rows_where(rows, network="fc", schedule="paper")["seed"].tolist() == [0, 2]
    assert select.rows_where(rows, network="fc", seed=1).empty
    assert len(select.rows_where(rows)) == len(RUNS)


def test_lines_between_successive_levels_say_whether_both_ends_match():
    """A level matches if its error is at most 0.2 points above the dense network's, here 2%."""
    ends = {"both": (0.0220, 0.0210), "first": (0.0215, 0.0260), "second": (0.0223, 0.0200), "none": (0.03, 0.04)}
    parts = [
        {"name": name, "relation": relation, "row": row, "first_error": a, "second_error": b, "dense_error": 0.02}
        for relation in ("successive", "reordered")
        for name, (a, b) in ends.items()
        for row in (0, 1, 2)
    ]
    found = select.successive(pd.DataFrame(parts)).set_index("name")
    assert found["matches"].to_dict() == {"both": True, "first": False, "second": False, "none": False}
    halves = {"both": 0.0005, "first": 0.00225, "second": 0.00115, "none": 0.005}
    assert found["of_ends"].to_dict() == pytest.approx(halves)


def test_each_line_with_runs_begins_with_the_dense_network():
    dense = pd.DataFrame({"level": [0, 0], "seed": [0, 1], "value": [0.9, 0.8]})
    own = pd.DataFrame({"level": [2, 1], "seed": [0, 0], "value": [0.7, 0.6]})
    joined = select.join_lines(dense, {"b": own, "none": own[:0], "a": own[1:]})
    ordered = select.in_line_order(joined, ("a", "none", "b"))
    assert list(ordered[["line", "level", "seed", "value"]].itertuples(index=False, name=None)) == [
        ("a", 0, 0, 0.9), ("a", 0, 1, 0.8), ("a", 1, 0, 0.6),
        ("b", 0, 0, 0.9), ("b", 0, 1, 0.8), ("b", 1, 0, 0.6), ("b", 2, 0, 0.7),
    ]  # fmt: skip
    assert select.join_lines(dense, {"none": own[:0]}).empty
