"""Tests the claims of the paper, and of the two works that it builds on, on a results folder.

Example:
  python -m analysis.claims --results_dir=results

A claim is shown if the results show all of its conditions, contradicted if they show the opposite of one, and not
shown otherwise. The modules `zhou2019`, `zhou2019_supermasks`, `frankle2019` and `paul2023` of `analysis.claims` hold
the claims and their tests; `verdicts` holds the rules.
"""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Iterable

from absl import flags

from analysis.claims.catalogue import ClaimResult, evaluate
from analysis.claims.evidence import LEAST_LEVELS_OF_LINE, collect
from analysis.claims.verdicts import LEAST_SEEDS, REPEATABILITY, Verdict
from analysis.common_flags import define_results_to_read
from analysis.results import unconverged
from analysis.results.load import Results, load
from analysis.results.select import panel_caption
from lottery_tf.command_line import console


def text(verdicts: Iterable[ClaimResult]) -> str:
    """Returns verdicts as text, one block for each claim, with what is missing if there are not enough data."""
    claims: dict[tuple[str, str, str], list[ClaimResult]] = {}
    for result in verdicts:
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


def counts(verdicts: Iterable[ClaimResult]) -> str:
    """Counts the claims with each verdict: one line for each panel."""
    panels: dict[str, Counter] = {}
    for result in verdicts:
        panels.setdefault(result.panel, Counter())[result.verdict] += 1
    return "\n".join(
        f"{panel}: " + ", ".join(f"{number[verdict]} {verdict}" for verdict in Verdict)
        for panel, number in panels.items()
    )


def margins(results: Results) -> str:
    """Returns the margins that are defined as text: one line for each network, data set and precision."""
    margins = {panel_caption(each.panel._replace(schedule="")): each.margin for each in collect(results)}
    return "\n".join(
        f"margin of {name}: {100 * margin:.2f} points" for name, margin in margins.items() if not math.isnan(margin)
    )


def define_flags() -> None:
    """Defines the command's flags. This is not done on import, because commands with other flags import this module."""
    define_results_to_read()


def main() -> None:
    """Prints each claim with its verdicts, the number of each verdict, and the rules."""
    results = load(flags.FLAGS.results_dir)
    verdicts = evaluate(results)
    print(f"{text(verdicts)}\n\n{counts(verdicts)}")
    print("\n".join(filter(None, [NOTE, margins(results), unconverged.in_words(results)])))


NOTE = f"""
A claim is shown if each of its conditions is shown, and contradicted if the opposite of one is shown. If it is neither,
the difference may be too small for so few runs.
a - b: the mean difference over levels and seeds [95% interval], and p, the p-value of "a is above b" by a paired
one-sided t-test over n seeds. The condition is contradicted if the p-value of "a is below b" is at most 0.05.
"As good as, within the margin": two such tests show that the difference lies between minus the margin and the margin.
The margin is {REPEATABILITY} standard deviations of the dense network's accuracy between seeds, on the longest schedule
with three seeds. Two seeds of one network differ by more than this in one of twenty cases (the repeatability limit of
ISO 5725).
Fewer than {LEAST_SEEDS} seeds, or fewer than {LEAST_LEVELS_OF_LINE} levels of a line, \
are not enough data. Many claims are
tested; the p-values are not corrected for this."""


if __name__ == "__main__":
    define_flags()
    console.run(main)
