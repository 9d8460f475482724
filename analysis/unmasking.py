"""The claims of Paul et al., "Unmasking the Lottery Ticket Hypothesis", each as a test on measurements of the landscape.

Their place is that in arXiv 2210.03044. Its abstract says the first of successive levels "at higher sparsities"; which
those are it does not say, and all levels count here. As in `analysis.deconstructing`, what counts as shown follows from
the words of each claim and was not fitted to results, and a test's docstring is its rule. "Above" is `evidence.above`,
a paired one-sided t-test at p = 0.05 over seeds. Levels are those of iterative rewinding by magnitude (large_final),
whatever the rewind point, but where a claim is about random pruning as well.
"""

from __future__ import annotations

import pandas as pd

from analysis.beside_levels import SUCCESSIVE, successive
from analysis.evidence import LEAST_SEEDS, Claim, Evidence, Finding, above, greater
from analysis.results import single
from lottery_tf.landscape.paths import MATCHING, STABLE
from lottery_tf.landscape.retraining import WHOLE_NETWORK
from lottery_tf.treatments import Treatment

MOST = 0.9  # "if and only if": of nine tenths of the pairs at least
LEAST_PAIRS = 10  # of each kind
LEAST_LEVELS = 3
MAGNITUDE, RANDOM = Treatment().criterion, "random"
ALONG, MEETS, FOUND, RETRAINED = "along the projection", "subspace meets bowl", "found", "found after retraining"


def by_magnitude(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose level is one of iterative rewinding by magnitude, with zeros where weights were pruned."""
    usual = Treatment()
    own = pd.Series(True, rows.index)
    for name in ("criterion", "mask1", "mask0", "rounds"):
        own &= rows[name] == getattr(usual, name)
    return rows[own]


def over_seeds(rows: pd.DataFrame, *columns: str) -> dict[str, dict[int, float]]:
    """Columns' means over levels for each seed that has at least three, each treatment and level counting the same."""
    rows = rows.dropna(subset=list(columns))
    points = rows.groupby(["seed", "treatment", "level"])[list(columns)].mean()
    counts = points.reset_index().groupby("seed")["level"].nunique()
    means = points.groupby("seed").mean()
    means = means[means.index.map(counts) >= LEAST_LEVELS] if len(means) else means
    return {name: means[name].to_dict() for name in columns}


def joined_if_both_match(evidence: Evidence) -> list[Finding]:
    """Of successive levels that both match nine tenths at least are joined, of the others at most one tenth; ten pairs of each.

    Joined: an error barrier below 2 points. Matching: at most 0.2 points more error than the dense network. All criteria
    and rewind points count, and pairs of at least three seeds.
    """
    lines = evidence.landscape["line"]
    pairs = successive(lines[lines["relation"] == SUCCESSIVE])
    joined, seeds = pairs["error_barrier"] < STABLE, pairs["seed"].nunique()
    findings = []
    for matches, what in ((True, "both match"), (False, "not both match")):
        own = joined[pairs["matches"] == matches]
        text = f"{what}: {int(own.sum())} of {len(own)} pairs joined; n = {seeds}"
        enough = seeds >= LEAST_SEEDS and len(own) >= LEAST_PAIRS
        shown = own.mean() >= MOST if matches else own.mean() <= 1 - MOST
        findings.append(Finding(bool(shown) if enough else None, text))
    return findings


def returns_to_its_mode(evidence: Evidence) -> list[Finding]:
    """The barrier from a rewind point perturbed by the projection's length to the unperturbed end is below 2 points.

    Of the levels that match (at most 0.2 points more error than the dense network); a seed's value is their mean.
    """
    rows = by_magnitude(single(evidence.landscape["perturbation"]))
    rows = rows[(rows["multiple"] == 1) & (rows["unperturbed_error"] <= rows["dense_error"] + MATCHING)]
    barriers = rows.groupby("seed")["error_barrier"].mean().to_dict()
    limit = f"{100 * STABLE:g} points"
    return [above(limit, "barrier", {limit: dict.fromkeys(barriers, STABLE), "barrier": barriers})]


def flatter_than_random(evidence: Evidence) -> list[Finding]:
    """The curvature along what random pruning removes is above that along what magnitude pruning removes, from the same levels."""
    rays = by_magnitude(evidence.landscape["ray"])
    rays = rays[rays["position"] == 1]
    wide = _side_by_side(rays, "direction", "curvature", (RANDOM, MAGNITUDE))
    return [greater(RANDOM, MAGNITUDE, over_seeds(wide, RANDOM, MAGNITUDE))]


def magnitude_prunes_more(evidence: Evidence) -> list[Finding]:
    """The largest share that can go at once, predicted along the projection and found, is above that of random pruning."""
    limits = by_magnitude(evidence.landscape["limit"])
    findings = []
    for method in (ALONG, FOUND):
        wide = _side_by_side(limits[limits["method"] == method], "pruned_by", "pruned_fraction", (MAGNITUDE, RANDOM))
        found = above(MAGNITUDE, RANDOM, over_seeds(wide, MAGNITUDE, RANDOM))
        findings.append(Finding(found.shown, f"{method}: {found.text}"))
    return findings


def predicts_the_limit(evidence: Evidence) -> list[Finding]:
    """What is predicted (subspace meets bowl) is nearer to the share found after retraining than the best single guess is.

    By magnitude pruning; a seed's values are the mean distances over its levels, and the best guess is the median of
    what was found at them.
    """
    limits = by_magnitude(evidence.landscape["limit"])
    wide = _side_by_side(limits[limits["pruned_by"] == MAGNITUDE], "method", "pruned_fraction", (MEETS, RETRAINED))
    guess = wide.groupby("seed")[RETRAINED].transform("median")
    wide = wide.assign(
        **{"the best guess": (guess - wide[RETRAINED]).abs(), "prediction": (wide[MEETS] - wide[RETRAINED]).abs()}
    )
    return [above("the best guess", "prediction", over_seeds(wide, "the best guess", "prediction"))]


def retraining_makes_small_weights(evidence: Evidence) -> list[Finding]:
    """The share of surviving weights at or below the next round's threshold is greater after retraining than before."""
    rows = by_magnitude(evidence.landscape["threshold"])
    rows = rows[rows["layer"] == WHOLE_NETWORK].rename(columns={"share_before": "before", "share_after": "after"})
    return [above("after", "before", over_seeds(rows, "after", "before"))]


def _side_by_side(rows: pd.DataFrame, by: str, value: str, columns: tuple[str, str]) -> pd.DataFrame:
    """A row for each seed, treatment and level that has both columns."""
    wide = rows.pivot_table(index=["seed", "treatment", "level"], columns=by, values=value)
    return wide.reindex(columns=list(columns)).dropna().reset_index()


def _claim(words: str, test, place: str = "abstract") -> Claim:
    return Claim(words, place, test, paper="Paul et al.")


ON_FLATNESS = "on flatness"  # of what the abstract does not spell out


CLAIMS = (
    _claim(
        "Successive levels are joined by a line without error barrier if and only if both match.", joined_if_both_match
    ),
    _claim("SGD returns to the same mode from a perturbation as long as the mask's projection.", returns_to_its_mode),
    _claim("Magnitude pruning removes flatter directions than random pruning.", flatter_than_random, ON_FLATNESS),
    _claim("By magnitude more can be pruned at once than at random.", magnitude_prunes_more, ON_FLATNESS),
    _claim("The Hessian and the length of the projection predict how much can be pruned at once.", predicts_the_limit),
    _claim("Retraining brings new weights below the next threshold.", retraining_makes_small_weights),
)
