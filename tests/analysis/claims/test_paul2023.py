"""The claims of Paul et al. on made-up results where all hold, and on others where one does not."""

import dataclasses

import made_up
import pandas as pd
import pytest

from analysis.claims import paul2023
from analysis.claims.catalogue import evaluate
from analysis.claims.evidence import collect
from analysis.claims.verdicts import Verdict
from analysis.results.columns import FRAMES, LANDSCAPE
from analysis.results.load import load
from analysis.results.select import successive
from lottery_tf.landscape import interpolation
from lottery_tf.landscape.interpolation import MATCHING
from lottery_tf.landscape.measurements import lines
from lottery_tf.pruning.treatments import Treatment

SHOWN, CONTRADICTED, NOT_SHOWN, NO_DATA = (verdict.value for verdict in Verdict)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    treatments = (Treatment(), Treatment(rewind_to=100))
    return made_up.write_results(
        tmp_path_factory.mktemp("landscape"), treatments=treatments, levels=8, landscape=treatments
    )


@pytest.fixture(scope="module")
def world(folder):
    return load(folder)


def changed(results, kind, change, **which):
    """The results with a change made to the rows of a kind that have some values."""
    rows = getattr(results, FRAMES[kind]).copy()
    own = pd.Series(True, rows.index)
    for name, value in which.items():
        own &= rows[name] == value
    assert own.any()
    for column, by in change.items():
        rows.loc[own, column] += by
    return dataclasses.replace(results, **{FRAMES[kind]: rows})


def verdict(results, test):
    (claim,) = [claim for claim in paul2023.CLAIMS if claim.test is test]
    (found,) = evaluate(results, [claim])
    return found.verdict


def test_all_holds_where_it_was_made_to(world):
    found = evaluate(world, paul2023.CLAIMS)
    assert [each.numbers for each in found if each.verdict != SHOWN] == []
    assert {each.place.split(",")[0] for each in found} == {"Paul et al."}


@pytest.mark.parametrize(
    ("test", "kind", "change", "which"),
    [
        ("joined_if_both_match", "line", {"error_barrier": 0.05}, {}),
        ("joined_if_both_match", "line", {"error_barrier": -0.05}, {}),
        ("returns_to_its_mode", "perturbation", {"error_barrier": 0.05}, {"multiple": 1.0}),
        ("flatter_than_random", "ray", {"curvature": 0.05}, {"direction": "large_final"}),
        ("magnitude_prunes_more", "limit", {"pruned_fraction": 0.5}, {"pruned_by": "random", "method": "found"}),
        ("predicts_the_limit", "limit", {"pruned_fraction": 0.5}, {"method": "subspace meets bowl"}),
        ("retraining_makes_small_weights", "threshold", {"share_before": 0.2}, {"layer": "all"}),
    ],
)
def test_a_claim_is_contradicted_where_the_data_are_against_it(world, test, kind, change, which):
    assert verdict(changed(world, kind, change, **which), getattr(paul2023, test)) == CONTRADICTED


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({"error_barrier": 0.05}, 0),  # a quarter of those that match are apart
        ({"error_barrier": -0.05}, 6),
        ({"second_error": 0.01}, 2),  # joined though one does not match
    ],
)
def test_a_few_pairs_that_are_otherwise_leave_if_and_only_if_not_shown(world, change, level):
    assert verdict(changed(world, "line", change, level=level), paul2023.joined_if_both_match) == NOT_SHOWN


def test_a_perturbation_of_another_length_says_nothing(world):
    moved = changed(world, "perturbation", {"error_barrier": 0.5}, multiple=2.0)
    assert verdict(moved, paul2023.returns_to_its_mode) == SHOWN


def test_what_a_single_layer_does_says_nothing_of_the_whole(world):
    moved = changed(world, "threshold", {"share_before": 0.5}, layer="dense_1/kernel")
    assert verdict(moved, paul2023.retraining_makes_small_weights) == SHOWN


@pytest.mark.parametrize("fewer", ["seed < 2", "level == 0", "level < 0"])
def test_little_data_are_not_enough(world, fewer):
    frames = {FRAMES[kind]: getattr(world, FRAMES[kind]).query(fewer) for kind in LANDSCAPE}
    found = evaluate(dataclasses.replace(world, **frames), paul2023.CLAIMS)
    assert {each.verdict for each in found} == {NO_DATA}


def test_other_treatments_are_no_rewinding_by_magnitude(world):
    """Where the levels are those of another criterion, only the claim about all pairs of levels has data."""
    frames = {FRAMES[kind]: getattr(world, FRAMES[kind]).assign(criterion="movement") for kind in LANDSCAPE}
    found = evaluate(dataclasses.replace(world, **frames), paul2023.CLAIMS)
    assert [each.verdict for each in found] == [SHOWN] + [NO_DATA] * (len(paul2023.CLAIMS) - 1)


def test_matching_is_that_of_the_measurement_itself(folder, world):
    """Against `catalogue.lines.connection` on what is stored."""
    from lottery_tf.results.walk import finished

    stored = {}
    for metrics in finished(folder, kind="line"):
        key = (metrics["seed"], metrics["rewind_to"], metrics["level"])
        joined = lines.connection(metrics, MATCHING)
        stored[key] = (all(joined.matching), joined.path.stable())
    pairs = successive(world.lines)
    found = {
        (row.seed, row.rewind_to, row.level): (row.matches, row.error_barrier < interpolation.STABLE)
        for row in pairs.itertuples()
    }
    assert found == stored and len(found) == 3 * 2 * 8
    assert {each[0] for each in stored.values()} == {True, False}


def test_a_seed_with_fewer_than_three_levels_does_not_count(world):
    (own,) = collect(world)
    rows = own.landscape["threshold"].query("layer == 'all'")
    rows = rows[(rows["seed"] > 0) | (rows["level"] < 3)]  # of seed 0 levels 1 and 2
    found = paul2023.seed_means(rows, "share_after")["share_after"]
    assert set(found) == {1, 2} and found[1] == pytest.approx(0.2)
