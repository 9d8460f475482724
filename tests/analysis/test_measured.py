"""The measured results that the pages print, against the CSV files, by plain arithmetic.

A behaviour of several modules: the functions of readme_tables and the pages that they write.
"""

import csv
import itertools
import re
from collections import defaultdict
from statistics import fmean, stdev

import numpy as np
from scipy import stats
from shared import ROOT

from analysis.readme_tables.__main__ import with_new_tables
from analysis.results.load import load
from analysis.tables.table1 import published_table1

MEASURED = ROOT / "analysis" / "measured"
TABLES = ("table1", "figure3", "figure4", "figure5", "learned_masks")
SETTINGS = ("optimizer", "learning_rate", "decay", "weight_multiplier", "initial_logit", "l1")
SCHEDULES = {f"{share} of the iterations": share.split()[-1] for share in ("half", "a quarter", "a tenth")}
NAMES = {"trained": "trained network", "learned x initial": "learned mask x initial"}  # in the paper's Table 1
NETWORKS = {"fc": "mnist", "conv2": "cifar10", "conv4": "cifar10", "conv6": "cifar10"}
LONG = ("conv2", "8000")  # network and iterations of the masks that were learned for longest
STANDARDIZED = (
    "conv2, cifar10_standardized",
    "conv4, cifar10_standardized",
    "conv6, cifar10_standardized",
)  # rows of Table 1 without published numbers


def rows_of(name):
    with open(MEASURED / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def tables_of_readmes():
    """Each table of the front page and of the one beside the CSV files: its header and its rows, as lists of cells."""
    found, text = [], "\n".join((folder / "README.md").read_text() for folder in (ROOT, MEASURED))
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block.splitlines()]
        found.append((lines[0], lines[2:]))
    return found


def of_levels():
    """(schedule, row, kept percentage) -> cell, of the tables of trained networks; and the seeds that rows name."""
    cells, seeds = {}, {}
    for header, rows in tables_of_readmes():
        if header[1:2] == ["seeds"] and header[0] in SCHEDULES:
            schedule = SCHEDULES[header[0]]
            for name, count, *values in rows:
                seeds[schedule, name] = int(count)
                for kept, value in zip(header[2:], values, strict=True):
                    cells[schedule, name, float(kept.partition("%")[0])] = value
    return cells, seeds


def test_the_table_of_conv2_in_half_precision():
    (table,) = (each for each in tables_of_readmes() if each[0][0].startswith("conv2, a tenth"))
    (_, _, *shares), rows = table
    accuracies = defaultdict(list)
    for row in rows_of("half_precision/levels"):
        assert (row["network"], row["schedule"], row["precision"]) == ("conv2", "tenth", "mixed_bfloat16")
        accuracies[row["criterion"], f"{100 * float(row['kept_fraction']):.2f}"].append(float(row["test_accuracy"]))
    assert {name.strip("`") for name, *_ in rows} == {criterion for criterion, _ in accuracies} - {"dense"}
    for name, _, *cells in rows:
        for share, printed in zip((share.partition("%")[0] for share in shares), cells, strict=True):
            values = accuracies["dense" if share == "100.00" else name.strip("`"), share]
            assert bool(printed) == bool(values)
            if values:
                assert abs(float(printed.partition(" ")[0]) - 100 * fmean(values)) < 0.00501


def treatment(name):
    """What a row's name says: criterion, mask-1 and mask-0 action.

    >>> treatment("`large_final`, pruned weights frozen at `init`")
    ('large_final', 'rewind', 'init')
    """
    criterion, *actions = re.findall("`(.*?)`", name)
    mask1 = actions[0] if "kept weights" in name else "rewind"
    mask0 = actions[0] if "pruned weights" in name else "zero"
    return criterion, mask1, mask0


def band(values, digits):
    shown = f"{fmean(values):.{digits}f}"
    return f"{shown} [{min(values):.{digits}f}, {max(values):.{digits}f}]" if len(values) > 1 else shown


def trained(schedule):
    """(criterion, mask-1, mask-0, kept percentage) -> accuracies, one a seed, of fc on MNIST."""
    found = defaultdict(list)
    for row in rows_of("levels"):
        if (row["network"], row["dataset"], row["schedule"]) == ("fc", "mnist", schedule):
            kept = round(100 * float(row["kept_fraction"]), 2)
            found[row["criterion"], row["mask1"], row["mask0"], kept].append(100 * float(row["test_accuracy"]))
    return found


def test_every_accuracy_of_trained_networks_is_that_of_the_csv():
    cells, seeds = of_levels()
    assert len(cells) > 60
    for (schedule, name, kept), cell in cells.items():
        accuracies = trained(schedule)[(*treatment(name), kept)]
        assert len(accuracies) == seeds[schedule, name], (schedule, name, kept)
        assert cell == band(accuracies, 2), (schedule, name, kept)


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
    return [band(own, 1) + (f", n = {len(own)}" if len(own) < 5 else "") + suffix for own in schedules.values()]


def test_what_is_said_of_both_precisions_of_conv2_is_so():
    accuracies = defaultdict(dict)  # (criterion, level) -> (precision, seed) -> accuracy in %
    for row in [*rows_of("levels"), *rows_of("half_precision/levels")]:
        if (row["network"], row["schedule"]) == ("conv2", "tenth"):
            measured = accuracies[row["criterion"], int(row["level"])]
            measured[row["precision"], int(row["seed"])] = 100 * float(row["test_accuracy"])
    assert len(accuracies) == 13 and {len(measured) for measured in accuracies.values()} == {6}
    wider = []
    for key, measured in accuracies.items():
        full = np.array([measured["float32", seed] for seed in range(3)])
        differences = np.array([measured["mixed_bfloat16", seed] for seed in range(3)]) - full
        half_width = stats.t.ppf(0.975, 2) * differences.std(ddof=1) / 3**0.5
        assert abs(differences.mean()) < min(0.6, half_width)
        if abs(differences.mean()) >= full.std(ddof=1):
            wider.append((*key, round(float(np.ptp(full)), 2)))
    assert wider == [("large_final", 2, 0.06)]
    gain = {
        precision: fmean(
            accuracies["large_final", 6][precision, seed] - accuracies["dense", 0][precision, seed] for seed in range(3)
        )
        for precision in ("float32", "mixed_bfloat16")
    }
    front = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    said = (
        "conv2 gains {float32:.1f} points from pruning to 26% (three seeds, a tenth of the iterations; "
        "{mixed_bfloat16:.1f} in half precision)"
    )
    assert said.format(**gain) in front


def test_what_is_said_of_masks_in_both_precisions_is_so():
    accuracies = defaultdict(list)
    for row in rows_of("half_precision/learned_masks"):
        if (row["iterations"], row["rescale"]) == ("2000", "False"):
            accuracies[row["weights"]].append(100 * float(row["test_accuracy"]))
    deviations = [stdev(accuracies[weights]) for weights in ("initial", "signed_constant")]
    text = " ".join((MEASURED / "README.md").read_text().split())
    assert "the deviation of the seeds in half precision ({:.2f} and {:.2f})".format(*deviations) in text


def test_what_is_said_of_long_masks_of_conv2_is_so():
    text = " ".join((MEASURED / "README.md").read_text().split())
    front = " ".join((ROOT / "README.md").read_text().split())
    rows = [row for row in rows_of("half_precision/learned_masks") if (row["network"], row["iterations"]) == LONG]
    found = defaultdict(list)
    for row in rows:
        key = (row["dataset"], row["weights"], float(row["weight_multiplier"]), row["rescale"] == "True")
        found[key].append(100 * float(row["test_accuracy"]))
    standardized, constant = "cifar10_standardized", "signed_constant"
    paper, (initial,) = (found.pop((standardized, "initial", *how)) for how in ((1.2, False), (0.6, True)))
    said = "conv2 has {:.1f} and {:.1f} (two seeds) over initial weights without rescaling (the paper's variant, x 1.2"
    assert said.format(*paper) in text and f"{initial:.1f} over initial weights with rescaling" in text
    both = found.pop((standardized, constant, 0.6, True))
    assert "{:.1f} and {:.1f} (two seeds) over the signed constant".format(*both) in text
    (no_factor,), (unscaled,) = (
        found.pop((data, constant, f, True)) for data, f in ((standardized, 1.0), ("cifar10", 0.6))
    )
    assert f"reaches {no_factor:.1f} without the smaller constant and {unscaled:.1f} without" in text and not found
    best = [row for row in rows if row["rescale"] == "True" and float(row["test_accuracy"]) > 0.6]
    likely, kept = (
        sorted(100 * float(row[name]) for row in best)
        for name in ("most_likely_test_accuracy", "kept_fraction_of_most_likely")
    )
    assert f"have {likely[0]:.1f} to {likely[-1]:.1f} with {kept[0]:.1f} to {kept[-1]:.1f}% of the weights" in text
    assert (
        f"conv2 reach {fmean(paper):.1f} on CIFAR-10 (two seeds; the paper: 64.4), and {likely[-1]:.1f} with" in front
    )
    conv4 = {row["weights"]: row for row in rows_of("half_precision/learned_masks") if row["network"] == "conv4"}
    initial, constant = (100 * float(conv4[weights]["test_accuracy"]) for weights in ("initial", "signed_constant"))
    likely = 100 * float(conv4["signed_constant"]["most_likely_test_accuracy"])
    assert f"has {initial:.1f} over initial weights without rescaling (x 1.2; the paper publishes 65.4)" in text
    assert f"and {constant:.1f} over the signed constant with rescaling (x 0.6), where its most likely mask" in text
    assert f"mask has {likely:.1f}." in text
    (conv6,) = (row for row in rows_of("half_precision/learned_masks") if row["network"] == "conv6")
    deepest, likely = (100 * float(conv6[name]) for name in ("test_accuracy", "most_likely_test_accuracy"))
    assert f"conv6 has {deepest:.1f} over the signed constant with rescaling (x 0.6, one seed)" in text
    assert f"its most likely mask {likely:.1f}; the paper publishes 65.3 over initial weights" in text
    assert f"with rescaling reach {constant:.1f} and {deepest:.1f} (one seed each" in front
    readings = {
        int(float(row["iteration"])): 100 * float(row["validation_accuracy"])
        for row in rows_of("half_precision/mask_histories")
        if (row["network"], row["iterations"]) == LONG and row["weight_multiplier"] == "1.2" and row["seed"] == "0"
    }
    assert f"(x 1.2: {readings[2000]:.1f})" in text and f"(x 1.2: {readings[1000]:.1f})" in text


def test_the_table_of_convolutional_masks_is_that_of_the_csv_files():
    ((header, rows),) = (each for each in tables_of_readmes() if each[0][:3] == ["network", "dataset", "weights"])
    found = defaultdict(list)
    for row in [*rows_of("learned_masks"), *rows_of("half_precision/learned_masks")]:
        if row["network"] != "fc":
            words = [f"{row['iterations']} iterations of {row['batch_size']} images"]
            words += [f"{row['optimizer']} {float(row['learning_rate']):g}"]
            words += ["cosine decay"] * (row["decay"] == "cosine")
            words += [f"weights x {row['weight_multiplier']}"] * (row["weight_multiplier"] != "1.0")
            words += [row["precision"]] * (row["precision"] != "float32")
            rescaled = "yes" if row["rescale"] == "True" else "no"
            found[row["network"], row["dataset"], row["weights"], rescaled, ", ".join(words)].append(row)
    assert {tuple(row[:5]) for row in rows} == {*found} and len(rows) == len(found)
    metrics = ("test_accuracy", "most_likely_test_accuracy", "pruned_fraction")
    for row in rows:
        runs = found[tuple(row[:5])]
        for cell, metric in zip(row[5:], metrics, strict=True):
            assert cell == f"{band([100 * float(run[metric]) for run in runs], 2)}, n = {len(runs)}"


def test_the_sweep_over_initial_logits_is_that_of_the_csv():
    ((header, rows),) = [table for table in tables_of_readmes() if table[0][1:2] == ["m = -5"]]
    found = defaultdict(list)
    for row in rows_of("learned_masks"):
        if row["network"] == "fc" and row["g"] == "bernoulli":
            assert (row["optimizer"], row["learning_rate"], row["l1"]) == ("momentum", "100.0", "0.0")
            key = (row["weights"], row["rescale"], row["initial_logit"], row["iterations"])
            found[key].append((100 * float(row["test_accuracy"]), 100 * float(row["pruned_fraction"])))
    for name, *cells in rows:
        weights, _, rescaled = name.partition(", ")
        for title, cell in zip(header[1:], cells, strict=True):
            logit, _, iterations = title.removeprefix("m = ").removesuffix(" iterations").partition(", ")
            values = found[weights.replace(" ", "_"), str(bool(rescaled)), logit, iterations.replace(",", "") or "2000"]
            assert len(values) == 3
            accuracy, pruned = (fmean(column) for column in zip(*values, strict=True))
            assert cell == f"{accuracy:.1f} ({pruned:.0f}% pruned)", (name, title)


def test_tickets_and_their_controls_are_those_of_the_csv():
    ((header, rows),) = [table for table in tables_of_readmes() if table[0][:2] == ["kept %", "ticket"]]
    one_shot, fine_tuned = ("rewind", "oneshot"), ("finetune", "iterative")
    columns = {"ticket": ("rewind", "iterative"), "one-shot": one_shot, "fine-tuned": fine_tuned}
    controls = {"reinitialized": "reinit", "random mask": "random"}
    for kept, *cells in rows:
        for title, cell in zip(header[1:], cells, strict=True):
            accuracies = defaultdict(list)
            for row in rows_of("tickets/controls" if title in controls else "tickets/levels"):
                kind = row.get("control") or (row["mask1"], row["rounds"])
                dense = row["criterion"] == "dense" and title == "ticket"
                if (
                    dense or kind == (controls | columns)[title]
                ) and f"{100 * float(row['kept_fraction']):.4g}" == kept:
                    accuracies[row["seed"]].append(100 * float(row["test_accuracy"]))
            runs = [value for own in accuracies.values() for value in own]
            mean = fmean(map(fmean, accuracies.values())) if runs else 0
            assert cell == (f"{mean:.2f} [{min(runs):.2f}, {max(runs):.2f}]" if runs else ""), (kept, title)


def pairs(criterion):
    """Lines between successive levels from the initial weights: (level, places of end errors, barriers), in points."""
    found = defaultdict(list)
    for row in rows_of("landscape/lines"):
        wanted = ("1500", criterion, "0", "successive")
        if tuple(row[name] for name in ("schedule", "criterion", "rewind_to", "relation")) == wanted:
            found[int(row["level"]), row["seed"]].append(row)
    return {
        key: (
            [100 * float(rows[0][name]) for name in ("first_error", "second_error", "dense_error", "error_barrier")],
            100 * max(float(row["error"]) - chord(row) for row in rows),
        )
        for key, rows in found.items()
    }


def chord(row):
    """The error on the straight line between a line's ends, where position 1 is the first."""
    first, second, position = (float(row[name]) for name in ("first_error", "second_error", "position"))
    return position * first + (1 - position) * second


def both_match(errors):
    return max(errors[:2]) <= errors[2] + 0.2 + 1e-9


def over_runs(name, value, **wanted):
    """The mean of a column over the runs, each counted once, that have these values."""
    chosen = defaultdict(set)
    for row in rows_of(f"landscape/{name}"):
        if all(row[key] == text for key, text in wanted.items()):
            chosen[row["seed"]].add(float(row[value]))
    assert [len(values) for values in chosen.values()] == [1, 1, 1]
    return fmean(value for values in chosen.values() for value in values)


def over_seeds(level, pruned_by, method):
    """The share that can go, in percent, of each seed."""
    rows = [row for row in rows_of("landscape/limits") if (row["level"], row["pruned_by"]) == (level, pruned_by)]
    rows = [row for row in rows if row["method"] == method and row["criterion"] == "large_final"]
    return [100 * float(row["pruned_fraction"]) for row in sorted(rows, key=lambda row: row["seed"])]


def test_lines_between_levels_are_those_of_the_csv_files():
    text = " ".join((MEASURED / "README.md").read_text().split())
    found = pairs("large_final")
    sentences = (
        (1, "The mean barrier is {:.2f} points if both ends match and {:.2f} if not"),
        (0, "above the straight line between them, the error rises by only {:.2f} and {:.2f} points"),
    )
    for where, told in sentences:
        values = [(both_match(errors), errors[3] if where else rise) for errors, rise in found.values()]
        means = [fmean(value for match, value in values if match is wanted) for wanted in (True, False)]
        assert told.format(*means) in text
    misses = sorted(level for (level, _), (errors, _) in found.items() if errors[0] > errors[2] + 0.2 + 1e-9)
    assert misses == [2, 17, 17, 18, 18, 19, 19, 19]
    assert "They match down to 2.9% kept, with one exception (level 2 of one seed)" in text
    assert max(errors[3] for errors, _ in found.values()) < 2
    assert "all levels of `large_final` lie in one mode" in text
    random = pairs("random")
    means = {level: fmean(own[0][3] for (number, _), own in random.items() if number == level) for level in range(20)}
    assert [level for level, mean in means.items() if mean > 2] == [17, 18, 19]
    assert (
        f"With random pruning the mean barrier is above 2 points from 2.3% kept on, and {means[19]:.1f} at 1.5%" in text
    )
    matching = [level for (level, _), (errors, _) in random.items() if both_match(errors)]
    assert (len(random), len(matching), max(matching)) == (60, 6, 2)
    assert "six of its 60 pairs match, all with at least half of the weights" in text


def test_robustness_limits_and_flatness_are_those_of_the_csv_files():
    text = " ".join((MEASURED / "README.md").read_text().split())
    barriers = [100 * over_runs("perturbations", "error_barrier", level=at, multiple="1.0") for at in ("4", "15")]
    assert "(barriers of {:.2f} and {:.2f} points at 41 and 3.6% kept)".format(*barriers) in text
    for pruned_by, words in (
        ("large_final", "for magnitude pruning it predicts {} and {}%, but {} and {}% were found"),
        ("random", "for random pruning it predicts {} and {}%, but {} and {}% were found"),
    ):
        shares = [
            [fmean(over_seeds(at, pruned_by, method)) for at in ("0", "6", "12")]
            for method in ("subspace meets bowl", "found after retraining")
        ]
        said = words.format(*(part for own in shares for part in (f"{own[0]:.0f}, {own[1]:.0f}", f"{own[2]:.0f}")))
        assert said in text
    apart = [
        "{:.0f}, {:.0f} and {:.0f}%".format(*over_seeds("0", pruned_by, "subspace meets bowl"))
        for pruned_by in ("large_final", "random")
    ]
    assert (
        "predictions for the three seeds are {} for magnitude pruning and {} for random pruning".format(*apart) in text
    )
    again = defaultdict(set)
    for row in rows_of("landscape/lines"):
        if row["relation"] == "reordered":
            again[row["schedule"], row["rewind_to"]].add(100 * float(row["error_barrier"]))
    assert f"have a barrier of at most {max(again['1500', '0']):.2f} points" in text
    assert "(barriers of {:.1f} to {:.1f} points)".format(min(again["1000", "0"]), max(again["1000", "0"])) in text
    assert f"after 200 iterations (at most {max(again['1000', '200']):.1f} points)" in text
    by = [{name: over_runs("rays", name, level="12", direction=way, position="0.0") for name in ("curvature", "length")}
          for way in ("large_final", "random")]  # fmt: skip
    assert "From level 2 on, the curvature along the projection of magnitude pruning is *greater* than" in text
    for level in map(str, range(13)):
        magnitude, random = (over_runs("rays", "curvature", level=level, direction=way, position="0.0")
                             for way in ("large_final", "random"))  # fmt: skip
        assert (magnitude > random) == (int(level) >= 2), level
    assert "({:.4f} and {:.4f} at level 12)".format(*(own["curvature"] for own in by)) in text
    assert "(length {:.1f}, against {:.1f})".format(*(own["length"] for own in by)) in text


def table_of(title):
    """The rows of the table whose header has this title."""
    ((_, rows),) = [table for table in tables_of_readmes() if title in table[0]]
    return rows


def test_the_limits_are_those_of_the_csv():
    methods = ("along the projection", "found", "subspace meets bowl", "found after retraining")
    rows = iter(table_of("without retraining: predicted"))
    for level in ("0", "6", "12"):
        for pruned_by in ("large_final", "random"):
            assert next(rows)[2:] == [band(over_seeds(level, pruned_by, method), 0) for method in methods]


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


def over_levels(schedule, *treatment):
    """Each seed's mean accuracy over the levels of a treatment of fc."""
    found = defaultdict(list)
    for row in rows_of("levels"):
        if (row["network"], row["schedule"], row["criterion"], row["mask1"], row["mask0"]) == (
            "fc",
            schedule,
            *treatment,
        ):
            found[row["seed"]].append(100 * float(row["test_accuracy"]))
    return np.array([fmean(found[seed]) for seed in sorted(found)])


def within(a, b, margin):
    """The p-value of "a and b differ by less than the margin"."""
    return max(
        stats.ttest_rel(a, b - margin, alternative="greater").pvalue,
        stats.ttest_rel(a, b + margin, alternative="less").pvalue,
    )


def test_what_hangs_on_the_rules_is_so():
    text = " ".join((MEASURED / "README.md").read_text().split())
    dense = [100 * float(row["test_accuracy"]) for row in rows_of("levels") if row["criterion"] == "dense"
             and (row["network"], row["schedule"]) == ("fc", "paper")]  # fmt: skip
    deviation = stdev(dense)
    margin = 2.8 * deviation
    rewind, constant, reshuffle = (
        over_levels("tenth", "large_final", action, "zero")
        for action in ("rewind", "constant_init_sign", "reshuffle_init_sign")
    )
    low, high = stats.ttest_rel(constant, rewind).confidence_interval(0.95)
    below = f"{(rewind - constant).mean():.2f} points below rewinding, [{low:+.2f}, {high:+.2f}]"
    assert f"a single magnitude is {below}" in text
    quarter = {
        name: over_levels("quarter", criterion, action, "zero").item()
        for name, criterion, action in (
            ("rewind", "large_final", "rewind"),
            ("constant", "large_final", "constant_init_sign"),
            ("random", "random", "rewind"),
        )
    }
    below = quarter["rewind"] - quarter["constant"]
    assert f"With a quarter of the schedule there is one seed, for which it is {below:.2f} points below" in text
    random = over_levels("tenth", "random", "rewind", "zero")
    kept = [
        (constant - random).mean() / (rewind - random).mean(),
        (quarter["constant"] - quarter["random"]) / (quarter["rewind"] - quarter["random"]),
    ]
    assert (
        "with a tenth of the schedule it has {:.0f}% of that lead, with a quarter of it {:.0f}%".format(
            *(100 * share for share in kept)
        )
        in text
    )
    assert f"`reshuffle_init_sign`, {(rewind - reshuffle).mean():.2f} points below rewinding, is equivalent" in text
    with_five = 2.8 * stdev(dense[:5])
    assert f"For fc the margin is {margin:.2f} points" in text and len(dense) == 8
    assert f"With the first five of their eight seeds it would be {with_five:.2f} points" in text
    assert max(within(reshuffle, rewind, each) for each in (margin, 0.2)) < 0.05 < within(reshuffle, rewind, with_five)
    assert max(within(constant, rewind, each) for each in (margin, 0.2, with_five)) < 0.05
    movement, large_final = (over_levels("half", name, "rewind", "zero") for name in ("movement", "large_final"))
    low, high = stats.ttest_rel(large_final, movement).confidence_interval(0.95)
    assert f"`movement`, {(large_final - movement).mean():.2f} [{low:.2f}, {high:.2f}] below `large_final`" in text
    assert min(within(movement, large_final, each) for each in (margin, 0.2, with_five)) > 0.05


def test_what_agrees_with_frankle_and_carbin_is_so():
    text = " ".join((MEASURED / "README.md").read_text().split())
    found = defaultdict(lambda: defaultdict(list))
    for row in rows_of("levels"):
        names = [row[name] for name in ("network", "schedule", "criterion", "mask1", "mask0")]
        if names in (["fc", "half", "dense", "", ""], ["fc", "half", "large_final", "rewind", "zero"]):
            for name in ("early_stop_iteration", "test_accuracy"):
                found[row["level"]][name].append(float(row[name]))
    dense, fifth, little = (
        {name: fmean(values) for name, values in found[level].items()} for level in ("0", "7", "15")
    )
    stops = fifth["early_stop_iteration"], dense["early_stop_iteration"]
    earlier = f"stops {1 - stops[0] / stops[1]:.0%} earlier than the dense network"
    assert f"{earlier} ({stops[0]:,.0f} iterations, against {stops[1]:,.0f};" in text
    accuracies = [f"{100 * each['test_accuracy']:.2f}" for each in (little, dense)]
    assert "({}, against {}; Frankle & Carbin: also at 3.6%)".format(*accuracies) in text


def test_the_tables_are_those_that_the_command_writes(light_command, tmp_path):
    copy, text = tmp_path / "README.md", (MEASURED / "README.md").read_text()
    results = load(MEASURED)
    for whole in (text, (ROOT / "README.md").read_text()):
        assert with_new_tables(whole, results) == whole
    copy.write_text(text.replace("| 98.48 |", "| 98.49 |"))
    done = light_command("analysis.readme_tables", f"--results_dir={MEASURED}", f"--files={copy}", "--check")
    assert (done.returncode, "run this command without --check" in done.stderr) == (2, True)
    assert with_new_tables(copy.read_text(), results) == text != copy.read_text()


def test_the_tables_beside_the_csv_files_are_those_that_the_command_writes(light_command, tmp_path):
    options = (f"--table={','.join(TABLES)}", "--format=markdown", f"--out={tmp_path}")
    done = light_command("analysis.tables", f"--results_dir={MEASURED}", *options)
    assert done.returncode == 0, done.stderr
    stored = {path.name: path.read_text() for path in (MEASURED / "tables").iterdir()}
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == stored


def test_what_is_said_of_sampling_and_rounding_is_so():
    text = " ".join((MEASURED / "README.md").read_text().split())
    found = defaultdict(list)
    for row in rows_of("learned_masks"):
        if (row["network"], row["iterations"], row["rescale"]) == ("fc", "22000", "False"):
            found[row["g"], row["weights"]].append(100 * float(row["test_accuracy"]))
    assert set(map(len, found.values())) == {3}
    means = [fmean(found[g, w]) for g in ("bernoulli", "rounded") for w in ("initial", "signed_constant")]
    said = "sampling has {:.1f} over initial weights and {:.1f} over the signed constant, rounding {:.1f} and {:.1f}"
    assert said.format(*means) in text


def test_what_is_said_of_heuristic_masks_of_fc_is_so():
    text = " ".join((MEASURED / "README.md").read_text().split())
    runs = defaultdict(lambda: defaultdict(list))  # (criterion, weights) -> seed -> (level, validation, test) in %
    for row in rows_of("supermasks"):
        if (row["network"], row["schedule"]) == ("fc", "paper"):
            accuracies = (100 * float(row[f"{split}_accuracy"]) for split in ("validation", "test"))
            runs[row["criterion"], row["weights"]][row["seed"]].append((row["level"], *accuracies))
    ways = [runs["large_final_same_sign", weights] for weights in ("initial", "signed_constant")]
    assert {len(way) for way in ways} == {8}
    best = [[max(test for *_, test in masks) for masks in way.values()] for way in ways]
    assert "as accurate as published: {:.1f} and {:.1f} over eight seeds".format(*map(fmean, best)) in text
    validated = [fmean(max(masks, key=lambda mask: mask[1])[2] for masks in way.values()) for way in ways]
    assert "Chosen on validation images they have {:.1f} and {:.1f}".format(*validated) in text
    single = []
    for way in ways:
        by_level = defaultdict(list)
        for level, _, test in (mask for masks in way.values() for mask in masks):
            by_level[level].append(test)
        single.append(max(map(fmean, by_level.values())))
    said = "they have {:.1f} and {:.1f}, which is {:.1f} and {:.1f} below the published values"
    assert said.format(*single, 79.3 - single[0], 86.3 - single[1]) in text
    other = [max(test for *_, test in masks) for masks in runs["magnitude_increase_same_sign", "initial"].values()]
    assert f"has {fmean(other):.1f}, as good as `large_final_same_sign`" in text
    assert [round(float(np.ptp(own))) for own in best] == [12, 5]
    assert "the eight seeds of fc span five to twelve points" in text
