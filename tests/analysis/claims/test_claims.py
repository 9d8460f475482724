"""Claims against data: in a world where all of the paper is so, in others where one thing is not."""

import dataclasses
import math
import re
from statistics import stdev

import made_up
import pandas as pd
import pytest

from analysis.claims import zhou2019, zhou2019_supermasks
from analysis.claims.__main__ import counts, text
from analysis.claims.catalogue import CLAIMS, evaluate
from analysis.claims.claim import claims_of, need_lines
from analysis.claims.evidence import LEAST_LEVELS_OF_LINE, collect, over_levels
from analysis.claims.verdicts import Verdict, above, equivalent, repeatability
from analysis.results import unconverged
from analysis.results.load import load
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.seeds import generator
from lottery_tf.studies import paper
from lottery_tf.supermasks.mask_settings import MaskSettings

ZHOU = (*zhou2019.CLAIMS, *zhou2019_supermasks.CLAIMS)

SHOWN, CONTRADICTED, NOT_SHOWN, NO_DATA = (verdict.value for verdict in Verdict)
ROUNDED = tuple(MaskSettings(g="rounded", initial_logit=logit) for logit in paper.INITIAL_LOGITS)


def paper_like(network, seed, treatment, level):
    """`made_up.paper_like`, its dense networks as different between seeds as real ones: the margin is 0.14 points."""
    return min(1.0, made_up.paper_like(network, seed, treatment, level) + (0.0005 if level else 0.00045) * seed)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """All that the paper trained, on one network, with what it claims."""
    folder = made_up.write_results(
        tmp_path_factory.mktemp("claims"),
        treatments=made_up.TREATMENTS,
        levels=paper.LEVELS,
        ladders=paper.HEURISTIC_MASK_SOURCES,
        learned=(*made_up.LEARNED, *ROUNDED),
        accuracy=paper_like,
    )
    results = load(folder)
    rounded = results.learned_masks["g"] == "rounded"
    results.learned_masks.loc[rounded, "test_accuracy"] -= 0.005
    results.learned_masks["pruned_fraction"] += 0.01 * generator(0, "pruned").random(len(results.learned_masks))
    return results


def moved(results, treatment, by, first=1):
    """The results with a treatment's accuracies moved."""
    levels = results.levels.copy()
    levels.loc[(levels["treatment"] == treatment) & (levels["level"] >= first), "test_accuracy"] += by
    return dataclasses.replace(results, levels=levels)


def moved_masks(results, criterion, weights, by):
    """The results with a criterion's heuristic supermasks moved, on validation and test images."""
    masks = results.supermasks.copy()
    own = (masks["criterion"] == criterion) & (masks["weights"] == weights)
    masks.loc[own, ["validation_accuracy", "test_accuracy"]] += by
    return dataclasses.replace(results, supermasks=masks)


def moved_learned(results, by, **which):
    """The results with some learned masks' accuracies moved."""
    masks = results.learned_masks.copy()
    own = pd.Series(True, masks.index)
    for name, value in which.items():
        own &= masks[name] == value
    masks.loc[own, "test_accuracy"] += by
    return dataclasses.replace(results, learned_masks=masks)


def verdicts(results):
    return {found.claim: found.verdict for found in evaluate(results, ZHOU)}


def claim(start):
    (found,) = [claim for claim in CLAIMS if claim.sentence.startswith(start)]
    return found


def verdict(results, start):
    return [found.verdict for found in evaluate(results, [claim(start)])]


def renamed(results, network):
    """The results as those of another network."""
    frames = {
        name: getattr(results, name).assign(network=network, dataset="cifar10")
        for name in ("levels", "supermasks", "best_supermasks", "learned_masks")
    }
    return dataclasses.replace(results, **frames)


def test_all_holds_where_it_was_made_to(world):
    found = verdicts(world)
    assert {words for words, verdict in found.items() if verdict != SHOWN} == set()
    assert len(found) == len(ZHOU) - 1  # all but the one about Conv2 and Conv4


def test_a_claim_about_some_networks_is_tested_on_those(world):
    better = "magnitude_increase has slightly higher"
    assert verdict(world, better) == []
    conv = renamed(moved(world, "large_final-rewind-zero", -0.01), "conv2")
    assert verdict(conv, better) == [SHOWN]
    assert verdict(renamed(world, "conv4"), better) == [NOT_SHOWN]
    worse = moved(world, "magnitude_increase-rewind-zero", -0.01)
    assert verdict(renamed(worse, "conv4"), better) == [CONTRADICTED]
    assert verdict(renamed(world, "conv6"), better) == []


@pytest.mark.parametrize(
    ("start", "change"),
    [
        ("Networks with 50 to 90", lambda world: moved(world, "large_final-rewind-zero", -0.2)),
        ("Networks with 95 to 99.5", lambda world: moved(world, "large_final-rewind-zero", -0.2, first=13)),
        ("In each opposing pair", lambda world: moved(world, "small_init-rewind-zero", 0.1)),
        ("In each opposing pair", lambda world: moved(world, "random-rewind-zero", 0.1)),
        ("magnitude_increase works", lambda world: moved(world, "magnitude_increase-rewind-zero", -0.02)),
        ("large_final and magnitude_increase show", lambda world: moved(world, "movement-rewind-zero", 0.1)),
        ("Criteria that keep small weights", lambda world: moved(world, "small_final-rewind-zero", 0.1)),
        ("reinit, reshuffle and constant alone", lambda world: moved(world, "large_final-constant-zero", 0.2)),
        (
            "reinit, reshuffle and constant work",
            lambda world: moved(world, "large_final-reshuffle_init_sign-zero", -0.2),
        ),
        ("reshuffle, init sign", lambda world: moved(world, "large_final-constant_init_sign-zero", -0.03)),
        ("The signs of", lambda world: moved(world, "large_final-constant_init_sign-zero", -0.03)),
        ("The signs of", lambda world: moved(world, "large_final-reinit-zero", 0.2)),
        ("Freezing pruned weights at zero", lambda world: moved(world, "large_final-rewind-init", 0.1)),
        ("At high levels", lambda world: moved(world, "large_final-rewind-init", -0.2, first=19)),
        ("The hybrid of zero", lambda world: moved(world, "large_final-rewind-hybrid", -0.05)),
        ("Freezing at zero", lambda world: moved(world, "large_final-rewind-hybrid_random", 0.1)),
        ("A random mask", lambda world: moved_masks(world, "random", "initial", 0.03)),
        ("A large_final mask", lambda world: moved_masks(world, "large_final", "initial", -0.3)),
        ("With a well-chosen", lambda world: moved_masks(world, "large_final_same_sign", "initial", -0.4)),
        ("large_final_same_sign makes", lambda world: moved_masks(world, "movement", "signed_constant", 0.7)),
        ("Supermasks are better over", lambda world: moved_masks(world, "large_final_same_sign", "initial", 0.4)),
        ("Learned Supermasks", lambda world: moved_learned(world, -0.5, weights="initial", rescale=False)),
        ("A learned Supermask", lambda world: moved_learned(world, -0.25, weights="initial", rescale=False)),
        ("Sampling the mask", lambda world: moved_learned(world, 0.02, g="rounded")),
    ],
)
def test_a_claim_is_contradicted_where_the_data_are_against_it(world, start, change):
    assert verdict(change(world), start) == [CONTRADICTED]


def test_a_front_runner_has_to_show_its_lead(world):
    """Runs of another seed are the same runs: whatever the order of the means, nothing is shown."""
    levels = world.levels[world.levels["treatment"] != "movement-rewind-zero"]
    own = levels[levels["treatment"] == "magnitude_increase-rewind-zero"]
    swapped = own.assign(treatment="movement-rewind-zero", seed=(own["seed"] + 1) % 3)
    swapped["test_accuracy"] -= 1e-4
    changed = dataclasses.replace(world, levels=pd.concat([levels, swapped], ignore_index=True))
    assert verdict(changed, "large_final and magnitude_increase show") == [NOT_SHOWN]


def test_masks_learned_in_two_ways_are_not_mixed(world):
    masks = world.learned_masks
    longer = masks.assign(iterations=masks["iterations"] * 2, pruned_fraction=1 - masks["pruned_fraction"])
    both = dataclasses.replace(world, learned_masks=pd.concat([masks, longer], ignore_index=True))
    assert verdict(both, "The initial logit") == [CONTRADICTED]  # the longer ones count, whose shares rise
    one = longer[longer["initial_logit"] == "0"]
    few = dataclasses.replace(world, learned_masks=pd.concat([masks, one], ignore_index=True))
    assert verdict(few, "The initial logit") == [SHOWN]  # of one logit there is nothing to compare


def test_claims_of_learned_masks_are_tested_once_for_two_schedules(world):
    more = world.levels.assign(schedule="half")
    both = dataclasses.replace(world, levels=pd.concat([world.levels, more], ignore_index=True))
    assert verdict(both, "The initial logit") == [SHOWN]
    assert len(verdict(both, "Learned Supermasks")) == 2


def test_masks_without_a_validation_accuracy_are_passed_over(world):
    masks = world.supermasks.assign(validation_accuracy=float("nan"))
    assert verdict(dataclasses.replace(world, supermasks=masks), "With a well-chosen") == [NO_DATA]


def test_the_pruned_share_has_to_fall_with_each_logit(world):
    masks = world.learned_masks.copy()
    masks.loc[masks["initial_logit"] == "2", "pruned_fraction"] += 0.5
    assert verdict(dataclasses.replace(world, learned_masks=masks), "The initial logit") == [CONTRADICTED]
    fewer = masks[masks["initial_logit"] != "2"]
    assert verdict(dataclasses.replace(world, learned_masks=fewer), "The initial logit") == [NO_DATA]


@pytest.mark.parametrize(
    "fewer",
    [
        lambda frame: frame[frame["seed"] < 2],
        lambda frame: frame[frame["level"] < LEAST_LEVELS_OF_LINE] if "level" in frame else frame[:0],
        lambda frame: frame[:0],
    ],
    ids=["two seeds", "eleven levels", "dense networks only"],
)
def test_little_data_are_not_enough(world, fewer):
    dense = world.levels[world.levels["level"] == 0]
    levels = pd.concat([fewer(world.levels), dense]).drop_duplicates()
    few = dataclasses.replace(
        world, levels=levels, supermasks=fewer(world.supermasks), learned_masks=fewer(world.learned_masks)
    )
    shallow = (
        {claim("Networks with 50 to 90").sentence} if len(levels[levels["level"] > 0]["seed"].unique()) == 3 else set()
    )
    assert {words for words, verdict in verdicts(few).items() if verdict != NO_DATA} == shallow


def test_noise_is_no_evidence(world):
    # hybrid is zero with the seeds exchanged: the same runs, so that no difference can be there.
    levels = world.levels[world.levels["treatment"] != "large_final-rewind-hybrid"]
    zero = levels[levels["treatment"] == "large_final-rewind-zero"]
    swapped = zero.assign(treatment="large_final-rewind-hybrid", seed=(zero["seed"] + 1) % 3)
    changed = dataclasses.replace(world, levels=pd.concat([levels, swapped], ignore_index=True))
    assert verdict(changed, "The hybrid of zero") == [NOT_SHOWN]


def test_levels_that_a_seed_lacks_in_one_line_do_not_count(world):
    (own,) = collect(world)
    lines = {name: own.line(Treatment(name)) for name in ("large_final", "random")}
    lines["random"] = lines["random"].copy()
    lines["random"].loc[1, 20:24] = float("nan")
    means = over_levels(lines)
    assert means["large_final"][1] == pytest.approx(lines["large_final"].loc[1, 1:19].mean())
    assert means["large_final"][0] == pytest.approx(lines["large_final"].loc[0, 1:24].mean())
    lines["random"].loc[2, 10:24] = float("nan")
    assert set(over_levels(lines)["random"]) == {0, 1}


def test_equal_lines_are_as_good_but_not_above():
    means = {"a": {0: 0.97, 1: 0.98, 2: 0.99}, "b": {0: 0.9701, 1: 0.9799, 2: 0.99}}
    assert above("a", "b", means).verdict is Verdict.NOT_SHOWN
    assert equivalent("a", "b", means, 0.002).verdict is Verdict.SHOWN
    assert equivalent("a", "b", means, math.nan).verdict is Verdict.NO_DATA
    assert equivalent("a", "b", {name: {0: 0.9, 1: 0.91} for name in means}, 0.002).verdict is Verdict.NO_DATA


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [(0.0, SHOWN), (-0.0005, SHOWN), (-0.0015, NOT_SHOWN), (-0.003, CONTRADICTED), (0.003, CONTRADICTED)],
)
def test_equivalence_is_that_the_90_percent_interval_lies_within_the_margin(difference, verdict):
    """Two one-sided tests at 0.05 against the interval, computed by hand: t of 2 degrees of freedom is 2.92."""
    noise, margin = (-0.0003, 0.0001, 0.0002), 0.0016
    means = {"a": dict(enumerate(0.97 + difference + each for each in noise)), "b": dict.fromkeys(range(3), 0.97)}
    half = 2.92 * stdev(noise) / math.sqrt(3)
    assert (abs(difference) + half < margin) == (verdict == SHOWN)
    assert (abs(difference) - half > margin) == (verdict == CONTRADICTED)
    assert equivalent("a", "b", means, margin).verdict == verdict


def test_the_margin_is_that_of_the_dense_networks_of_the_longest_schedule(world):
    dense = [0.977 + 0.0005 * seed for seed in range(3)]
    short = world.levels.assign(schedule="tenth", iterations=5000)
    short.loc[short["level"] == 0, "test_accuracy"] *= 0.9
    long = world.levels[world.levels["seed"] < 2].assign(schedule="longer", iterations=10**6)
    several = dataclasses.replace(world, levels=pd.concat([world.levels, short, long], ignore_index=True))
    assert [each.margin for each in collect(several)] == 3 * [pytest.approx(2.8 * stdev(dense))]
    assert math.isnan(repeatability(dense[:2]))
    (few,) = collect(dataclasses.replace(world, levels=world.levels[world.levels["seed"] < 2]))
    assert math.isnan(few.margin)


def test_what_is_missing_is_named(world):
    """What is missing is named: a line without any seed, one with two; where all is there, nothing."""
    assert {found.missing for found in evaluate(world, ZHOU)} == {""}
    few = dataclasses.replace(world, levels=world.levels[(world.levels["treatment"] != "movement-rewind-zero")])
    (found,) = evaluate(few, [claim("large_final and magnitude_increase show")])
    assert (found.verdict, found.missing) == (NO_DATA, "0 of 3 seeds: movement")
    levels = world.levels[(world.levels["treatment"] != "large_final-rewind-init") | (world.levels["seed"] < 2)]
    (found,) = evaluate(dataclasses.replace(world, levels=levels), [claim("Freezing pruned weights at zero")])
    assert (found.verdict, found.missing) == (NO_DATA, "2 of 3 seeds: init")
    assert found.numbers.endswith("n = 2")


@pytest.mark.parametrize(("below", "matching"), [(0.001, SHOWN), (0.004, CONTRADICTED)])
def test_a_drop_is_one_of_more_than_a_fifth_of_a_point(world, below, matching):
    levels = world.levels.copy()
    dense = levels[levels["treatment"] == "dense"].set_index("seed")["test_accuracy"]
    own = (levels["treatment"] == "large_final-rewind-zero") & (levels["kept_fraction"] < 0.06)
    noise = 0.0001 * levels["seed"] * (levels["level"] % 2)
    levels.loc[own, "test_accuracy"] = levels["seed"].map(dense) - below + noise
    changed = dataclasses.replace(world, levels=levels)
    assert verdict(changed, "Networks with 95 to 99.5") == [matching]


def test_the_same_difference_in_every_seed_cannot_be_tested():
    means = {"a": {0: 0.5, 1: 0.6, 2: 0.7}, "b": {0: 0.4, 1: 0.5, 2: 0.6}}
    found = above("a", "b", means)
    assert found.verdict is Verdict.NO_DATA
    assert "all differences are equal" in found.text


def test_every_claim_has_a_sentence_a_section_a_rule_and_what_it_needs():
    assert len({claim.sentence for claim in CLAIMS}) == len(CLAIMS)
    for each in CLAIMS:
        assert each.sentence.endswith(".")
        assert each.section.startswith(("Section", "Figure", "abstract", "on "))
        assert each.paper in ("Zhou et al.", "Frankle & Carbin", "Paul et al.")
        assert each.rule.endswith(".")
        assert each.needs


def test_lines_that_were_cut_short_are_named(world):
    levels = world.levels.copy()
    own = levels["treatment"] == "random-rewind-zero"
    levels.loc[own, "early_stop_iteration"] = levels["iterations"]
    levels.loc[own & (levels["level"] > 18), "early_stop_iteration"] = 0
    levels.loc[~own, "early_stop_iteration"] = (0.94 * levels["iterations"]).astype(int)
    late = dataclasses.replace(world, levels=levels)
    (row,) = unconverged.unconverged_treatments(late).to_dict("records")
    assert row["treatment"] == "random-rewind-zero" and row["levels"] == own.sum()
    assert row["cut_short_percent"] == pytest.approx(100 * 18 / 24)
    assert "fc, mnist, paper: random-rewind-zero 75%" in unconverged.in_words(late)
    assert unconverged.in_words(dataclasses.replace(late, levels=levels[~own])) == ""


def test_the_text_has_each_claim_once(world):
    both = dataclasses.replace(
        world, levels=pd.concat([world.levels, world.levels.assign(schedule="half")], ignore_index=True)
    )
    shown = text(evaluate(both))
    assert shown.count("The signs of the initial weights are crucial, not their relative magnitudes.") == 1
    assert "  fc, mnist, half: shown" in shown
    assert "  fc, mnist, paper: shown" in shown


@pytest.mark.slow
def test_what_lacks_data_is_named_in_a_line_and_counted(world):
    few = world.levels[world.levels["seed"] < 2].assign(schedule="half")
    verdicts = evaluate(dataclasses.replace(world, levels=pd.concat([world.levels, few], ignore_index=True)))
    (block,) = [block for block in text(verdicts).split("\n\n") if block.startswith("magnitude_increase works just as")]
    assert [line for line in block.splitlines() if "half" in line] == ["  not enough data: fc, mnist, half"]
    assert block.count("fc, mnist, paper: shown") == 1
    for line in counts(verdicts).splitlines():
        panel, _, numbers = line.partition(": ")
        own = [found.verdict for found in verdicts if found.panel == panel]
        wanted = [own.count(verdict.value) for verdict in Verdict]
        assert [int(number) for number in re.findall(r"\d+", numbers)] == wanted
    assert {line.partition(": ")[0] for line in counts(verdicts).splitlines()} == {found.panel for found in verdicts}


def test_a_claim_is_added_as_the_docstring_of_verdicts_says(world):
    claims, add = claims_of("A reader")
    zero, random = (Treatment(criterion).name for criterion in ("large_final", "random"))
    lines = {"kept": Treatment("large_final"), "chance": Treatment("random")}

    @add("Large weights are worth keeping.", "Section 0", need_lines(lines, *lines))
    def large_weights(evidence):
        """Keeping large weights is above chance."""
        return [above("kept", "chance", over_levels({name: evidence.line(lines[name]) for name in lines}))]

    (found,) = evaluate(world, claims)
    assert (found.claim, found.place) == ("Large weights are worth keeping.", "A reader, Section 0")
    assert (found.rule, found.verdict) == ("Keeping large weights is above chance.", SHOWN)
    mean = world.levels.groupby("treatment")["test_accuracy"].mean()
    assert f"kept - chance: {100 * (mean[zero] - mean[random]):+.2f} points" in found.numbers
    (found,) = evaluate(moved(world, random, 0.5), claims)
    assert found.verdict == CONTRADICTED


def test_the_command(command, light_command, tmp_path):
    made_up.write_results(tmp_path, treatments=(), seeds=[0], learned=made_up.LEARNED)
    done = command("analysis.claims", f"--results_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    assert "The initial logit controls" in done.stdout
    assert "  not enough data: fc, mnist, paper\n" in done.stdout
    refused = light_command("analysis.claims", f"--results_dir={tmp_path / 'nowhere'}")
    assert (refused.returncode, refused.stderr) == (2, f"There is no folder {tmp_path / 'nowhere'}.\n")
