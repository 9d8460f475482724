"""The claims of Paul et al., "Unmasking the Lottery Ticket Hypothesis", as tests on measurements of the landscape.

Their place is that in arXiv 2210.03044. Its abstract says the first of successive levels "at higher sparsities"; which
those are it does not say, and all levels count here. As in `analysis.claims.zhou2019`, what counts as shown follows
from the words of each claim and was not fitted to results, and a test's docstring is its rule. "Above" is that of
`analysis.claims.verdicts`. Levels are those of iterative rewinding by magnitude (large_final), whatever the rewind
point, but where a claim is about random pruning as well.
"""

from __future__ import annotations

import pandas as pd

from analysis.claims.evidence import Evidence
from analysis.claims.verdicts import LEAST_SEEDS, NUMBERS, Condition, Need, Verdict, above, claims_of
from analysis.results.select import SUCCESSIVE, single, successive
from lottery_tf.landscape.interpolation import MATCHING, STABLE
from lottery_tf.landscape.retraining import WHOLE_NETWORK
from lottery_tf.pruning.treatments import Treatment

MOST, HALF = 0.9, 0.5  # "if and only if": of nine tenths of the pairs at least; contradicted: of less than half
LEAST_PAIRS = 10  # of each kind
LEAST_LEVELS = 3
MAGNITUDE, RANDOM = Treatment().criterion, "random"
ALONG, MEETS, FOUND, RETRAINED = "along the projection", "subspace meets bowl", "found", "found after retraining"


ON_FLATNESS = "on flatness"  # of what the abstract does not spell out

CLAIMS, claim = claims_of("Paul et al.")


def need(kind: str, what: str) -> Need:
    """Measurements of a kind."""
    return Need(what, lambda evidence: set(evidence.landscape[kind]["seed"]))


def by_magnitude(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose level is one of iterative rewinding by magnitude, with zeros where weights were pruned."""
    usual = Treatment()
    wanted = pd.Series(True, rows.index)
    for name in ("criterion", "mask1", "mask0", "rounds"):
        wanted &= rows[name] == getattr(usual, name)
    return rows[wanted]


def seed_means(rows: pd.DataFrame, *columns: str) -> dict[str, dict[int, float]]:
    """Columns' means over levels for each seed that has at least three, each treatment and level counting the same."""
    rows = rows.dropna(subset=list(columns))
    points = rows.groupby(["seed", "treatment", "level"])[list(columns)].mean()
    counts = points.reset_index().groupby("seed")["level"].nunique()
    means = points.groupby("seed").mean()
    means = means[means.index.map(counts) >= LEAST_LEVELS] if len(means) else means
    return {name: means[name].to_dict() for name in columns}


@claim(
    "Successive levels are joined by a line without error barrier if and only if both match.",
    "abstract",
    [need("line", "lines between levels")],
)
def joined_if_both_match(evidence: Evidence) -> list[Condition]:
    """Of successive levels that both match at least nine tenths are joined, of the others at most one tenth.

    There are at least ten pairs of each. It is contradicted where most pairs are the other way. Joined: an error
    barrier below 2 points. Matching: at most 0.2 points more error than the dense network. All criteria and rewind
    points count, and pairs of at least three seeds.
    """
    lines = evidence.landscape["line"]
    pairs = successive(lines[lines["relation"] == SUCCESSIVE])
    joined, seeds = pairs["error_barrier"] < STABLE, pairs["seed"].nunique()
    conditions = []
    for matches, what in ((True, "both match"), (False, "not both match")):
        some = joined[pairs["matches"] == matches]
        text = f"{what}: {int(some.sum())} of {len(some)} pairs joined; n = {seeds}"
        share = some.mean() if matches else 1 - some.mean()
        verdict = Verdict.SHOWN if share >= MOST else Verdict.CONTRADICTED if share < HALF else Verdict.NOT_SHOWN
        enough = seeds >= LEAST_SEEDS and len(some) >= LEAST_PAIRS
        conditions.append(Condition(verdict if enough else Verdict.NO_DATA, text))
    return conditions


@claim(
    "SGD returns to the same mode from a perturbation as long as the mask's projection.",
    "abstract",
    [need("perturbation", "perturbed rewind points")],
)
def returns_to_its_mode(evidence: Evidence) -> list[Condition]:
    """The barrier from a rewind point perturbed by the projection's length to the unperturbed end is below 2 points.

    Of the levels that match (at most 0.2 points more error than the dense network); a seed's value is their mean.
    """
    rows = by_magnitude(single(evidence.landscape["perturbation"]))
    rows = rows[(rows["multiple"] == 1) & (rows["unperturbed_error"] <= rows["dense_error"] + MATCHING)]
    barriers = rows.groupby("seed")["error_barrier"].mean().to_dict()
    limit = f"{100 * STABLE:g} points"
    return [above(limit, "barrier", {limit: dict.fromkeys(barriers, STABLE), "barrier": barriers})]


@claim(
    "Magnitude pruning removes flatter directions than random pruning.",
    ON_FLATNESS,
    [need("ray", "curvatures along projections")],
)
def flatter_than_random(evidence: Evidence) -> list[Condition]:
    """From the same levels, the curvature along what random pruning removes is above that of magnitude pruning."""
    rays = by_magnitude(evidence.landscape["ray"])
    rays = rays[rays["position"] == 1]
    wide = _side_by_side(rays, "direction", "curvature", (RANDOM, MAGNITUDE))
    return [above(RANDOM, MAGNITUDE, seed_means(wide, RANDOM, MAGNITUDE), NUMBERS)]


@claim("By magnitude more can be pruned at once than at random.", ON_FLATNESS, [need("limit", "limits of pruning")])
def magnitude_prunes_more(evidence: Evidence) -> list[Condition]:
    """The share that can go at once is above that of random pruning, predicted along the projection and found."""
    limits = by_magnitude(evidence.landscape["limit"])
    conditions = []
    for method in (ALONG, FOUND):
        wide = _side_by_side(limits[limits["method"] == method], "pruned_by", "pruned_fraction", (MAGNITUDE, RANDOM))
        found = above(MAGNITUDE, RANDOM, seed_means(wide, MAGNITUDE, RANDOM))
        conditions.append(Condition(found.verdict, f"{method}: {found.text}"))
    return conditions


@claim(
    "The Hessian and the length of the projection predict how much can be pruned at once.",
    "abstract",
    [need("limit", "limits of pruning")],
)
def predicts_the_limit(evidence: Evidence) -> list[Condition]:
    """The prediction (subspace meets bowl) is nearer to the share found after retraining than the best single guess is.

    By magnitude pruning; a seed's values are the mean distances over its levels, and the best guess is the median of
    what was found at them.
    """
    limits = by_magnitude(evidence.landscape["limit"])
    wide = _side_by_side(limits[limits["pruned_by"] == MAGNITUDE], "method", "pruned_fraction", (MEETS, RETRAINED))
    guess = wide.groupby("seed")[RETRAINED].transform("median")
    wide = wide.assign(
        **{"the best guess": (guess - wide[RETRAINED]).abs(), "prediction": (wide[MEETS] - wide[RETRAINED]).abs()}
    )
    return [above("the best guess", "prediction", seed_means(wide, "the best guess", "prediction"))]


@claim("Retraining brings new weights below the next threshold.", "abstract", [need("threshold", "magnitudes")])
def retraining_makes_small_weights(evidence: Evidence) -> list[Condition]:
    """The share of surviving weights at or below the next round's threshold is greater after retraining than before."""
    rows = by_magnitude(evidence.landscape["threshold"])
    rows = rows[rows["layer"] == WHOLE_NETWORK].rename(columns={"share_before": "before", "share_after": "after"})
    return [above("after", "before", seed_means(rows, "after", "before"))]


def _side_by_side(rows: pd.DataFrame, by: str, value: str, columns: tuple[str, str]) -> pd.DataFrame:
    """A row for each seed, treatment and level that has both columns."""
    wide = rows.pivot_table(index=["seed", "treatment", "level"], columns=by, values=value)
    return wide.reindex(columns=list(columns)).dropna().reset_index()
