"""The claims of Zhou et al. about trained networks, each with its test.

The rules follow from the words of the claims, are the same for all networks, and were not fitted to results. Two of
them (`best_speed_and_accuracy`, and `untrained_at_chance` of Supermasks) were made stricter after the first results;
their verdicts did not change. "As good as" first meant nine tenths of the lead over random pruning. Since that is a
different number of points on each schedule, it was replaced by a test of equivalence within one margin. "Above" and "as
good as" are tested by `verdicts.above` and `verdicts.equivalent`, on means over levels.

A claim that compares lines of one figure is an entry: `claim_above` or `claim_as_good` makes its data, its rule and its
test from the names of the lines. Any other claim is a function, and its docstring is the rule.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import fmean

from analysis.claims.claim import NEED_DENSE, claims_of, need_lines
from analysis.claims.evidence import LEAST_LEVELS_OF_PART, Evidence, over_levels
from analysis.claims.verdicts import (
    ITERATIONS,
    LEAST_SEEDS,
    PERCENTAGE_POINTS,
    Condition,
    Unit,
    Verdict,
    above,
    earlier,
    equivalent,
)
from analysis.statistics.figure_lines import METRICS
from analysis.statistics.significance_tests import BETTER
from lottery_tf.landscape.interpolation import MATCHING
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import DENSE
from lottery_tf.studies import paper

CRITERION_LINES, ACTION_LINES, FROZEN_LINES = (
    paper.FIGURE_LINES[name].lines for name in ("figure3", "figure4", "figure5")
)
MASK0_CONTROL_LINES = paper.FIGURE_LINES["supplement"].lines
SIGN_PAIRS = tuple((action, f"{action}, init sign") for action in paper.MASK1_VARIANTS)
NEED_SIGNS = need_lines(ACTION_LINES, *itertools.chain(*SIGN_PAIRS))
MOST_PRUNED = range(paper.LEVELS * 3 // 4 + 1, paper.LEVELS + 1)  # for "high levels of pruning": the last quarter
FRONT_RUNNERS = ("large_final", "magnitude_increase")
SMALL_CRITERIA = tuple(small for _, small in paper.OPPOSITES)
RANDOM_AND_SMALL_LINES = {name: CRITERION_LINES[name] for name in ("random", *SMALL_CRITERIA)}
SIMILAR_ACTIONS = ("reshuffle, init sign", "constant, init sign")
SIMILAR_LINES = {name: ACTION_LINES[name] for name in (*SIMILAR_ACTIONS, "rewind")}
HALF_TO_NINE_TENTHS_PRUNED, NEARLY_ALL_PRUNED = (0.1, 0.5), (0.005, 0.05)  # as kept fractions

CLAIMS, claim = claims_of("Zhou et al.")


def _means(evidence: Evidence, lines: Mapping[str, Treatment], names: Iterable[str], **which) -> dict:
    """Returns `over_levels` of the named lines of a figure, over the levels that these lines share."""
    return over_levels({name: evidence.line(lines[name]) for name in names}, **which)


def _above(evidence: Evidence, lines: Mapping[str, Treatment], a: str, b: str, part: range | None = None) -> Condition:
    which = {} if part is None else {"levels": part, "least_levels": LEAST_LEVELS_OF_PART}
    return above(a, b, _means(evidence, lines, (a, b), **which))


def _as_good(evidence: Evidence, lines: Mapping[str, Treatment], a: str, b: str) -> Condition:
    return equivalent(a, b, _means(evidence, lines, (a, b)), evidence.margin)


def claim_above(
    sentence: str,
    section: str,
    lines: Mapping[str, Treatment],
    better: str,
    *others: str,
    part: range | None = None,
    rule: str = "The line {} is {}.",
    **which,
) -> None:
    """Adds the claim that one line of a figure is above others. Its data, rule and test follow from their names.

    Args:
      sentence: the claim in words.
      section: the section that makes the claim.
      lines: the lines of the figure. Missing ones are listed in this order.
      better: the line that is above the others.
      *others: the lines that it is above.
      part: the levels that count; None: all.
      rule: the rule, with {} for the line and for "above A and above B".
      **which: further fields of the `Claim`.
    """

    def test(evidence: Evidence) -> list[Condition]:
        return [_above(evidence, lines, better, other, part) for other in others]

    rule = rule.format(better, _listed([f"above {name}" for name in others]))
    needs = need_lines(lines, *(name for name in lines if name in (better, *others)), part=part)
    claim(sentence, section, needs, rule=rule, **which)(test)


def claim_as_good(sentence: str, section: str, lines: Mapping[str, Treatment], standard: str, *names: str) -> None:
    """Adds the claim that one or two lines of a figure are as good as the first that is named; see `claim_above`."""

    def test(evidence: Evidence) -> list[Condition]:
        return [_as_good(evidence, lines, name, standard) for name in names]

    rule = f"{_listed(names)} {'are both' if len(names) == 2 else 'is'} as good as {standard}, within the margin."
    needs = need_lines(lines, *(name for name in lines if name in (standard, *names)))
    claim(sentence, section, [*needs, NEED_DENSE], rule=rule)(test)


def _listed(texts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))


@claim(
    "Networks with 50 to 90 percent of their weights pruned outperform the unpruned network.",
    "Section 1, of Frankle & Carbin",
    [*need_lines(CRITERION_LINES, "large_final", part=HALF_TO_NINE_TENTHS_PRUNED), NEED_DENSE],
)
def tickets_beat_dense(evidence: Evidence) -> list[Condition]:
    """large_final with 10 to 50% of the weights kept is above the dense network."""
    return [above("large_final", DENSE, _with_dense(evidence, *HALF_TO_NINE_TENTHS_PRUNED))]


@claim(
    "Networks with 95 to 99.5 percent of their weights pruned show no drop in performance.",
    "Section 1, of Frankle & Carbin",
    [*need_lines(CRITERION_LINES, "large_final", part=NEARLY_ALL_PRUNED), NEED_DENSE],
)
def tickets_match_dense(evidence: Evidence) -> list[Condition]:
    """large_final with 0.5 to 5% of the weights kept is above the dense network minus 0.2 points."""
    means, bound = _with_dense(evidence, *NEARLY_ALL_PRUNED), f"{DENSE} minus {100 * MATCHING:.1f} points"
    return [above("large_final", bound, {**means, bound: {seed: v - MATCHING for seed, v in means[DENSE].items()}})]


def _with_dense(evidence: Evidence, least: float, greatest: float) -> dict[str, dict[int, float]]:
    """Returns the accuracies of large_final, over at least three levels between two kept fractions, and of dense."""
    levels = evidence.levels_between(least, greatest)
    means = _means(evidence, CRITERION_LINES, ["large_final"], levels=levels, least_levels=LEAST_LEVELS_OF_PART)
    return means | {DENSE: evidence.dense()}


@claim(
    "In each opposing pair of criteria, one criterion is better than random and the other is worse.",
    "Section 2",
    need_lines(CRITERION_LINES, *itertools.chain(*paper.OPPOSITES), "random"),
)
def opposing_pairs(evidence: Evidence) -> list[Condition]:
    """For each pair, the criterion with the higher mean over levels is above random, and random is above the other."""
    conditions = []
    for pair in paper.OPPOSITES:
        means = _means(evidence, CRITERION_LINES, (*pair, "random"))
        better, worse = sorted(pair, key=lambda name: -sum(means[name].values()))
        conditions += [above(better, "random", means), above("random", worse, means)]
    return conditions


claim_as_good(
    "magnitude_increase works just as well as large_final.", "Section 2",
    CRITERION_LINES, "large_final", "magnitude_increase",
)  # fmt: skip
claim_above(
    "magnitude_increase has slightly higher accuracy than large_final in Conv2 and Conv4.", "Figure 3",
    CRITERION_LINES, "magnitude_increase", "large_final", rule="{} is {}.", networks=("conv2", "conv4"),
)  # fmt: skip


@claim(
    "large_final and magnitude_increase show the best convergence speed and accuracy.",
    "Figure 3",
    need_lines(CRITERION_LINES, *CRITERION_LINES),
)
def best_speed_and_accuracy(evidence: Evidence) -> list[Condition]:
    """The worse of large_final and magnitude_increase is better than the best of the other criteria.

    This is tested for early stopping (earlier) and for accuracy (above). Worse and best are by the mean over levels.
    """
    return [
        _front_runners(evidence, "early_stop_iteration", ITERATIONS, earlier),
        _front_runners(evidence, "test_accuracy", PERCENTAGE_POINTS, above),
    ]


def _front_runners(evidence: Evidence, metric: str, unit: Unit, better: Callable[..., Condition]) -> Condition:
    means = over_levels({name: evidence.line(treatment, metric) for name, treatment in CRITERION_LINES.items()})
    if (seeds := len(means["random"])) < LEAST_SEEDS:
        return Condition(Verdict.NO_DATA, f"all nine criteria: n = {seeds}")
    sign = BETTER[METRICS[metric].better]
    ranked = sorted(means, key=lambda name: -sign * fmean(means[name].values()))
    first = [name for name in ranked if name in FRONT_RUNNERS]
    others = [name for name in ranked if name not in FRONT_RUNNERS]
    text = ", ".join(f"{name} {unit.factor * fmean(means[name].values()):{unit.form}}" for name in ranked)
    return better(first[-1], others[0], means).with_note(f"{metric}: {text}")


claim_above(
    "Criteria that keep small weights are consistently worse than random.", "Figure 3",
    RANDOM_AND_SMALL_LINES, "random", *SMALL_CRITERIA,
)  # fmt: skip
claim_above(
    "reinit, reshuffle and constant alone all train worse than rewinding.", "Section 3",
    ACTION_LINES, "rewind", *paper.MASK1_VARIANTS,
)  # fmt: skip


@claim(
    "reinit, reshuffle and constant work better when kept weights get the signs of their initial values.",
    "Section 3",
    NEED_SIGNS,
)
def signs_matter(evidence: Evidence) -> list[Condition]:
    """Each of reinit, reshuffle and constant with the signs of the initial values is above the same without them."""
    return [_above(evidence, ACTION_LINES, signed, action) for action, signed in SIGN_PAIRS]


claim_as_good(
    "reshuffle, init sign and constant, init sign perform similarly to rewind.", "Figure 4",
    SIMILAR_LINES, "rewind", *SIMILAR_ACTIONS,
)  # fmt: skip


@claim(
    "The signs of the initial weights are crucial, not their relative magnitudes.",
    "Sections 3 and 6",
    [*NEED_SIGNS, *need_lines(ACTION_LINES, "rewind"), NEED_DENSE],
)
def only_signs_matter(evidence: Evidence) -> list[Condition]:
    """All three actions are better with the initial signs (see above), and constant, init sign is as good as rewind."""
    return [*signs_matter(evidence), _as_good(evidence, ACTION_LINES, "constant, init sign", "rewind")]


claim_above(
    "Freezing pruned weights at zero is better than at their initial values.", "Section 4",
    FROZEN_LINES, "zero", "init", rule="Freezing at zero is above freezing at the initial values.",
)  # fmt: skip
claim_above(
    "At high levels of pruning, freezing at the initial values is better.", 'Section 4 ("may perform better")',
    FROZEN_LINES, "init", "zero", part=MOST_PRUNED,
    rule="Freezing at the initial values is above freezing at zero over the last quarter of the levels.",
)  # fmt: skip
claim_above(
    "The hybrid of zero and init is better than zero and than init.", "Section 4",
    FROZEN_LINES, "hybrid", "zero", "init",
)  # fmt: skip
claim_above(
    "Freezing at zero helps because those weights were moving towards zero anyway.",
    "Section 4 (hypothesis), with the controls of Section S2",
    MASK0_CONTROL_LINES, "hybrid", "hybrid_random", "hybrid_reverse",
    rule="The line hybrid is above hybrid_random (as many random zeros) and hybrid_reverse (zeros where weights grew).",
)  # fmt: skip
