"""Table 1 on the page of results, against the measured CSV files and the paper."""

import dataclasses
import itertools
from collections import defaultdict
from statistics import fmean

from measured_files import mean_and_range, rows_of, tables_of_readmes

from analysis.readme_tables.table1 import table1_beside_published
from analysis.tables.table1 import published_table1

SETTINGS = ("optimizer", "learning_rate", "decay", "weight_multiplier", "initial_logit", "l1")
NAMES = {"trained": "trained network", "learned x initial": "learned mask x initial"}  # in the paper's Table 1
NETWORKS = {"fc": "mnist", "conv2": "cifar10", "conv4": "cifar10", "conv6": "cifar10"}
STANDARDIZED = (
    "conv2, cifar10_standardized",
    "conv4, cifar10_standardized",
    "conv6, cifar10_standardized",
)  # rows of Table 1 without published numbers


def test_table_1_on_the_page_of_results_names_the_precision(results):
    """Also where a network has masks in half precision alone, and where learned masks have another precision."""
    half = {"precision": "mixed_bfloat16"}
    only_half = dataclasses.replace(
        results, levels=results.levels.assign(**half), supermasks=results.supermasks.assign(**half)
    )
    head, *rows = table1_beside_published(only_half)
    learned = [place for place, title in enumerate(head) if title.startswith("learned")]
    by_name = {row[0]: row for row in rows}
    row = by_name["fc, mnist, schedule paper, mixed_bfloat16"]
    for place, cell in enumerate(row[1:], 1):
        assert cell.endswith(", float32") == (place in learned and cell != "")
    (before,) = [each for each in table1_beside_published(results) if each[0].startswith("fc, mnist")]
    assert before == ["fc, mnist, schedule paper", *(cell.removesuffix(", float32") for cell in row[1:])]


def best_heuristic(network, dataset, weights):
    """Of each seed the highest test accuracy of a large_final_same_sign mask; of a network on one schedule."""
    found = defaultdict(list)
    for row in rows_of("supermasks"):
        own = (row["network"], row["dataset"], row["weights"], row["criterion"])
        if own == (network, dataset, weights, "large_final_same_sign"):
            found[row["schedule"], row["seed"]].append(100 * float(row["test_accuracy"]))
    return {key: max(values) for key, values in found.items()}


def best_learned(network, dataset, weights, rescale):
    """The precision, and each seed's accuracy, of the way with most images (or, of equals, the best validated)."""
    ways = defaultdict(dict)
    for row in [*rows_of("learned_masks"), *rows_of("half_precision/learned_masks")]:
        own = (row["network"], row["dataset"], row["weights"], row["rescale"], row["g"])
        if own == (network, dataset, weights, rescale, "bernoulli"):
            images, precision = int(row["iterations"]) * int(row["batch_size"]), row.get("precision", "float32")
            way = (images, precision, *(row[name] for name in SETTINGS))
            ways[way][row["seed"]] = (float(row["best_val_accuracy"]), 100 * float(row["test_accuracy"]))
    longest = [way for way in ways if way[0] == max(way[0] for way in ways)]
    chosen = max(longest, key=lambda way: fmean(validation for validation, _ in ways[way].values()), default=None)
    return ("float32", []) if chosen is None else (chosen[1], [accuracy for _, accuracy in ways[chosen].values()])


def test_table_1_is_that_of_the_csv_and_of_the_paper():
    ((header, rows),) = [table for table in tables_of_readmes() if table[0][1:2] == ["mask x initial"]]
    columns = dict(enumerate(header[1:], start=1))
    published, network = published_table1(), None
    own = [row for row in rows if row[0] in STANDARDIZED]
    assert [row[0] for row in own] == list(STANDARDIZED)
    rows = [row for row in rows if row not in own]
    for row, (place, column) in itertools.product(own, columns.items()):
        if cell := row[place]:
            assert cell in measured(column, *row[0].split(", "))
    for row in rows:
        network = network if row[0] == "published" else row[0].split(", ")[0]
        for place, column in columns.items():
            cell = row[place]
            if row[0] == "published":
                value = published.get((network, NETWORKS[network], NAMES.get(column, column)))
                assert cell == ("" if value is None else f"{value:.1f}"), (network, column)
            elif cell:
                assert cell in measured(column, network, NETWORKS[network]), (network, column, cell)
    names = [row[0].removesuffix(row[0].split("schedule ")[-1]) for row in rows[::2]]
    assert names == [f"{network}, {dataset}, schedule " for network, dataset in NETWORKS.items()]
    assert [row[0] for row in rows[1::2]] == ["published"] * len(NETWORKS)


def measured(column, network, dataset):
    """What a cell may say: there is one for each schedule that a network was trained on."""
    precision = "float32"  # of the networks in the rows; a learned mask of another precision says so
    if column == "trained":
        rows = [row for row in rows_of("levels") if (row["network"], row["criterion"]) == (network, "dense")]
        values = [(row["schedule"], 100 * float(row["test_accuracy"])) for row in rows]
    elif column.startswith("mask x"):
        found = best_heuristic(network, dataset, column.removeprefix("mask x ").replace(" ", "_"))
        values = [(schedule, value) for (schedule, _), value in found.items()]
    else:
        weights, _, rescaled = column.removeprefix("learned x ").partition(", ")
        precision, own = best_learned(network, dataset, weights.replace(" ", "_"), str(bool(rescaled)))
        values = [("", value) for value in own]
    schedules = defaultdict(list)
    for schedule, value in values:
        schedules[schedule].append(value)
    suffix = "" if precision == "float32" else f", {precision}"
    return [
        mean_and_range(own, 1) + (f", n = {len(own)}" if len(own) < 5 else "") + suffix for own in schedules.values()
    ]
