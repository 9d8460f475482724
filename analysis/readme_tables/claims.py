"""Makes the rows of the tables of claims: verdicts, and claims that lack data."""

from __future__ import annotations

import re
from collections.abc import Iterator

from analysis.claims.catalogue import ClaimResult, evaluate
from analysis.claims.verdicts import Verdict
from analysis.readme_tables.accuracies import Row
from analysis.readme_tables.table1 import iterations
from analysis.results.load import Results
from analysis.results.select import panel_caption


def claims_with_data(results: Results) -> Iterator[Row]:
    """Yields the claims with enough data, one row for each network, on the longest schedule with enough data."""
    lengths = {panel_caption(key): length for key, length in iterations(results).items()}
    yield ["claim", "verdict", "network, data, schedule", "differences, mean [95% interval]", "seeds"]
    for results_of_claim in by_claim(results).values():
        with_data = [result for result in results_of_claim if result.verdict != Verdict.NO_DATA]
        for network in dict.fromkeys(result.panel.split(",")[0] for result in with_data):
            of_network = [result for result in with_data if result.panel.split(",")[0] == network]
            longest = max(of_network, key=lambda result: lengths.get(result.panel, 0))
            verdict = longest.verdict if longest.verdict == Verdict.SHOWN else f"**{longest.verdict}**"
            yield [f"{longest.claim} ({longest.place})", verdict, longest.panel, *_short(longest.numbers)]


def claims_without_data(results: Results) -> Iterator[Row]:
    """Yields the claims for which no network has enough data, with the panel that lacks the least."""
    yield ["claim", "network, data, schedule", "missing", "numbers so far"]
    for results_of_claim in by_claim(results).values():
        if all(result.verdict == Verdict.NO_DATA for result in results_of_claim):
            nearest = min(results_of_claim, key=lambda result: (not result.numbers, len(result.missing)))
            yield [f"{nearest.claim} ({nearest.place})", nearest.panel, nearest.missing, nearest.numbers]


def by_claim(results: Results) -> dict[str, list[ClaimResult]]:
    """Returns the verdicts on all claims by their sentence."""
    results_of_claims: dict[str, list[ClaimResult]] = {}
    for result in evaluate(results):
        results_of_claims.setdefault(result.claim, []).append(result)
    return results_of_claims


def _short(numbers: str) -> tuple[str, str]:
    """Returns the conditions without p-values and notes, and the number of seeds.

    >>> _short("a - b: +0.84 points [+0.77, +0.91], within 0.16: p = 2e-06, n = 5 (a note); c - d: +1 -, p = 1, n = 5")
    ('a - b: +0.84 points [+0.77, +0.91] within 0.16; c - d: +1 -', '5')
    """
    seeds = re.findall(r"n = (\d+)", numbers)
    text = re.sub(r",( within [\d.]+)?:? p = [^,]+, n = \d+( \([^)]*\))?", r"\1", numbers)
    return text, ", ".join(dict.fromkeys(seeds))
