"""The tables of claims: one row for each network on its longest schedule, and what lacks data."""

import types

import pandas as pd
import pytest

from analysis.claims.catalogue import ClaimResult
from analysis.readme_tables import claims
from analysis.results.select import PANEL

NUMBERS = "a - b: +0.84 points [+0.77, +0.91], p = 2e-06, n = 5"


def result(claim, panel, verdict, numbers="", missing=""):
    return ClaimResult(claim, "Zhou, 1", "the rule", panel, verdict, numbers, missing)


FOUND = [
    result("A.", "fc, mnist, half", "shown", NUMBERS),
    result("A.", "fc, mnist, tenth", "contradicted", NUMBERS),
    result("A.", "fc, mnist, paper", "not enough data", missing="2 of 3 seeds: a"),
    result("A.", "conv2, cifar10, tenth", "not shown", NUMBERS),
    result("B.", "fc, mnist, half", "not enough data", missing="0 of 3 seeds: a; b; c"),
    result("B.", "fc, mnist, tenth", "not enough data", missing="2 of 3 seeds: a; b", numbers="a - b: +1 points"),
    result("B.", "conv2, cifar10, tenth", "not enough data", missing="0 of 3 seeds: a"),
]


@pytest.fixture
def results(monkeypatch):
    """Three lengths of training, and the verdicts above."""
    monkeypatch.setattr(claims, "evaluate", lambda results: FOUND)
    lengths = {("fc", "mnist", "paper"): 50_000, ("fc", "mnist", "half"): 25_000, ("fc", "mnist", "tenth"): 5_000}
    rows = [(*key, "float32", length) for key, length in lengths.items()]
    rows.append(("conv2", "cifar10", "tenth", "float32", 2_000))
    return types.SimpleNamespace(levels=pd.DataFrame(rows, columns=[*PANEL, "iterations"]))


def test_a_claim_has_a_row_for_each_network_on_the_longest_schedule_with_data(results):
    head, *rows = claims.claims_with_data(results)
    short = "a - b: +0.84 points [+0.77, +0.91]"
    assert rows == [
        ["A. (Zhou, 1)", "shown", "fc, mnist, half", short, "5"],
        ["A. (Zhou, 1)", "**not shown**", "conv2, cifar10, tenth", short, "5"],
    ]
    assert {len(row) for row in rows} == {len(head)}


def test_a_claim_without_data_has_a_row_for_what_lacks_the_least(results):
    head, *rows = claims.claims_without_data(results)
    assert rows == [["B. (Zhou, 1)", "fc, mnist, tenth", "2 of 3 seeds: a; b", "a - b: +1 points"]]
    assert {len(row) for row in rows} == {len(head)}
