"""Table 1: each cell by another calculation, and the published values."""

import dataclasses
import statistics

import pandas as pd
import pytest
from brute_force_maxima import best_over_seeds

from analysis.tables.learned_masks import learned_table
from analysis.tables.table1 import MAXIMA, TABLE1_COLUMNS, published, published_table1, table1
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.studies import paper


def heuristic_rows(results, weights):
    for row in results.supermasks.to_dict("records"):
        if row["weights"] == weights and row["source"] == "oneshot":
            yield row | {"label": row["criterion"]}


@pytest.mark.parametrize("weights", SUPERMASK_WEIGHTS)
def test_the_heuristic_columns_of_table_1_are_those_of_the_command(results, weights):
    column = f"mask x {weights.replace('_', ' ')}"
    (row,) = table1(results).query("column == @column").to_dict("records")
    mask_sources = best_over_seeds(heuristic_rows(results, weights))
    maxima = max(mask_sources, key=lambda mask_source: statistics.fmean(mask_source.maxima))
    assert row["maxima_of"] == maxima.label
    assert row["maxima_mean"] == pytest.approx(100 * statistics.fmean(maxima.maxima))
    assert (row["maxima_min"], row["maxima_max"]) == pytest.approx((100 * min(maxima.maxima), 100 * max(maxima.maxima)))
    mean_maximum = max(mask_sources, key=lambda mask_source: mask_source.mean_maximum)
    assert row["mean_maximum_of"] == mean_maximum.label
    assert row["mean_maximum_mean"] == pytest.approx(100 * mean_maximum.mean_maximum)
    assert row["mean_maximum_kept_percent"] == pytest.approx(100 * mean_maximum.mean_kept)
    honest = {mask_source.label: mask_source for mask_source in mask_sources}[row["validation_of"]]
    assert row["validation_mean"] == pytest.approx(100 * statistics.fmean(honest.accuracy))
    assert row["validation_kept_percent"] == pytest.approx(100 * statistics.fmean(honest.kept))
    assert row["maxima_difference"] == pytest.approx(row["maxima_mean"] - published_table1()["fc", "mnist", column])


def test_the_honest_criterion_is_chosen_on_validation_images(results):
    supermasks = results.supermasks.copy()
    # A criterion whose test images are lucky, and whose validation images are not.
    lucky = supermasks["criterion"] == "small_final"
    supermasks.loc[lucky, "test_accuracy"] = 0.99
    changed = dataclasses.replace(results, supermasks=supermasks)
    row = table1(changed).query("column == 'mask x initial'").iloc[0]
    assert row["maxima_of"] == row["mean_maximum_of"] == "small_final"
    assert row["validation_of"] == "large_final_same_sign"
    assert row["maxima_mean"] == pytest.approx(99) != row["validation_mean"]


def test_a_lucky_seed_is_no_maximum_over_seeds(results):
    supermasks = results.supermasks
    lucky = supermasks[(supermasks["criterion"] == "random") & (supermasks["seed"] == 0)].assign(test_accuracy=0.9)
    changed = pd.concat([supermasks[supermasks["criterion"] != "random"], lucky])
    changed = dataclasses.replace(results, supermasks=changed)
    row = table1(changed).query("column == 'mask x initial'").iloc[0]
    assert {row[f"{way}_of"] for way in MAXIMA} == {"large_final_same_sign"}
    assert {row[f"{way}_n"] for way in MAXIMA} == {4}


@pytest.mark.parametrize("column", paper.LEARNED_MASKS)
def test_learned_columns_are_maxima_over_initial_logits(results, column):
    (row,) = table1(results).query("column == @column").to_dict("records")
    mask = paper.LEARNED_MASKS[column][0]
    learned = results.learned_masks
    own = learned[(learned["weights"] == mask.weights) & (learned["rescale"] == mask.rescale)]
    by_seed = own.groupby("seed")["test_accuracy"].max()
    assert row["maxima_mean"] == pytest.approx(100 * by_seed.mean())
    assert row["mean_maximum_mean"] == pytest.approx(100 * own.groupby("initial_logit")["test_accuracy"].mean().max())
    assert row["training"] == "2000 iterations of 250 images, momentum 100"


def test_masks_learned_in_two_ways_have_two_rows(results):
    longer = results.learned_masks[results.learned_masks["seed"] < 2].assign(iterations=22000.0)
    longer.loc[longer["initial_logit"] == "2", ["test_accuracy", "status"]] = [0.9999, "diverged"]
    both = pd.concat([results.learned_masks, longer])
    changed = dataclasses.replace(results, learned_masks=both)
    rows = table1(changed).query("column == 'learned mask x initial'")
    assert rows["maxima_n"].tolist() == [4, 2]
    assert rows["maxima_max"].max() < 99
    assert rows["training"].str.startswith(("2000 ", "22000 ")).all()
    assert len(learned_table(changed).numbers) == 20 + 16


def test_the_trained_network_has_one_accuracy_a_seed(results):
    row = table1(results).query("column == 'trained network'").iloc[0]
    dense = 100 * results.levels.query("level == 0")["test_accuracy"]
    for way in MAXIMA:
        assert row[f"{way}_mean"] == pytest.approx(dense.mean())
        assert (row[f"{way}_min"], row[f"{way}_max"], row[f"{way}_n"]) == (dense.min(), dense.max(), 4)
    assert row["published"] == 97.7


def test_masks_without_a_validation_accuracy_have_no_cell(results):
    without = dataclasses.replace(results, supermasks=results.supermasks.assign(validation_accuracy=float("nan")))
    assert not table1(without)["column"].str.startswith("mask x").any()
    assert len(table1(without)) == len(table1(results)) - len(SUPERMASK_WEIGHTS)


def test_table_1_of_nothing_is_empty(results):
    frames = {name: getattr(results, name)[:0] for name in ("levels", "supermasks", "learned_masks")}
    empty = dataclasses.replace(results, **frames)
    assert len(table1(empty)) == 0
    assert len(learned_table(empty).numbers) == 0


def test_every_cell_of_table_1_is_published():
    networks = {("fc", "mnist"), ("conv2", "cifar10"), ("conv4", "cifar10"), ("conv6", "cifar10")}
    columns = ("mask x initial", "mask x signed constant", "learned mask x initial", "trained network")
    assert set(published_table1()) == {(*network, column) for network in networks for column in columns}
    assert set(columns) <= set(TABLE1_COLUMNS)
    assert all(published().drop(columns=["network", "dataset", "unit", "note"]).ne("").all())
