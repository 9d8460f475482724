"""The claims of Zhou et al. about trained networks, each with its test.

The docstring of a test is its rule. The rules follow from the words of the claims, are the same for all networks, and
were not fitted to results. Two of them (`best_speed_and_accuracy`, and `untrained_at_chance` of Supermasks) were made
stricter after the first results; their verdicts did not change. "As good as" first meant nine tenths of the lead over
random pruning. Since that is a different number of points on each schedule, it was replaced by a test of equivalence
within one margin. "Above" and "as good as" are tested by `verdicts.above` and `verdicts.as_well_as`, on means over
levels.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from statistics import fmean

from analysis.claims.claim import NEED_DENSE, claims_of, need_lines
from analysis.claims.evidence import LEAST_OF_PART, Evidence, over_levels
from analysis.claims.verdicts import LEAST_SEEDS, Condition, Verdict, above, as_well_as, earlier
from lottery_tf.landscape.interpolation import MATCHING
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import DENSE
from lottery_tf.studies import paper

CRITERIA, ACTIONS, FROZEN = (paper.FIGURES[name].lines for name in ("figure3", "figure4", "figure5"))
CONTROLS = paper.FIGURES["supplement"].lines
MOST_PRUNED = range(paper.LEVELS * 3 // 4 + 1, paper.LEVELS + 1)  # for "high levels of pruning": the last quarter
FRONT_RUNNERS = ("large_final", "magnitude_increase")
SIMILAR_ACTIONS = ("reshuffle, init sign", "constant, init sign")
HALF_TO_NINE_TENTHS_PRUNED, NEARLY_ALL_PRUNED = (0.1, 0.5), (0.005, 0.05)  # as kept fractions

CLAIMS, claim = claims_of("Zhou et al.")


def _means(evidence: Evidence, lines: dict[str, Treatment], names: Iterable[str], **which) -> dict:
    """Returns `over_levels` of the named lines of a figure, over the levels that these lines share."""
    return over_levels({name: evidence.line(lines[name]) for name in names}, **which)


def _above(evidence: Evidence, lines: dict[str, Treatment], a: str, b: str, **which) -> Condition:
    return above(a, b, _means(evidence, lines, (a, b), **which))


def _as_well_as(evidence: Evidence, lines: dict[str, Treatment], a: str, b: str) -> Condition:
    return as_well_as(a, b, _means(evidence, lines, (a, b)), evidence.margin)


@claim(
    "Networks with 50 to 90 percent of their weights pruned outperform the unpruned network.",
    "Section 1, of Frankle & Carbin",
    [*need_lines(CRITERIA, "large_final", part=HALF_TO_NINE_TENTHS_PRUNED), NEED_DENSE],
)
def tickets_beat_dense(evidence: Evidence) -> list[Condition]:
    """large_final with 10 to 50% of the weights kept is above the dense network."""
    return [above("large_final", DENSE, _with_dense(evidence, *HALF_TO_NINE_TENTHS_PRUNED))]


@claim(
    "Networks with 95 to 99.5 percent of their weights pruned show no drop in performance.",
    "Section 1, of Frankle & Carbin",
    [*need_lines(CRITERIA, "large_final", part=NEARLY_ALL_PRUNED), NEED_DENSE],
)
def tickets_match_dense(evidence: Evidence) -> list[Condition]:
    """large_final with 0.5 to 5% of the weights kept is above the dense network minus 0.2 points."""
    means, bound = _with_dense(evidence, *NEARLY_ALL_PRUNED), f"{DENSE} minus {100 * MATCHING:.1f} points"
    return [above("large_final", bound, {**means, bound: {seed: v - MATCHING for seed, v in means[DENSE].items()}})]


def _with_dense(evidence: Evidence, least: float, greatest: float) -> dict[str, dict[int, float]]:
    """Returns the accuracies of large_final, over at least three levels between two kept fractions, and of dense."""
    levels = evidence.levels_between(least, greatest)
    means = _means(evidence, CRITERIA, ["large_final"], levels=levels, least_levels=LEAST_OF_PART)
    return means | {DENSE: evidence.trained()}


@claim(
    "In each opposing pair of criteria, one criterion is better than random and the other is worse.",
    "Section 2",
    need_lines(CRITERIA, *itertools.chain(*paper.OPPOSITES), "random"),
)
def opposing_pairs(evidence: Evidence) -> list[Condition]:
    """For each pair, the criterion with the higher mean over levels is above random, and random is above the other."""
    found = []
    for pair in paper.OPPOSITES:
        means = _means(evidence, CRITERIA, (*pair, "random"))
        better, worse = sorted(pair, key=lambda name: -sum(means[name].values()))
        found += [above(better, "random", means), above("random", worse, means)]
    return found


@claim(
    "magnitude_increase works just as well as large_final.",
    "Section 2",
    [*need_lines(CRITERIA, *FRONT_RUNNERS), NEED_DENSE],
)
def magnitude_increase_as_good(evidence: Evidence) -> list[Condition]:
    """magnitude_increase is as good as large_final, within the margin."""
    return [_as_well_as(evidence, CRITERIA, "magnitude_increase", "large_final")]


@claim(
    "magnitude_increase has slightly higher accuracy than large_final in Conv2 and Conv4.",
    "Figure 3",
    need_lines(CRITERIA, *FRONT_RUNNERS),
    networks=("conv2", "conv4"),
)
def magnitude_increase_better(evidence: Evidence) -> list[Condition]:
    """magnitude_increase is above large_final."""
    return [_above(evidence, CRITERIA, "magnitude_increase", "large_final")]


@claim(
    "large_final and magnitude_increase show the best convergence speed and accuracy.",
    "Figure 3",
    need_lines(CRITERIA, *CRITERIA),
)
def best_speed_and_accuracy(evidence: Evidence) -> list[Condition]:
    """The worse of large_final and magnitude_increase is better than the best of the other criteria.

    This is tested for early stopping (earlier) and for accuracy (above). Worse and best are by the mean over levels.
    """
    return [
        _front_runners(evidence, "early_stop_iteration", -1, earlier),
        _front_runners(evidence, "test_accuracy", +1, above),
    ]


def _front_runners(evidence: Evidence, measure: str, sign: int, better: Callable[..., Condition]) -> Condition:
    means = over_levels({name: evidence.line(treatment, measure) for name, treatment in CRITERIA.items()})
    if (seeds := len(means["random"])) < LEAST_SEEDS:
        return Condition(Verdict.NO_DATA, f"all nine criteria: n = {seeds}")
    ranked = sorted(means, key=lambda name: -sign * fmean(means[name].values()))
    first = [name for name in ranked if name in FRONT_RUNNERS]
    others = [name for name in ranked if name not in FRONT_RUNNERS]
    factor, digits = (100, 2) if sign > 0 else (1, 0)
    text = ", ".join(f"{name} {factor * fmean(means[name].values()):.{digits}f}" for name in ranked)
    return better(first[-1], others[0], means).with_note(f"{measure}: {text}")


@claim(
    "Criteria that keep small weights are consistently worse than random.",
    "Figure 3",
    need_lines(CRITERIA, "random", *(small for _, small in paper.OPPOSITES)),
)
def small_weights_worse(evidence: Evidence) -> list[Condition]:
    """The line random is above small_final, above small_init and above small_init_small_final."""
    return [_above(evidence, CRITERIA, "random", small) for _, small in paper.OPPOSITES]


@claim(
    "reinit, reshuffle and constant alone all train worse than rewinding.",
    "Section 3",
    need_lines(ACTIONS, "rewind", *paper.MASK1_VARIANTS),
)
def reinitialized_worse(evidence: Evidence) -> list[Condition]:
    """The line rewind is above reinit, above reshuffle and above constant."""
    return [_above(evidence, ACTIONS, "rewind", action) for action in paper.MASK1_VARIANTS]


NEED_SIGNS = need_lines(
    ACTIONS, *(name for action in paper.MASK1_VARIANTS for name in (action, f"{action}, init sign"))
)


@claim(
    "reinit, reshuffle and constant work better when kept weights get the signs of their initial values.",
    "Section 3",
    NEED_SIGNS,
)
def signs_matter(evidence: Evidence) -> list[Condition]:
    """Each of reinit, reshuffle and constant with the signs of the initial values is above the same without them."""
    return [_above(evidence, ACTIONS, f"{action}, init sign", action) for action in paper.MASK1_VARIANTS]


@claim(
    "reshuffle, init sign and constant, init sign perform similarly to rewind.",
    "Figure 4",
    [*need_lines(ACTIONS, *SIMILAR_ACTIONS, "rewind"), NEED_DENSE],
)
def similar_to_rewind(evidence: Evidence) -> list[Condition]:
    """reshuffle, init sign and constant, init sign are both as good as rewind, within the margin."""
    return [_as_well_as(evidence, ACTIONS, action, "rewind") for action in SIMILAR_ACTIONS]


@claim(
    "The signs of the initial weights are crucial, not their relative magnitudes.",
    "Sections 3 and 6",
    [*NEED_SIGNS, *need_lines(ACTIONS, "rewind"), NEED_DENSE],
)
def only_signs_matter(evidence: Evidence) -> list[Condition]:
    """All three actions are better with the initial signs (see above), and constant, init sign is as good as rewind."""
    return [*signs_matter(evidence), _as_well_as(evidence, ACTIONS, "constant, init sign", "rewind")]


@claim(
    "Freezing pruned weights at zero is better than at their initial values.",
    "Section 4",
    need_lines(FROZEN, "zero", "init"),
)
def zero_better_than_init(evidence: Evidence) -> list[Condition]:
    """Freezing at zero is above freezing at the initial values."""
    return [_above(evidence, FROZEN, "zero", "init")]


@claim(
    "At high levels of pruning, freezing at the initial values is better.",
    'Section 4 ("may perform better")',
    need_lines(FROZEN, "zero", "init", part=MOST_PRUNED),
)
def init_better_at_the_end(evidence: Evidence) -> list[Condition]:
    """Freezing at the initial values is above freezing at zero over the last quarter of the levels."""
    return [_above(evidence, FROZEN, "init", "zero", levels=MOST_PRUNED, least_levels=LEAST_OF_PART)]


@claim("The hybrid of zero and init is better than zero and than init.", "Section 4", need_lines(FROZEN, *FROZEN))
def hybrid_best(evidence: Evidence) -> list[Condition]:
    """The line hybrid is above zero and above init."""
    return [_above(evidence, FROZEN, "hybrid", other) for other in ("zero", "init")]


@claim(
    "Freezing at zero helps because those weights were moving towards zero anyway.",
    "Section 4 (hypothesis), with the controls of Section S2",
    need_lines(CONTROLS, "hybrid", "hybrid_random", "hybrid_reverse"),
)
def direction_matters(evidence: Evidence) -> list[Condition]:
    """The line hybrid is above hybrid_random (as many random zeros) and hybrid_reverse (zeros where weights grew)."""
    return [_above(evidence, CONTROLS, "hybrid", control) for control in ("hybrid_random", "hybrid_reverse")]
