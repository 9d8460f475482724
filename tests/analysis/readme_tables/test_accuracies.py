"""The tables of accuracies: those on the pages against the measured CSV files, the functions on made-up results."""

import dataclasses
import re
from collections import defaultdict
from statistics import fmean

import pandas as pd
import pytest
from measured_files import mean_and_range, rows_of, tables_of_readmes

from analysis.readme_tables import accuracies
from analysis.results.select import Panel
from lottery_tf.pruning.treatments import Treatment

SCHEDULES = {f"{share} of the iterations": share.split()[-1] for share in ("half", "a quarter", "a tenth")}


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
        assert cell == mean_and_range(accuracies, 2), (schedule, name, kept)


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
            assert cell == f"{mean_and_range([100 * float(run[metric]) for run in runs], 2)}, n = {len(runs)}"


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


@pytest.mark.parametrize(
    "table, metric, factor, digits", [(0, "test_accuracy", 100, 2), (1, "early_stop_iteration", 1, 0)]
)
def test_tickets_and_their_controls_are_those_of_the_csv(table, metric, factor, digits):
    header, rows = [each for each in tables_of_readmes() if each[0][:2] == ["kept %", "ticket"]][table]
    one_shot, fine_tuned = ("rewind", "oneshot"), ("finetune", "iterative")
    columns = {"ticket": ("rewind", "iterative"), "one-shot": one_shot, "fine-tuned": fine_tuned}
    controls = {"reinitialized": "reinit", "random mask": "random"}
    for kept, *cells in rows:
        for title, cell in zip(header[1:], cells, strict=True):
            of_seeds = defaultdict(list)
            for row in rows_of("tickets/controls" if title in controls else "tickets/levels"):
                kind = row.get("control") or (row["mask1"], row["rounds"])
                dense = row["criterion"] == "dense" and title == "ticket"
                if (
                    dense or kind == (controls | columns)[title]
                ) and f"{100 * float(row['kept_fraction']):.4g}" == kept:
                    of_seeds[row["seed"]].append(factor * float(row[metric]))
            runs = [value for of_seed in of_seeds.values() for value in of_seed]
            mean = fmean(map(fmean, of_seeds.values())) if runs else 0
            wanted = f"{mean:.{digits}f} [{min(runs):.{digits}f}, {max(runs):.{digits}f}]" if runs else ""
            assert cell == wanted, (kept, title)


def test_a_table_of_levels_has_the_treatments_with_results(results):
    """One seed of four lacks the last level of large_final; movement lacks level 1, one seed of random diverged."""
    lines = [Treatment("random"), Treatment(mask0="init"), Treatment("large_final")]
    key = Panel("fc", "mnist", "paper", "float32")
    head, *rows = accuracies.levels_table(results, key, "mine", lines, (100.0, 51.28, 3.0))
    assert head == ["mine", "seeds", "100.00% kept", "51.28%", "3.00%"]
    assert [row[:2] for row in rows] == [["`random`", "4"], ["`large_final`", "4"]]
    for row, name in zip(rows, ("random", "large_final"), strict=True):
        measured = {"dense": [], name: []}
        for each in results.levels.to_dict("records"):
            wanted = (each["criterion"], each["level"]) in (("dense", 0), (name, 3))
            if wanted and each["status"] == "finished":
                measured[each["criterion"]].append(100 * each["test_accuracy"])
        assert row[2:] == [mean_and_range(measured["dense"], 2), mean_and_range(measured[name], 2), ""]
        assert len(measured[name]) == 3
    levels = results.levels[(results.levels["treatment"] == "dense") | results.levels["seed"].isin([1, 2])]
    _, row, *_ = accuracies.levels_table(dataclasses.replace(results, levels=levels), key, "mine", lines[-1:], (100.0,))
    dense = [100 * each["test_accuracy"] for each in levels.to_dict("records") if each["criterion"] == "dense"]
    assert row[1:] == ["2", mean_and_range(dense[1:3], 2)], "the seeds of the treatment alone, not all dense networks"


def test_masks_of_fc_are_in_no_table_of_other_networks(results):
    head, *rows = accuracies.convolutional_masks(results)
    assert rows == [] and "weights" in head
    other = dataclasses.replace(results, learned_masks=results.learned_masks.assign(network="conv2"))
    head, *rows = accuracies.convolutional_masks(other)
    assert len(rows) > 10 and {row[head.index("network")] for row in rows} == {"conv2"}
    assert not {"g", "start"} & {*head}


def test_masks_by_initial_logit_have_a_column_for_the_longest_learning(results):
    masks = results.learned_masks
    longer = masks[masks["initial_logit"] == "0"].assign(iterations=22000, test_accuracy=0.5, pruned_fraction=0.25)
    both = dataclasses.replace(results, learned_masks=pd.concat([masks, longer], ignore_index=True))
    head, *rows = accuracies.initial_logits(both)
    assert head == ["", "m = -5", "-2", "0", "2", "5", "0, 22,000 iterations"]
    for row in rows:
        weights, _, rescaled = row[0].partition(", ")
        own = masks[(masks["weights"] == weights.replace(" ", "_")) & (masks["rescale"] == bool(rescaled))]
        for title, cell in zip(("-5", "-2", "0", "2", "5"), row[1:], strict=False):
            accuracy, pruned = (
                100 * fmean(own.loc[own["initial_logit"] == title, name])
                for name in ("test_accuracy", "pruned_fraction")
            )
            assert cell == f"{accuracy:.1f} ({pruned:.0f}% pruned)"
        assert row[-1] == "50.0 (25% pruned)"
