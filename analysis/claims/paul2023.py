"""The claims of Paul et al., "Unmasking the Lottery Ticket Hypothesis", each with its test.

Sections are those of arXiv 2210.03044. Its abstract makes the first claim for levels "at higher sparsities" without
saying which these are, so all levels count here. As in `analysis.claims.zhou2019`, the docstring of a test is its rule,
and the rules follow from the words of the claims and were not fitted to results. "Above" is tested by
`analysis.claims.verdicts`. Levels are those of iterative rewinding by magnitude (large_final) with any rewind point,
except if a claim is also about random pruning.
"""

from __future__ import annotations

import pandas as pd

from analysis.claims.claim import Need, claims_of
from analysis.claims.evidence import Evidence
from analysis.claims.verdicts import LEAST_SEEDS, NUMBERS, Condition, Verdict, above
from analysis.results.select import rows_where, single, successive
from lottery_tf.landscape.interpolation import MATCHING, STABLE
from lottery_tf.landscape.measurements.row_names import FOUND, FOUND_RETRAINED, PRUNED_BY, QUADRATIC, SUBSPACE
from lottery_tf.landscape.retraining import WHOLE_NETWORK
from lottery_tf.pruning.treatments import Treatment

SHOWN_FROM = 0.9  # the least share of pairs with which "if and only if" is shown
CONTRADICTED_BELOW = 0.5  # the share of pairs below which it is contradicted
LEAST_PAIRS = 10  # pairs of each kind
LEAST_LEVELS_OF_MEAN = 3
BY_MAGNITUDE, AT_RANDOM = PRUNED_BY  # criteria
PRUNING_IN_WORDS = {BY_MAGNITUDE: "by magnitude", AT_RANDOM: "at random"}

ON_FLATNESS = "on flatness"  # in place of a section: claims that the abstract does not state

CLAIMS, claim = claims_of("Paul et al.")


def need(kind: str, what: str) -> Need:
    """Returns the need for measurements of a kind."""
    return Need(what, lambda evidence: set(evidence.landscape[kind]["seed"]))


def by_magnitude(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns the rows whose treatment is iterative rewinding by magnitude with pruned weights at zero."""
    usual = Treatment()
    return rows_where(rows, **{name: getattr(usual, name) for name in ("criterion", "mask1", "mask0", "rounds")})


def seed_means(rows: pd.DataFrame, *columns: str) -> dict[str, dict[int, float]]:
    """Returns the means of columns over levels for each seed with at least three levels.

    Each treatment and level counts equally.
    """
    rows = rows.dropna(subset=list(columns))
    points = rows.groupby(["seed", "treatment", "level"])[list(columns)].mean()
    counts = points.reset_index().groupby("seed")["level"].nunique()
    means = points.groupby("seed").mean()
    means = means[means.index.map(counts) >= LEAST_LEVELS_OF_MEAN] if len(means) else means
    return {name: means[name].to_dict() for name in columns}


@claim(
    "Successive levels are connected by a line without an error barrier if and only if both match the dense network.",
    "abstract",
    [need("line", "lines between levels")],
)
def joined_if_both_match(evidence: Evidence) -> list[Condition]:
    """At least nine tenths of the pairs of matching levels are connected, and at most one tenth of the other pairs.

    Connected: the error barrier is below 2 points. Matching: the error is at most 0.2 points above the dense network's.
    At least ten pairs of each kind and three seeds are needed. All criteria and rewind points count. The claim is
    contradicted if more than half of the pairs of a kind are the other way.
    """
    lines = evidence.landscape["line"]
    pairs = successive(lines)
    joined, seeds = pairs["error_barrier"] < STABLE, pairs["seed"].nunique()
    conditions = []
    for matches, what in ((True, "both match"), (False, "not both match")):
        some = joined[pairs["matches"] == matches]
        text = f"{what}: {int(some.sum())} of {len(some)} pairs connected; n = {seeds}"
        share = some.mean() if matches else 1 - some.mean()
        verdict = Verdict.SHOWN if share >= SHOWN_FROM else Verdict.NOT_SHOWN
        if share < CONTRADICTED_BELOW:
            verdict = Verdict.CONTRADICTED
        enough = seeds >= LEAST_SEEDS and len(some) >= LEAST_PAIRS
        conditions.append(Condition(verdict if enough else Verdict.NO_DATA, text))
    return conditions


@claim(
    "SGD returns to the same mode after a perturbation that has the length of the mask's projection.",
    "abstract",
    [need("perturbation", "perturbed rewind points")],
)
def returns_to_its_mode(evidence: Evidence) -> list[Condition]:
    """The error barrier between networks trained from the perturbed and unperturbed rewind point is below 2 points.

    The perturbation is as long as the mask's projection. A seed's value is the mean over the levels that match (at most
    0.2 points more error than the dense network).
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
    """At the same levels, the curvature along random pruning is above the curvature along magnitude pruning."""
    rays = by_magnitude(evidence.landscape["ray"])
    rays = rays[rays["position"] == 1]
    wide = _side_by_side(rays, "direction", "curvature", (AT_RANDOM, BY_MAGNITUDE))
    return [above(AT_RANDOM, BY_MAGNITUDE, seed_means(wide, AT_RANDOM, BY_MAGNITUDE), NUMBERS)]


@claim("More can be pruned at once by magnitude than at random.", ON_FLATNESS, [need("limit", "limits of pruning")])
def magnitude_prunes_more(evidence: Evidence) -> list[Condition]:
    """The share that can be pruned at once by magnitude is above that at random, both as predicted and as found."""
    limits = by_magnitude(evidence.landscape["limit"])
    conditions = []
    for method in (QUADRATIC, FOUND):
        wide = _side_by_side(
            limits[limits["method"] == method], "pruned_by", "pruned_fraction", (BY_MAGNITUDE, AT_RANDOM)
        )
        condition = above(BY_MAGNITUDE, AT_RANDOM, seed_means(wide, BY_MAGNITUDE, AT_RANDOM))
        conditions.append(Condition(condition.verdict, f"{method}: {condition.text}"))
    return conditions


@claim(
    "The Hessian and the length of the projection predict how much can be pruned at once.",
    "abstract",
    [need("limit", "limits of pruning")],
)
def predicts_the_limit(evidence: Evidence) -> list[Condition]:
    """The prediction (subspace meets bowl) is nearer to the share found after retraining than the best guess is.

    The best guess is one value for all levels of a seed: the median of the shares found at them. A seed's values are
    the mean distances over its levels. Pruning is by magnitude.
    """
    limits = by_magnitude(evidence.landscape["limit"])
    wide = _side_by_side(
        limits[limits["pruned_by"] == BY_MAGNITUDE], "method", "pruned_fraction", (SUBSPACE, FOUND_RETRAINED)
    )
    guess = wide.groupby("seed")[FOUND_RETRAINED].transform("median")
    wide = wide.assign(
        **{
            "the best guess": (guess - wide[FOUND_RETRAINED]).abs(),
            "prediction": (wide[SUBSPACE] - wide[FOUND_RETRAINED]).abs(),
        }
    )
    return [above("the best guess", "prediction", seed_means(wide, "the best guess", "prediction"))]


@claim("Retraining makes new small weights, below the next threshold.", "abstract", [need("threshold", "magnitudes")])
def retraining_makes_small_weights(evidence: Evidence) -> list[Condition]:
    """The share of kept weights at or below the next round's threshold is greater after retraining than before."""
    rows = by_magnitude(evidence.landscape["threshold"])
    rows = rows[rows["layer"] == WHOLE_NETWORK].rename(columns={"share_before": "before", "share_after": "after"})
    return [above("after", "before", seed_means(rows, "after", "before"))]


def _side_by_side(rows: pd.DataFrame, by: str, value: str, columns: tuple[str, str]) -> pd.DataFrame:
    """Returns one row for each seed, treatment and level that has both columns."""
    wide = rows.pivot_table(index=["seed", "treatment", "level"], columns=by, values=value)
    return wide.reindex(columns=list(columns)).dropna().reset_index()
