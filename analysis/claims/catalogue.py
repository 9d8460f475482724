"""Lists all claims and tests them on results.

Each claim is a test in the module of its paper; `analysis.claims.verdicts` holds the rules by which it is judged.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from analysis.claims import frankle2019, paul2023, zhou2019, zhou2019_supermasks
from analysis.claims.claim import Claim, missing
from analysis.claims.evidence import Evidence, collect, without_schedule
from analysis.claims.verdicts import Verdict, combined
from analysis.results.load import Results
from analysis.results.select import panel_caption

CLAIMS: tuple[Claim, ...] = (*zhou2019.CLAIMS, *zhou2019_supermasks.CLAIMS, *frankle2019.CLAIMS, *paul2023.CLAIMS)


@dataclasses.dataclass(frozen=True)
class ClaimResult:
    """The verdict on a claim for the results of one panel.

    Attributes:
      claim: the claim in words.
      place: the paper and section that make it.
      rule: what is tested, in a sentence or two.
      panel: "network, data set, schedule"; for claims about learned masks alone "network, data set".
      verdict: "shown", "contradicted", "not shown" or "not enough data".
      numbers: the conditions with their numbers; "" if some of the data are missing altogether.
      missing: the data for which there are fewer than three seeds.
    """

    claim: str
    place: str
    rule: str
    panel: str
    verdict: str
    numbers: str
    missing: str


def evaluate(results: Results, claims: Iterable[Claim] = CLAIMS) -> list[ClaimResult]:
    """Tests claims in their order, each on all panels of the networks that it is about."""
    of_panels = collect(results)
    return [
        _result(claim, evidence)
        for claim in claims
        for evidence in (without_schedule(of_panels) if claim.of_learned_masks else of_panels)
        if not claim.networks or evidence.panel.network in claim.networks
    ]


def _result(claim: Claim, evidence: Evidence) -> ClaimResult:
    """Tests a claim if at least one seed has each of the data that it needs."""
    panel, seeds = panel_caption(evidence.panel), claim.seeds(evidence)
    conditions = claim.test(evidence) if all(seeds.values()) else []
    verdict = combined([condition.verdict for condition in conditions]) if conditions else Verdict.NO_DATA
    numbers = "; ".join(condition.text for condition in conditions)
    return ClaimResult(claim.sentence, claim.place, claim.rule, panel, verdict.value, numbers, missing(seeds))
