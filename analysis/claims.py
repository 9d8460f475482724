"""Judges the claims of the paper, and of the two works behind it, on the results at hand.

Example:
  python -m analysis.claims --results_dir=results

A claim holds where the data show all of its conditions, and does not where they fail to show one: the numbers say
whether they show the contrary. `analysis.deconstructing`, `analysis.frankle_carbin` and `analysis.unmasking` have each claim's
test, with its rule in a sentence.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import textwrap
from collections import Counter
from collections.abc import Iterable

from absl import flags

from analysis import cut_short, deconstructing, frankle_carbin, unmasking
from analysis.evidence import LEAST_LEVELS, LEAST_SEEDS, Claim, Finding, evidence, without_schedule
from analysis.results import Results, load
from lottery_tf import console

CLAIMS: tuple[Claim, ...] = (*deconstructing.CLAIMS, *frankle_carbin.CLAIMS, *unmasking.CLAIMS)
HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "not enough data"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What one network's results say of a claim.

    Attributes:
      claim: the claim in words.
      place: where the paper has it.
      rule: what is tested, in a sentence or two.
      panel: "network, data set, schedule"; of claims about learned masks alone "network, data set".
      verdict: "holds", "does not hold" or "not enough data".
      numbers: the conditions with their numbers.
    """

    claim: str
    place: str
    rule: str
    panel: str
    verdict: str
    numbers: str


def judge(results: Results, claims: Iterable[Claim] = CLAIMS) -> list[Verdict]:
    """The verdicts on claims, in their order, for each network, data set and schedule (`Verdict.panel`) that each is about."""
    found = evidence(results)
    return [
        Verdict(claim.words, place(claim), rule(claim), ", ".join(filter(None, own.key)), *_verdict(claim.test(own)))
        for claim in claims
        for own in (without_schedule(found) if claim.of_learned_masks else found)
        if not claim.networks or own.key[0] in claim.networks
    ]


def place(claim: Claim) -> str:
    """Paper and place of a claim."""
    return f"{claim.paper}, {claim.place}"


def rule(claim: Claim) -> str:
    """What is tested: the docstring of its test."""
    return " ".join(inspect.getdoc(claim.test).split())


def _verdict(findings: list[Finding]) -> tuple[str, str]:
    """One condition that is not shown settles the claim; otherwise all have to have data."""
    shown = [finding.shown for finding in findings]
    verdict = FAILS if False in shown else UNKNOWN if None in shown else HOLDS
    return verdict, "; ".join(finding.text for finding in findings)


def text(verdicts: Iterable[Verdict]) -> str:
    """Verdicts as text, a block a claim; what there is not enough data of is only named."""
    claims: dict[tuple[str, str, str], list[Verdict]] = {}
    for found in verdicts:
        claims.setdefault((found.claim, found.place, found.rule), []).append(found)
    return "\n\n".join("\n".join(_block(*claim, own)) for claim, own in claims.items())


def _block(claim: str, place: str, rule: str, verdicts: list[Verdict]) -> list[str]:
    lines = [f"{claim} ({place})", *_indented(f"Test: {rule}", 2)]
    for found in verdicts:
        if found.verdict != UNKNOWN:
            lines += [f"  {found.panel}: {found.verdict}", *_indented(found.numbers, 4)]
    unknown = "; ".join(found.panel for found in verdicts if found.verdict == UNKNOWN)
    return [*lines, *(_indented(f"{UNKNOWN}: {unknown}", 2) if unknown else [])]


def _indented(paragraph: str, by: int) -> list[str]:
    return textwrap.wrap(paragraph, 114, initial_indent=" " * by, subsequent_indent=" " * by)


def counts(verdicts: Iterable[Verdict]) -> str:
    """How many claims hold, do not, or cannot be judged, a line for what each is judged on."""
    found: dict[str, Counter] = {}
    for verdict in verdicts:
        found.setdefault(verdict.panel, Counter())[verdict.verdict] += 1
    return "\n".join(
        f"{panel}: {own[HOLDS]} hold, {own[FAILS]} do not, {own[UNKNOWN]} have not enough data"
        for panel, own in found.items()
    )


def define_flags() -> None:
    """The flags of this command; not defined where the module is only imported, by commands with flags of their own."""
    flags.adopt_module_key_flags(importlib.import_module("analysis.common_flags"))


def main() -> None:
    results = load(flags.FLAGS.results_dir)
    verdicts = judge(results)
    print(f"{text(verdicts)}\n\n{counts(verdicts)}")
    print("\n".join(filter(None, [NOTE, cut_short.told(results)])))


NOTE = f"""
A claim holds where each of its conditions is shown, and does not hold where one is not: that may be the contrary, or a
difference too small for these runs. a - b: mean over levels and seeds [95% interval], p of "a is above b" by a paired
one-sided t-test over n seeds. Fewer than {LEAST_SEEDS} seeds, or {LEAST_LEVELS} levels of a line, are not enough data. Many claims are
tested, and nothing corrects for that."""


if __name__ == "__main__":
    define_flags()
    console.run(main)
