"""The claims of Zhou et al., each as a test on the data; `analysis.claims` runs them.

What counts as shown follows from the words of each claim, is the same for all networks, and was not fitted to results:
two rules (`best_speed_and_accuracy`, `untrained_at_chance`) were made stricter after first results, whose verdicts
stayed. `as_well_as` was nine tenths of the lead over random at first; that is a different number of points on each
schedule, so it became a test of equivalence within one margin. A test's docstring is its rule. "Above" and "as well as"
are those of `analysis.claims.verdicts`, on means over levels.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from statistics import fmean

import pandas as pd

from analysis.claims.evidence import LEAST_OF_PART, NEED_DENSE, Evidence, best, need_lines, over_levels
from analysis.claims.verdicts import (
    LEAST_SEEDS,
    Condition,
    Need,
    Verdict,
    above,
    above_value,
    as_well_as,
    claims_of,
    earlier,
)
from analysis.results.load import FINISHED
from analysis.tables.table1 import HOW_LEARNED, learned_how, learned_of_column, ways_learned
from lottery_tf.landscape.interpolation import MATCHING
from lottery_tf.models.settings import DATASETS
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import DENSE
from lottery_tf.studies import paper

CRITERIA, ACTIONS, FROZEN = (paper.FIGURES[name].lines for name in ("figure3", "figure4", "figure5"))
CONTROLS = paper.FIGURES["supplement"].lines
MOST_PRUNED = range(paper.LEVELS * 3 // 4 + 1, paper.LEVELS + 1)  # "high levels of pruning": the last quarter
FRONT_RUNNERS = ("large_final", "magnitude_increase")
SIMILAR_ACTIONS = ("reshuffle, init sign", "constant, init sign")
SAME_SIGN = "large_final_same_sign"
LEARNED = "learned mask x initial"
AT_CHANCE = 0.02  # how far above guessing is still "no better than chance"
HALF_TO_NINE_TENTHS_PRUNED, NEARLY_ALL_PRUNED = (0.1, 0.5), (0.005, 0.05)  # as kept fractions

CLAIMS, claim = claims_of("Zhou et al.")


def need_masks(*criteria: str) -> list[Need]:
    """One-shot masks of these criteria over untrained weights (of both kinds, which are made together), at half of the kept percentages."""

    def need(criterion: str) -> Need:
        return Need(f"{criterion} masks", lambda evidence: set(evidence.one_shot(criterion, "initial")["seed"]))

    return [need(criterion) for criterion in criteria]


def mask_name(criterion: str, weights: str) -> str:
    """What a heuristic mask over a kind of weights is called."""
    return f"{criterion} mask x {weights.replace('_', ' ')}"


NEED_LEARNED = Need(LEARNED, lambda evidence: set(learned_of_column(evidence.learned_masks, LEARNED)["seed"]))


def _means(evidence: Evidence, lines: dict[str, Treatment], names: Iterable[str], **which) -> dict:
    """`over_levels` of the named lines of a figure; the levels of each comparison are its own lines'."""
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
    return [above("large_final", DENSE, _beside_dense(evidence, *HALF_TO_NINE_TENTHS_PRUNED))]


@claim(
    "Networks with 95 to 99.5 percent of their weights pruned show no drop in performance.",
    "Section 1, of Frankle & Carbin",
    [*need_lines(CRITERIA, "large_final", part=NEARLY_ALL_PRUNED), NEED_DENSE],
)
def tickets_match_dense(evidence: Evidence) -> list[Condition]:
    """large_final with 0.5 to 5% of the weights kept is above the dense network less 0.2 points."""
    means, bound = _beside_dense(evidence, *NEARLY_ALL_PRUNED), f"{DENSE} less {100 * MATCHING:.1f} points"
    return [above("large_final", bound, {**means, bound: {seed: v - MATCHING for seed, v in means[DENSE].items()}})]


def _beside_dense(evidence: Evidence, least: float, greatest: float) -> dict[str, dict[int, float]]:
    """large_final over the levels between two kept fractions, three at least, and the dense network's accuracy."""
    levels = evidence.levels_between(least, greatest)
    means = _means(evidence, CRITERIA, ["large_final"], levels=levels, least_levels=LEAST_OF_PART)
    return means | {DENSE: evidence.trained()}


@claim(
    "Of each opposing pair of criteria one member is better than random and the other is worse.",
    "Section 2",
    need_lines(CRITERIA, *itertools.chain(*paper.OPPOSITES), "random"),
)
def opposing_pairs(evidence: Evidence) -> list[Condition]:
    """For each pair, the member with the higher mean over levels is above random, and random above the other."""
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
    """magnitude_increase is as good as large_final within the margin."""
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
    """The worse of large_final and magnitude_increase, by its mean, stops earlier than the best of the other seven criteria; the
    same of accuracies, where it is above."""
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
    return better(first[-1], others[0], means).noted(f"{measure}: {text}")


@claim(
    "Criteria that keep small weights are consistently worse than random.",
    "Figure 3",
    need_lines(CRITERIA, "random", *(small for _, small in paper.OPPOSITES)),
)
def small_weights_worse(evidence: Evidence) -> list[Condition]:
    """random is above small_final, above small_init and above small_init_small_final."""
    return [_above(evidence, CRITERIA, "random", small) for _, small in paper.OPPOSITES]


@claim(
    "None of reinit, reshuffle and constant alone trains as well as rewinding.",
    "Section 3",
    need_lines(ACTIONS, "rewind", *paper.MASK1_VARIANTS),
)
def reinitialized_worse(evidence: Evidence) -> list[Condition]:
    """rewind is above reinit, above reshuffle and above constant."""
    return [_above(evidence, ACTIONS, "rewind", action) for action in paper.MASK1_VARIANTS]


NEED_SIGNS = need_lines(
    ACTIONS, *(name for action in paper.MASK1_VARIANTS for name in (action, f"{action}, init sign"))
)


@claim("All three work better when kept weights have the sign of their initial values.", "Section 3", NEED_SIGNS)
def signs_matter(evidence: Evidence) -> list[Condition]:
    """Each of reinit, reshuffle and constant with the sign of the initial value is above the same without it."""
    return [_above(evidence, ACTIONS, f"{action}, init sign", action) for action in paper.MASK1_VARIANTS]


@claim(
    "reshuffle, init sign and constant, init sign perform similarly to rewind.",
    "Figure 4",
    [*need_lines(ACTIONS, *SIMILAR_ACTIONS, "rewind"), NEED_DENSE],
)
def similar_to_rewind(evidence: Evidence) -> list[Condition]:
    """reshuffle and constant with the sign of the initial value are each as good as rewind within the margin."""
    return [_as_well_as(evidence, ACTIONS, action, "rewind") for action in SIMILAR_ACTIONS]


@claim(
    "Of the initialization the sign is crucial, not the relative magnitude.",
    "Sections 3 and 6",
    [*NEED_SIGNS, *need_lines(ACTIONS, "rewind"), NEED_DENSE],
)
def only_signs_matter(evidence: Evidence) -> list[Condition]:
    """Signs matter (the test above), and one magnitude for all is no loss: constant, init sign as good as rewind within the margin."""
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
    """The hybrid is above zero and above init."""
    return [_above(evidence, FROZEN, "hybrid", other) for other in ("zero", "init")]


@claim(
    "Zeros help because those weights were moving towards zero anyway.",
    "Section 4 (hypothesis), with the controls of Section S2",
    need_lines(CONTROLS, "hybrid", "hybrid_random", "hybrid_reverse"),
)
def direction_matters(evidence: Evidence) -> list[Condition]:
    """The hybrid is above as many zeros at random places, and above zeros where weights had grown."""
    return [_above(evidence, CONTROLS, "hybrid", control) for control in ("hybrid_random", "hybrid_reverse")]


@claim("A random mask over untrained weights is no better than chance.", "Section 5", need_masks("random"))
def untrained_at_chance(evidence: Evidence) -> list[Condition]:
    """Chance plus 2 points is above the mean over levels of random masks over untrained weights."""
    means = evidence.one_shot("random", "initial").groupby("seed")["test_accuracy"].mean().to_dict()
    name, bound = mask_name("random", "initial"), f"chance plus {100 * AT_CHANCE:.0f} points"
    return [above(bound, name, {name: means, bound: dict.fromkeys(means, _chance(evidence) + AT_CHANCE)})]


@claim(
    "A large_final mask over untrained weights is far better than chance on MNIST.",
    "Section 5",
    need_masks("large_final"),
    networks=("fc",),
)
def large_final_mask_above_chance(evidence: Evidence) -> list[Condition]:
    """The best large_final mask over untrained initial weights is above twice chance."""
    return [_above_twice_chance(evidence, "large_final", "initial")]


@claim("With a well-chosen mask an untrained network is far better than chance.", "Section 5", need_masks(SAME_SIGN))
def supermasks_above_chance(evidence: Evidence) -> list[Condition]:
    """The best large_final_same_sign mask is above twice chance, over initial weights and over the signed constant."""
    return [_above_twice_chance(evidence, SAME_SIGN, weights) for weights in SUPERMASK_WEIGHTS]


def _chance(evidence: Evidence) -> float:
    """The accuracy of guessing; NaN, which counts as no run, for data whose classes are not known."""
    dataset = evidence.key[1]
    return 1 / DATASETS[dataset].classes if dataset in DATASETS else float("nan")


def _above_twice_chance(evidence: Evidence, criterion: str, weights: str) -> Condition:
    runs = best(evidence.one_shot(criterion, weights))
    return above_value(mask_name(criterion, weights), runs, 2 * _chance(evidence), "twice chance")


@claim(
    "large_final_same_sign makes the best heuristic Supermask.",
    "Section 5, Figure 7",
    need_masks(*(ladder.criterion for ladder in paper.HEURISTIC_MASK_SOURCES)),
)
def same_sign_best(evidence: Evidence) -> list[Condition]:
    """The best large_final_same_sign mask is above the best mask of the runner-up, for both kinds of weights.

    The best mask of a criterion is chosen by each seed's validation images; the runner-up is the criterion of the
    highest mean test accuracy among all others of the paper.
    """
    return [_above_runner_up(evidence, weights) for weights in SUPERMASK_WEIGHTS]


def _above_runner_up(evidence: Evidence, weights: str) -> Condition:
    criteria = [ladder.criterion for ladder in paper.HEURISTIC_MASK_SOURCES]
    runs = {mask_name(name, weights): best(evidence.one_shot(name, weights)) for name in criteria}
    if few := [name for name, values in runs.items() if len(values) < LEAST_SEEDS]:
        return Condition(Verdict.NO_DATA, f"{few[0]}: n = {len(runs[few[0]])}")
    same_sign = mask_name(SAME_SIGN, weights)
    runner_up = max(runs.keys() - {same_sign}, key=lambda name: fmean(runs[name].values()))
    return above(same_sign, runner_up, runs)


@claim(
    "Supermasks are better over the signed constant than over the initial weights.",
    "Section 5",
    need_masks(SAME_SIGN),
)
def signed_constant_better(evidence: Evidence) -> list[Condition]:
    """The best large_final_same_sign mask over the signed constant is above the best over the initial weights."""
    runs = {
        f"x {weights.replace('_', ' ')}": best(evidence.one_shot(SAME_SIGN, weights)) for weights in SUPERMASK_WEIGHTS
    }
    return [above("x signed constant", "x initial", runs)]


@claim(
    "Learned Supermasks are better than heuristic ones.",
    "Section 5.1, Table 1",
    [NEED_LEARNED, *need_masks(SAME_SIGN)],
)
def learned_better_than_heuristic(evidence: Evidence) -> list[Condition]:
    """The learned mask over initial weights is above the best large_final_same_sign mask over them."""
    way, learned = evidence.learned(LEARNED)
    heuristic = best(evidence.one_shot(SAME_SIGN, "initial"))
    return [above("learned", SAME_SIGN, {"learned": learned, SAME_SIGN: heuristic}).noted(way)]


@claim(
    "Learning a Supermask comes not too far from training the network.",
    "Section 5.1, Table 1",
    [NEED_LEARNED, *need_masks(SAME_SIGN), NEED_DENSE],
)
def learned_near_trained(evidence: Evidence) -> list[Condition]:
    """The learned mask over initial weights is above the middle between the best heuristic mask and the trained network."""
    way, learned = evidence.learned(LEARNED)
    heuristic, trained = best(evidence.one_shot(SAME_SIGN, "initial")), evidence.trained()
    middle = {seed: (heuristic[seed] + trained[seed]) / 2 for seed in heuristic if seed in trained}
    return [above("learned", "the middle", {"learned": learned, "the middle": middle}).noted(way)]


def _learned_with_both(evidence: Evidence) -> pd.DataFrame:
    """The test accuracies of masks that were learned, in every other way alike, with both kinds of g: a column a kind."""
    alike = ["seed", "weights", "rescale", "initial_logit", "l1", *HOW_LEARNED]
    rows = evidence.learned_masks
    rows = rows[(rows["status"] == FINISHED) & rows["g"].isin(["bernoulli", "rounded"])]
    wide = rows.pivot(index=alike, columns="g", values="test_accuracy")
    return wide.reindex(columns=["bernoulli", "rounded"]).dropna().reset_index()


@claim(
    "Sampling the mask works slightly better than rounding it.",
    "Section 5.1",
    [Need("masks learned with both", lambda evidence: set(_learned_with_both(evidence)["seed"]))],
    of_learned_masks=True,
)
def bernoulli_better(evidence: Evidence) -> list[Condition]:
    """Masks learned with g = Bern(sigmoid(m)) are above those with sigmoid(m) rounded, otherwise learned the same way.

    A seed's value is the mean over all settings that were learned with both.
    """
    pairs = _learned_with_both(evidence)
    means = pairs.groupby("seed")[["bernoulli", "rounded"]].mean()
    ways = dict.fromkeys(learned_how(*how) for how in pairs[list(HOW_LEARNED)].itertuples(index=False, name=None))
    return [above("bernoulli", "rounded", {name: means[name].to_dict() for name in means}).noted("; ".join(ways))]


@claim(
    "The initial logit nudges the network toward pruning more or less.",
    "Section 5.1",
    [NEED_LEARNED],
    of_learned_masks=True,
)
def logit_nudges_pruning(evidence: Evidence) -> list[Condition]:
    """The pruned percentage at each of the paper's five initial logits is above that at the next, learned one way.

    Of the ways in which all five were learned with three seeds at least, the longest counts.
    """
    rows = learned_of_column(evidence.learned_masks, LEARNED)
    rows = rows.assign(step=rows["step"].astype(float))
    found = [Condition(Verdict.NO_DATA, "no way of learning has all five initial logits for three seeds")]
    for way, masks in ways_learned(rows):
        table = masks.pivot(index="seed", columns="step", values="pruned_fraction").dropna()
        if len(table) >= LEAST_SEEDS and list(table) == list(paper.INITIAL_LOGITS):
            runs = {f"pruned at m = {logit:g}": table[logit].to_dict() for logit in table}
            found = [above(a, b, runs).noted(way) for a, b in itertools.pairwise(runs)]
    return found
