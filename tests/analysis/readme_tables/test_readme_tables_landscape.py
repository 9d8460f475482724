"""The tables of the error landscape on the pages, against the measured CSV files by plain arithmetic."""

import dataclasses

import made_up
import numpy as np
from measured_files import MEASURED, mean_and_range, prunable_percentages, rows_of, table_of

from analysis.readme_tables import landscape
from analysis.results.load import load
from lottery_tf.pruning.treatments import Treatment


def test_the_limits_are_those_of_the_csv():
    methods = ("along the projection", "found", "subspace meets bowl", "found after retraining")
    rows = iter(table_of("without retraining: predicted"))
    for level in ("0", "6", "12"):
        for pruned_by in ("large_final", "random"):
            assert next(rows)[2:] == [
                mean_and_range(prunable_percentages(level, pruned_by, method), 0) for method in methods
            ]


def test_the_joined_pairs_are_those_of_the_csv():
    lines = {}
    for row in rows_of("landscape/lines"):
        if row["relation"] == "successive":
            key = tuple(row[name] for name in ("schedule", "criterion", "rewind_to", "seed", "level"))
            first, second, dense, barrier = (
                100 * float(row[name]) for name in ("first_error", "second_error", "dense_error", "error_barrier")
            )
            lines[key] = (max(first, second) <= dense + 0.2 + 1e-9, barrier < 2)
    counts = {}
    for schedule, criterion, rewind_to, seeds, *cells in table_of("both match: connected"):
        own = {key: value for key, value in lines.items() if key[0] == schedule}
        own = {key: value for key, value in own.items() if criterion == "all" or key[1:3] == (criterion, rewind_to)}
        assert len({key[3] for key in own}) == int(seeds)
        for matches, cell in zip((True, False), cells, strict=True):
            joined = [joined for match, joined in own.values() if match == matches]
            assert cell == f"{sum(joined)} of {len(joined)}"
            counts[schedule, criterion, rewind_to, matches] = (sum(joined), len(joined))
    assert [counts["1500", "all", "all", matches] for matches in (True, False)] == [(105, 105), (117, 135)]
    text = " ".join((MEASURED / "README.md").read_text().split())
    stable = sum(np.array(counts["1000", criterion, "200", True]) for criterion in ("large_final", "random"))
    assert f"all {stable[1]} pairs that match are connected" in text and stable[0] == stable[1]
    large, random = (counts["1000", criterion, "0", True] for criterion in ("large_final", "random"))
    assert "{} of {} are with `large_final`, but only {} of {} with random pruning".format(*large, *random) in text
    assert "{} of {} pairs that do not match are connected".format(*counts["1000", "all", "all", False]) in text


def test_pairs_are_counted_by_whether_both_levels_match(tmp_path):
    """In made-up results the levels before the middle match and are connected, all others neither."""
    treatments = (Treatment(), Treatment("random", rewind_to=100))
    found = load(made_up.write_results(tmp_path, treatments=treatments, levels=4, landscape=treatments))
    assert list(landscape.joined_pairs(found))[1:] == [
        ["paper", "large_final", "0", "3", "6 of 6", "0 of 6"],
        ["paper", "random", "100", "3", "6 of 6", "0 of 6"],
        ["paper", "all", "all", "3", "12 of 12", "0 of 12"],
    ]
    lines = found.lines.assign(error_barrier=found.lines["error_barrier"].where(found.lines["seed"] > 0, 0.01999))
    *_, both = landscape.joined_pairs(dataclasses.replace(found, lines=lines))
    assert both[-2:] == ["12 of 12", "4 of 12"], "below 2 points they are connected, whether they match or not"


def test_limits_are_those_of_each_level_and_way_to_prune(tmp_path):
    found = load(made_up.write_results(tmp_path, treatments=[Treatment()], levels=2, landscape=[Treatment()]))
    _, *rows = landscape.limits(found)
    assert [row[:2] for row in rows] == [
        ["100", "by magnitude"], ["100", "at random"], ["80.04", "by magnitude"], ["80.04", "at random"],
    ]  # fmt: skip
    own = [row for row in found.limits.to_dict("records") if (row["level"], row["pruned_by"]) == (1, "random")]
    methods = ("along the projection", "found", "subspace meets bowl", "found after retraining")
    shares = [[100 * row["pruned_fraction"] for row in own if row["method"] == method] for method in methods]
    assert rows[3][2:] == [mean_and_range(values, 0) for values in shares] and len(shares[0]) == 3
