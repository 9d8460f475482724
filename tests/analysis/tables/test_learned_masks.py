"""The table of learned Supermasks, against plain arithmetic on the results."""

import dataclasses
from statistics import fmean

import pandas as pd

from analysis.tables.learned_masks import learned_table

METRICS = ("test_accuracy", "most_likely_test_accuracy", "pruned_fraction")


def test_each_kind_of_mask_is_a_row_by_initial_logit(results):
    """Logits are texts in the results, and numbers in the order of the rows."""
    table = learned_table(results)
    kinds = table.numbers[["weights", "rescale", "initial_logit"]].itertuples(index=False, name=None)
    assert list(kinds) == [
        (weights, rescale, logit)
        for weights in ("initial", "signed_constant")
        for rescale in (False, True)
        for logit in ("-5", "-2", "0", "2", "5")
    ]
    assert table.shown["start"].tolist() == 4 * ["m = -5", "m = -2", "m = 0", "m = 2", "m = 5"]
    assert table.shown["rescaled"].tolist() == 2 * (5 * ["no"] + 5 * ["yes"])


def test_cells_are_means_and_ranges_over_seeds(results):
    table = learned_table(results)
    for place, row in enumerate(table.numbers.to_dict("records")):
        own = [each for each in results.learned_masks.to_dict("records")
               if all(each[name] == row[name] for name in ("weights", "rescale", "initial_logit"))]  # fmt: skip
        assert row["n"] == len(own) == 4
        for metric, cell in zip(METRICS, table.shown.iloc[place, -3:], strict=True):
            values = [100 * each[metric] for each in own]
            assert cell == f"{fmean(values):.2f} [{min(values):.2f}, {max(values):.2f}], n = 4"
            assert f"{row[f'{metric}_max']:.2f}" == f"{max(values):.2f}"


def test_learning_that_diverged_does_not_count(results):
    masks = results.learned_masks.copy()
    masks.loc[(masks["initial_logit"] == "0") | (masks["seed"] == 0), "status"] = "diverged"
    numbers = learned_table(dataclasses.replace(results, learned_masks=masks)).numbers
    assert set(numbers["n"]) == {3} and set(numbers["initial_logit"]) == {"-5", "-2", "2", "5"}
    none = dataclasses.replace(results, learned_masks=masks.assign(status="diverged"))
    assert learned_table(none).numbers.empty and learned_table(none).shown.empty


def test_other_ways_to_learn_are_rows_that_say_so(results):
    one = results.learned_masks.iloc[:1]
    ways = [one, one.assign(iterations=9000), one.assign(l1=1e-5), one.assign(chosen_kept_fraction=0.2, l1=0.001)]
    table = learned_table(dataclasses.replace(results, learned_masks=pd.concat(ways)))
    start = f"m = {one['initial_logit'].iloc[0]}"
    assert sorted(table.shown["start"]) == sorted(
        [start, start, f"{start}, l1 1e-05", "scattered, 20.00% kept, l1 0.001"]
    )
    assert table.shown["training"].str.startswith("9000 iterations").sum() == 1
