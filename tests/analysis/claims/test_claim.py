"""Parts of every claim, the data that a claim lacks, and a claim that is added."""

import dataclasses

from zhou_world import CONTRADICTED, NO_DATA, SHOWN, ZHOU, claim, moved

from analysis.claims.catalogue import CLAIMS, evaluate
from analysis.claims.claim import claims_of, need_lines
from analysis.claims.evidence import over_levels
from analysis.claims.verdicts import above
from lottery_tf.pruning.treatments import Treatment


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


def test_every_claim_has_a_sentence_a_section_a_rule_and_what_it_needs():
    assert len({claim.sentence for claim in CLAIMS}) == len(CLAIMS)
    for each in CLAIMS:
        assert each.sentence.endswith(".")
        assert each.section.startswith(("Section", "Figure", "abstract", "on "))
        assert each.paper in ("Zhou et al.", "Frankle & Carbin", "Paul et al.")
        assert each.rule.endswith(".")
        assert each.needs


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
