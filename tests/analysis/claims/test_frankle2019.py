"""The claims of Frankle & Carbin on made-up results where all hold, and on others where one does not."""

import dataclasses

import made_up
import pandas as pd
import pytest

from analysis.claims import frankle2019
from analysis.claims.catalogue import evaluate
from analysis.claims.evidence import collect
from analysis.claims.verdicts import Verdict
from analysis.results import lottery_lines
from analysis.results.load import load
from analysis.results.lottery_lines import FINE_TUNED, LINES, ONE_SHOT_TICKET, RANDOM_TICKET, REINIT, TICKET
from lottery_tf.seeds import generator
from lottery_tf.studies import paper

SHOWN, CONTRADICTED, NOT_SHOWN, NO_DATA = (verdict.value for verdict in Verdict)
NAMES = {line: treatment.name for line, treatment in lottery_lines.TREATMENT_OF_LINE.items()}


def lottery_like(network, seed, name, level):
    """Tickets gain to about level 8 and match to level 16, one-shot ones to level 12; controls lose."""
    gains = {
        "dense": 0.0,
        NAMES[TICKET]: 0.02 * (level / 8) * (2 + 0.2 * seed - level / 8),
        NAMES[ONE_SHOT_TICKET]: 0.01 * (level / 6) * (2 - level / 6),
        NAMES[FINE_TUNED]: 0.01,
        "reinit": -0.003 * level,
        "random": -0.004 * level,
    }
    gain = gains[name if name in gains else name.split("-")[0]]
    noise = generator(seed, name, level).normal() * 0.0005 if level else 0
    return 0.95 + 0.001 * seed + gain + noise


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return load(
        made_up.write_results(
            tmp_path_factory.mktemp("tickets"),
            treatments=lottery_lines.TREATMENT_OF_LINE.values(),
            controls=lottery_lines.CONTROL_OF_LINE.values(),
            levels=paper.LEVELS,
            accuracy=lottery_like,
        )
    )


def changed(results, line, **by):
    """The results with measures of a line moved, its levels above 0."""
    frame = "controls" if line in lottery_lines.CONTROL_OF_LINE else "levels"
    rows = getattr(results, frame).copy()
    column, name = (
        ("control", lottery_lines.CONTROL_OF_LINE[line]) if frame == "controls" else ("treatment", NAMES[line])
    )
    for measure, amount in by.items():
        rows.loc[rows[column] == name, measure] += amount
    return dataclasses.replace(results, **{frame: rows})


def verdicts(results):
    return {found.rule: found.verdict for found in evaluate(results, frankle2019.CLAIMS)}


def verdict(results, start):
    """The verdict on the claim whose sentence starts so."""
    (claim,) = [claim for claim in frankle2019.CLAIMS if claim.sentence.startswith(start)]
    (found,) = evaluate(results, [claim])
    return found.verdict


def test_all_holds_where_it_was_made_to(world):
    found = evaluate(world, frankle2019.CLAIMS)
    assert [each.numbers for each in found if each.verdict != SHOWN] == []
    assert len(found) == len(frankle2019.CLAIMS)
    assert {each.place.split(",")[0] for each in found} == {"Frankle & Carbin"}


@pytest.mark.parametrize(
    ("test", "line", "by"),
    [
        ("Some winning tickets", TICKET, {"test_accuracy": -0.1}),
        ("Winning tickets with", TICKET, {"test_accuracy": -0.1}),
        ("A winning ticket with 21 percent", TICKET, {"early_stop_iteration": 9000}),
        ("A winning ticket reaches", REINIT, {"test_accuracy": 0.1}),
        ("A winning ticket learns", REINIT, {"early_stop_iteration": -9000}),
        ("Reinitialized", REINIT, {"test_accuracy": 0.1}),
        ("Reinitialized", REINIT, {"early_stop_iteration": -9000}),
        ("Winning tickets learn faster and", RANDOM_TICKET, {"test_accuracy": 0.1}),
        ("Winning tickets learn faster and", RANDOM_TICKET, {"early_stop_iteration": -9000}),
        ("Iterative pruning", ONE_SHOT_TICKET, {"test_accuracy": 0.1}),
        ("One-shot pruning", ONE_SHOT_TICKET, {"test_accuracy": -0.1}),
        ("One-shot pruning", ONE_SHOT_TICKET, {"early_stop_iteration": 9000}),
        ("Winning tickets learn faster the more", TICKET, {"early_stop_iteration": 90000}),
    ],
)
def test_a_claim_is_contradicted_where_the_data_are_against_it(world, test, line, by):
    assert verdict(changed(world, line, **by), test) == CONTRADICTED


@pytest.mark.parametrize(
    "fewer",
    [
        lambda frame: frame[frame["seed"] < 2],
        lambda frame: frame[frame["level"] < 2],
        lambda frame: frame[frame["level"] == 0],
    ],
    ids=["two seeds", "one level", "dense networks only"],
)
def test_little_data_are_not_enough(world, fewer):
    few = dataclasses.replace(world, levels=fewer(world.levels), controls=fewer(world.controls))
    assert set(verdicts(few).values()) == {NO_DATA}


def test_a_training_that_ends_too_early_says_nothing_of_speed(world):
    levels = world.levels.copy()
    dense = (levels["treatment"] == "dense") & (levels["seed"] < 2)
    levels.loc[dense, "early_stop_iteration"] = levels["iterations"]
    short = dataclasses.replace(world, levels=levels)
    assert verdict(short, "A winning ticket with 21 percent") == NO_DATA
    assert verdict(short, "A winning ticket learns") == NO_DATA
    assert verdict(short, "Winning tickets learn faster the more") == NO_DATA
    assert verdict(short, "A winning ticket reaches") == SHOWN
    levels.loc[dense & (levels["seed"] == 1), "early_stop_iteration"] -= 100
    assert verdict(short, "A winning ticket learns") == SHOWN  # of one seed in three


def test_pruning_that_ends_too_early_says_nothing_of_the_smallest_ticket(world):
    shallow = dataclasses.replace(world, levels=world.levels[world.levels["level"] <= 8])
    assert verdict(shallow, "Iterative pruning") == NO_DATA


def at_level(results, level, **by):
    """The results with measures of one level of the ticket moved."""
    levels = results.levels.copy()
    for measure, amount in by.items():
        levels.loc[(levels["treatment"] == NAMES[TICKET]) & (levels["level"] == level), measure] += amount
    return dataclasses.replace(results, levels=levels)


def test_the_ticket_is_that_of_least_loss_among_those_of_its_size(world):
    """Level 8 keeps 17% of fc, level 3 half: only the first may be chosen, and is where its loss is least."""
    worse = {"test_accuracy": -0.1}
    assert verdict(at_level(world, 8, **worse, early_stop_val_loss=-1), "Some winning tickets") == CONTRADICTED
    assert verdict(at_level(world, 8, **worse, early_stop_val_loss=1), "Some winning tickets") == SHOWN
    assert verdict(at_level(world, 3, **worse, early_stop_val_loss=-1), "Some winning tickets") == SHOWN


def test_tickets_that_only_get_faster_do_not_get_slower_again(world):
    faster = at_level(world, paper.LEVELS, early_stop_iteration=-40_000)
    assert verdict(faster, "Winning tickets learn faster the more") == CONTRADICTED


def test_a_level_that_one_seed_has_alone_is_not_the_last(world):
    levels = world.levels[(world.levels["level"] < paper.LEVELS) | (world.levels["seed"] == 0)]
    assert verdict(dataclasses.replace(world, levels=levels), "Winning tickets learn faster the more") == SHOWN


@pytest.mark.slow
def test_noise_gets_neither_faster_nor_slower(world):
    noise = generator(0, "stops")
    draws = [
        verdict(
            dataclasses.replace(
                world, levels=world.levels.assign(early_stop_iteration=noise.integers(0, 50_000, len(world.levels)))
            ),
            "Winning tickets learn faster the more",
        )
        for _ in range(20)
    ]
    assert draws.count(SHOWN) <= 2


def test_a_dense_network_that_is_gone_or_diverged_is_left_out(world):
    dense = (world.levels["treatment"] == "dense") & (world.levels["seed"] == 1)
    for levels in (
        world.levels[~dense],
        world.levels.assign(status=world.levels["status"].mask(dense, "diverged")),
        world.levels[world.levels["treatment"] != "dense"],
    ):
        assert verdict(dataclasses.replace(world, levels=levels), "Winning tickets learn faster the more") == NO_DATA


def test_where_no_one_shot_ticket_matches_the_dense_network_is_the_smallest(world):
    none = changed(world, ONE_SHOT_TICKET, test_accuracy=-0.5)
    assert verdict(none, "Iterative pruning") == SHOWN


def test_a_control_is_the_mean_over_its_draws(world):
    (own,) = collect(world)
    rows = world.controls.query("control == 'reinit' and seed == 1 and level == 7")
    assert len(rows) == 2
    found = frankle2019.lottery_line(own, REINIT).loc[1, 7]
    assert found == pytest.approx(rows["test_accuracy"].sum() / 2)
    assert set(LINES) == {TICKET, ONE_SHOT_TICKET, FINE_TUNED, REINIT, RANDOM_TICKET}


def test_the_level_of_a_fifth_is_the_seventh_of_fc(world):
    (own,) = collect(world)
    assert own.nearest_level(0.21) == 7
    assert own.nearest_level(0.001) is None
    chosen = world.levels.query("level == 1").assign(chosen_kept_fraction=0.05, kept_fraction=0.05)
    (both,) = collect(dataclasses.replace(world, levels=pd.concat([world.levels, chosen])))
    assert both.kept_fractions().equals(own.kept_fractions()), (
        "a share that was chosen is not the mask_source's first level"
    )
