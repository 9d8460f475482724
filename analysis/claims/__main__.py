"""Tests the claims of the paper, and of the two works behind it, on the results at hand.

Example:
  python -m analysis.claims --results_dir=results

A claim is shown where the data show all of its conditions, contradicted where they show the opposite of one, and not
shown where they do neither. `zhou2019`, `zhou2019_supermasks`, `frankle2019` and `paul2023` of `analysis.claims`
have each claim with its test; `verdicts` has the rules.
"""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Iterable

from absl import flags

from analysis.claims.catalogue import ClaimResult, evaluate
from analysis.claims.evidence import LEAST_LEVELS, collect
from analysis.claims.verdicts import LEAST_SEEDS, REPEATABILITY, Verdict
from analysis.common_flags import define_results_dir
from analysis.results import unconverged
from analysis.results.load import Results, load
from lottery_tf import console


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
A claim is shown where each of its conditions is, and contradicted where the opposite of one is shown; what is neither
may be a difference too small for these runs. a - b: mean over levels and seeds [95% interval], p of "a is above b" by a
paired one-sided t-test over n seeds; contradicted: p of "a is below b" is at most 0.05. "As good within the margin":
two such tests, that the difference is above less the margin and below the margin. The margin is {REPEATABILITY}
standard deviations of the dense network's accuracy between seeds, on the longest schedule that has three: two seeds of
one network differ by more once in twenty times (the repeatability limit of ISO 5725). Fewer than {LEAST_SEEDS} seeds,
or {LEAST_LEVELS} levels of a line, are not enough data. Many claims are tested, and nothing corrects for that."""


if __name__ == "__main__":
    define_flags()
    console.run(main)
