"""Half precision beside float32, seed by seed."""

import dataclasses
import statistics

import pandas as pd
import pytest

from analysis.results.select import Panel, panel
from analysis.tables.precisions import precision_tables

FC = Panel("fc", "mnist", "paper", "float32")


def test_half_precision_is_compared_seed_by_seed(results):
    """The interval of Student for the mean of three differences d: mean(d) -+ 4.303 sd(d) / sqrt(3)."""
    own = panel(results.levels, FC)
    other = own[own["seed"] < 3].assign(precision="mixed_bfloat16")
    other["test_accuracy"] += 0.01 * (other["seed"] + 1)
    both = dataclasses.replace(results, levels=pd.concat([own, other]))
    levels, masks = precision_tables(both)
    assert masks.numbers.empty and masks.shown.empty
    finished = own[(own["seed"] < 3) & (own["status"] == "finished")]
    counts = finished.groupby(["treatment", "level"])["seed"].count()
    assert levels.numbers.set_index(["treatment", "level"])["n"].to_dict() == counts.to_dict()
    row = levels.numbers.set_index(["treatment", "level"]).loc[("large_final-rewind-zero", 1)]
    accuracies = [
        100 * value for value in own[own["treatment"] == row.name[0]].query("level == 1 and seed < 3")["test_accuracy"]
    ]
    assert row["float32_mean"] == pytest.approx(statistics.fmean(accuracies))
    assert row["deviation"] == pytest.approx(statistics.stdev(accuracies))
    assert (row["difference"], row["low"], row["high"]) == pytest.approx(
        (2, 2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-4
    )
    shown = levels.shown[(levels.shown["treatment"] == row.name[0]) & (levels.shown["level"] == "1")].iloc[0]
    assert shown["difference [95% interval]"] == "+2.00 [-0.48, +4.48]" and shown["seeds"] == "3"


def test_masks_of_one_seed_have_a_difference_and_no_interval(results):
    own = results.learned_masks.drop_duplicates("network").assign(seed=0)
    other = own.assign(precision="mixed_float16", test_accuracy=own["test_accuracy"] - 0.05)
    _, masks = precision_tables(dataclasses.replace(results, learned_masks=pd.concat([own, other])))
    assert masks.numbers["difference"].tolist() == pytest.approx([-5] * len(own))
    assert set(masks.shown["difference [95% interval]"]) == {"-5.00 -"} and set(masks.shown["deviation of seeds"]) == {
        "-"
    }


def test_results_of_one_precision_are_not_compared(results):
    assert all(table.numbers.empty for table in precision_tables(results))
