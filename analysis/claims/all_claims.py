"""Tests the claims of the paper, and of the two works behind it, on the results at hand.

Example:
  python -m analysis.claims --results_dir=results

A claim is shown where the data show all of its conditions, contradicted where they show the opposite of one, and not
shown where they do neither. `analysis.claims.zhou2019`, `analysis.claims.frankle2019` and `analysis.claims.paul2023` have each
claim with its test; `analysis.claims.verdicts` has the rules.
"""

from __future__ import annotations

import dataclasses
import math
import textwrap
from collections import Counter
from collections.abc import Iterable

from absl import flags

from analysis.claims import frankle2019, paul2023, zhou2019
from analysis.claims.evidence import LEAST_LEVELS, Evidence, collect, without_schedule
from analysis.claims.verdicts import LEAST_SEEDS, REPEATABILITY, Claim, Verdict, combined, missing
from analysis.common_flags import define_results_dir
from analysis.results import unconverged
from analysis.results.load import Results, load

CLAIMS: tuple[Claim, ...] = (*zhou2019.CLAIMS, *frankle2019.CLAIMS, *paul2023.CLAIMS)


@dataclasses.dataclass(frozen=True)
class ClaimResult:
    """What one network's results say of a claim.

    Attributes:
      claim: the claim in words.
      place: where the paper has it.
      rule: what is tested, in a sentence or two.
      panel: "network, data set, schedule"; of claims about learned masks alone "network, data set".
      verdict: "shown", "contradicted", "not shown" or "not enough data".
      numbers: the conditions with their numbers; "" where some of the data are not there at all.
      missing: which of the data that the claim needs fewer than three seeds have.
    """

    claim: str
    place: str
    rule: str
    panel: str
    verdict: str
    numbers: str
    missing: str


def evaluate(results: Results, claims: Iterable[Claim] = CLAIMS) -> list[ClaimResult]:
    """Tests claims, in their order, on each network, data set and schedule that each is about."""
    found = collect(results)
    return [
        _result(claim, evidence)
        for claim in claims
        for evidence in (without_schedule(found) if claim.of_learned_masks else found)
        if not claim.networks or evidence.key[0] in claim.networks
    ]


def _result(claim: Claim, evidence: Evidence) -> ClaimResult:
    """Tests a claim where there is some of all the data that it needs."""
    panel, seeds = ", ".join(filter(None, evidence.key)), claim.seeds(evidence)
    conditions = claim.test(evidence) if all(seeds.values()) else []
    verdict = combined([each.verdict for each in conditions]) if conditions else Verdict.NO_DATA
    numbers = "; ".join(each.text for each in conditions)
    return ClaimResult(claim.sentence, claim.place, claim.rule, panel, verdict.value, numbers, missing(seeds))


def text(found: Iterable[ClaimResult]) -> str:
    """Results as text, a block a claim; where there is not enough data, what is missing."""
    claims: dict[tuple[str, str, str], list[ClaimResult]] = {}
    for result in found:
        claims.setdefault((result.claim, result.place, result.rule), []).append(result)
    return "\n\n".join("\n".join(_block(*claim, results)) for claim, results in claims.items())


def _block(claim: str, place: str, rule: str, results: list[ClaimResult]) -> list[str]:
    lines, lacking = [f"{claim} ({place})", *_indented(f"Test: {rule}", 2)], {}
    for result in results:
        if result.verdict != Verdict.NO_DATA:
            lines += [f"  {result.panel}: {result.verdict}", *_indented(result.numbers, 4)]
        else:
            reason = ". ".join(filter(None, [result.missing, result.numbers]))
            lacking.setdefault(reason, []).append(result.panel)
    for reason, panels in lacking.items():
        lines += [*_indented(f"{Verdict.NO_DATA}: {'; '.join(panels)}", 2), *_indented(reason, 4)]
    return lines


def _indented(paragraph: str, by: int) -> list[str]:
    return textwrap.wrap(paragraph, 114, initial_indent=" " * by, subsequent_indent=" " * by)


def counts(found: Iterable[ClaimResult]) -> str:
    """How many claims have each verdict, a line for what each is tested on."""
    panels: dict[str, Counter] = {}
    for result in found:
        panels.setdefault(result.panel, Counter())[result.verdict] += 1
    return "\n".join(
        f"{panel}: " + ", ".join(f"{number[verdict]} {verdict}" for verdict in Verdict)
        for panel, number in panels.items()
    )


def margins(results: Results) -> str:
    """The margin of each network and data set that has one, a line each."""
    found = {each.key[:2]: each.margin for each in collect(results) if not math.isnan(each.margin)}
    return "\n".join(f"margin of {', '.join(key)}: {100 * margin:.2f} points" for key, margin in found.items())


def define_flags() -> None:
    """Defines the command's flags; not at import, because commands with flags of their own import this module."""
    define_results_dir()


def main() -> None:
    """Prints each claim with its verdicts, how many there are of each, and the rules."""
    results = load(flags.FLAGS.results_dir)
    found = evaluate(results)
    print(f"{text(found)}\n\n{counts(found)}")
    print("\n".join(filter(None, [NOTE, margins(results), unconverged.described(results)])))


NOTE = f"""
A claim is shown where each of its conditions is, and contradicted where the opposite of one is shown; what is neither may
be a difference too small for these runs. a - b: mean over levels and seeds [95% interval], p of "a is above b" by a paired
one-sided t-test over n seeds; contradicted: p of "a is below b" is at most 0.05. "As good within the margin": two such
tests, that the difference is above less the margin and below the margin. The margin is {REPEATABILITY} standard deviations of the
dense network's accuracy between seeds, on the longest schedule that has three: two seeds of one network differ by more
once in twenty times (the repeatability limit of ISO 5725). Fewer than {LEAST_SEEDS} seeds, or {LEAST_LEVELS} levels of a line, are not enough data. Many
claims are tested, and nothing corrects for that."""
