"""The claims of Zhou et al., each as a test on the data; `analysis.claims` runs them.

What counts as shown follows from the words of each claim, is the same for all networks, and was not fitted to results:
two rules (`best_speed_and_accuracy`, `untrained_at_chance`) were made stricter after first results, whose verdicts stayed.
Each test's docstring is its rule; "above" is `evidence.above`, a paired one-sided t-test at p = 0.05 on means over
levels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import fmean

import pandas as pd

from analysis.evidence import (
    LEAST_SEEDS,
    Claim,
    Evidence,
    Finding,
    above,
    above_value,
    as_well_as,
    best,
    earlier,
    over_levels,
)
from analysis.results import FINISHED
from analysis.table1 import HOW_LEARNED, learned_of_column, ways_learned
from lottery_tf import paper
from lottery_tf.landscape.paths import MATCHING
from lottery_tf.settings import DATASETS
from lottery_tf.store import DENSE
from lottery_tf.ticket_format import SUPERMASK_WEIGHTS
from lottery_tf.treatments import Treatment

CRITERIA, ACTIONS, FROZEN = (paper.FIGURES[name].lines for name in ("figure3", "figure4", "figure5"))
CONTROLS = paper.FIGURES["supplement"].lines
MOST_PRUNED = range(paper.LEVELS * 3 // 4 + 1, paper.LEVELS + 1)  # "high levels of pruning": the last quarter
FRONT_RUNNERS = ("large_final", "magnitude_increase")
SAME_SIGN = "large_final_same_sign"
AT_CHANCE = 0.02  # how far above guessing is still "no better than chance"


def _means(evidence: Evidence, lines: dict[str, Treatment], names: Iterable[str], **which) -> dict:
    """`over_levels` of the named lines of a figure; the levels of each comparison are its own lines'."""
    return over_levels({name: evidence.line(lines[name]) for name in names}, **which)


def _above(evidence: Evidence, lines: dict[str, Treatment], a: str, b: str, **which) -> Finding:
    return above(a, b, _means(evidence, lines, (a, b), **which))


def opposing_pairs(evidence: Evidence) -> list[Finding]:
    """For each pair, the member with the higher mean over levels is above random, and random above the other."""
    found = []
    for pair in paper.OPPOSITES:
        means = _means(evidence, CRITERIA, (*pair, "random"))
        better, worse = sorted(pair, key=lambda name: -sum(means[name].values()))
        found += [above(better, "random", means), above("random", worse, means)]
    return found


def magnitude_increase_as_good(evidence: Evidence) -> list[Finding]:
    """magnitude_increase keeps nine tenths at least of large_final's lead over random."""
    means = _means(evidence, CRITERIA, ("magnitude_increase", "large_final", "random"))
    return [as_well_as("magnitude_increase", "large_final", "random", means)]


def magnitude_increase_better(evidence: Evidence) -> list[Finding]:
    """magnitude_increase is above large_final."""
    return [_above(evidence, CRITERIA, "magnitude_increase", "large_final")]


def _front_runners(evidence: Evidence, measure: str, sign: int, better: Callable[..., Finding]) -> Finding:
    means = over_levels({name: evidence.line(treatment, measure) for name, treatment in CRITERIA.items()})
    if (seeds := len(means["random"])) < LEAST_SEEDS:
        return Finding(None, f"all nine criteria: n = {seeds}")
    ranked = sorted(means, key=lambda name: -sign * fmean(means[name].values()))
    ours = [name for name in ranked if name in FRONT_RUNNERS]
    others = [name for name in ranked if name not in FRONT_RUNNERS]
    found = better(ours[-1], others[0], means)
    factor, digits = (100, 2) if sign > 0 else (1, 0)
    text = ", ".join(f"{name} {factor * fmean(means[name].values()):.{digits}f}" for name in ranked)
    return Finding(found.shown, f"{found.text} ({measure}: {text})")


def best_speed_and_accuracy(evidence: Evidence) -> list[Finding]:
    """The worse of large_final and magnitude_increase, by its mean, stops earlier than the best of the other seven criteria; the
    same of accuracies, where it is above."""
    return [
        _front_runners(evidence, "early_stop_iteration", -1, earlier),
        _front_runners(evidence, "test_accuracy", +1, above),
    ]


def small_weights_worse(evidence: Evidence) -> list[Finding]:
    """random is above small_final, above small_init and above small_init_small_final."""
    return [_above(evidence, CRITERIA, "random", small) for _, small in paper.OPPOSITES]


def reinitialized_worse(evidence: Evidence) -> list[Finding]:
    """rewind is above reinit, above reshuffle and above constant."""
    return [_above(evidence, ACTIONS, "rewind", action) for action in paper.MASK1_VARIANTS]


def signs_matter(evidence: Evidence) -> list[Finding]:
    """Each of reinit, reshuffle and constant with the sign of the initial value is above the same without it."""
    return [_above(evidence, ACTIONS, f"{action}, init sign", action) for action in paper.MASK1_VARIANTS]


def similar_to_rewind(evidence: Evidence) -> list[Finding]:
    """reshuffle and constant with the sign of the initial value each keep nine tenths at least of rewind's lead over random."""
    found = []
    for action in ("reshuffle, init sign", "constant, init sign"):
        found.append(as_well_as(action, "rewind", "random", _means(evidence, ACTIONS, (action, "rewind", "random"))))
    return found


def only_signs_matter(evidence: Evidence) -> list[Finding]:
    """Signs matter (`signs_matter`), and one magnitude for all does not harm: constant, init sign as well as rewind."""
    return [*signs_matter(evidence), similar_to_rewind(evidence)[1]]


def zero_better_than_init(evidence: Evidence) -> list[Finding]:
    """Freezing at zero is above freezing at the initial values."""
    return [_above(evidence, FROZEN, "zero", "init")]


def init_better_at_the_end(evidence: Evidence) -> list[Finding]:
    """Freezing at the initial values is above freezing at zero over the last quarter of the levels."""
    return [_above(evidence, FROZEN, "init", "zero", levels=MOST_PRUNED, least_levels=len(MOST_PRUNED) // 2)]


def hybrid_best(evidence: Evidence) -> list[Finding]:
    """The hybrid is above zero and above init."""
    return [_above(evidence, FROZEN, "hybrid", other) for other in ("zero", "init")]


def direction_matters(evidence: Evidence) -> list[Finding]:
    """The hybrid is above as many zeros at random places, and above zeros where weights had grown."""
    return [_above(evidence, CONTROLS, "hybrid", control) for control in ("hybrid_random", "hybrid_reverse")]


def tickets_beat_dense(evidence: Evidence) -> list[Finding]:
    """large_final with 10 to 50% of the weights kept is above the dense network."""
    means = _beside_dense(evidence, 0.1, 0.5)
    return [above("large_final", DENSE, means)]


def tickets_match_dense(evidence: Evidence) -> list[Finding]:
    """large_final with 0.5 to 5% of the weights kept is above the dense network less 0.2 points."""
    means, bound = _beside_dense(evidence, 0.005, 0.05), f"{DENSE} less {100 * MATCHING:.1f} points"
    return [above("large_final", bound, {**means, bound: {seed: v - MATCHING for seed, v in means[DENSE].items()}})]


def _beside_dense(evidence: Evidence, least: float, greatest: float) -> dict[str, dict[int, float]]:
    """large_final over the levels between two kept fractions, three at least, and the dense network's accuracy."""
    levels = evidence.levels_between(least, greatest)
    return _means(evidence, CRITERIA, ["large_final"], levels=levels, least_levels=3) | {DENSE: evidence.trained()}


def untrained_at_chance(evidence: Evidence) -> list[Finding]:
    """Chance plus 2 points is above the mean over levels of random masks over untrained weights."""
    rows = evidence.one_shot("random", "initial")
    means = rows.groupby("seed")["test_accuracy"].mean().to_dict()
    name, bound = "random mask x initial", f"chance plus {100 * AT_CHANCE:.0f} points"
    return [above(bound, name, {name: means, bound: dict.fromkeys(means, _chance(evidence) + AT_CHANCE)})]


def large_final_mask_above_chance(evidence: Evidence) -> list[Finding]:
    """The best large_final mask over untrained initial weights is above twice chance."""
    return [_above_twice_chance(evidence, "large_final", "initial")]


def supermasks_above_chance(evidence: Evidence) -> list[Finding]:
    """The best large_final_same_sign mask is above twice chance, over initial weights and over the signed constant."""
    return [_above_twice_chance(evidence, SAME_SIGN, weights) for weights in SUPERMASK_WEIGHTS]


def _chance(evidence: Evidence) -> float:
    """The accuracy of guessing; NaN, which counts as no run, for data whose classes are not known."""
    dataset = evidence.key[1]
    return 1 / DATASETS[dataset].classes if dataset in DATASETS else float("nan")


def _above_twice_chance(evidence: Evidence, criterion: str, weights: str) -> Finding:
    name = f"{criterion} x {_spoken(weights)}"
    return above_value(name, best(evidence.one_shot(criterion, weights)), 2 * _chance(evidence), "twice chance")


def _spoken(weights: str) -> str:
    return weights.replace("_", " ")


def same_sign_best(evidence: Evidence) -> list[Finding]:
    """The best large_final_same_sign mask is above the best mask of the runner-up, for both kinds of weights.

    The best mask of a criterion is chosen by each seed's validation images; the runner-up is the criterion of the
    highest mean test accuracy among all others of the paper.
    """
    return [_above_runner_up(evidence, weights) for weights in SUPERMASK_WEIGHTS]


def _above_runner_up(evidence: Evidence, weights: str) -> Finding:
    runs = {
        f"{ladder.criterion} x {_spoken(weights)}": best(evidence.one_shot(ladder.criterion, weights))
        for ladder in paper.HEURISTIC_LADDERS
    }
    own = f"{SAME_SIGN} x {_spoken(weights)}"
    if absent := [name for name, values in runs.items() if len(values) < LEAST_SEEDS]:
        return Finding(None, f"{absent[0]}: n = {len(runs[absent[0]])}")
    runner_up = max((name for name in runs if name != own), key=lambda name: fmean(runs[name].values()))
    return above(own, runner_up, runs)


def signed_constant_better(evidence: Evidence) -> list[Finding]:
    """The best large_final_same_sign mask over the signed constant is above the best over the initial weights."""
    runs = {f"x {_spoken(weights)}": best(evidence.one_shot(SAME_SIGN, weights)) for weights in SUPERMASK_WEIGHTS}
    return [above("x signed constant", "x initial", runs)]


LEARNED = "learned mask x initial"


def learned_better_than_heuristic(evidence: Evidence) -> list[Finding]:
    """The learned mask over initial weights is above the best large_final_same_sign mask over them."""
    way, learned = evidence.learned(LEARNED)
    heuristic = best(evidence.one_shot(SAME_SIGN, "initial"))
    return [_noted(above("learned", SAME_SIGN, {"learned": learned, SAME_SIGN: heuristic}), way)]


def learned_near_trained(evidence: Evidence) -> list[Finding]:
    """The learned mask over initial weights is above the middle between the best heuristic mask and the trained network."""
    way, learned = evidence.learned(LEARNED)
    heuristic, trained = best(evidence.one_shot(SAME_SIGN, "initial")), evidence.trained()
    middle = {seed: (heuristic[seed] + trained[seed]) / 2 for seed in heuristic if seed in trained}
    return [_noted(above("learned", "the middle", {"learned": learned, "the middle": middle}), way)]


def _noted(finding: Finding, way: str) -> Finding:
    return Finding(finding.shown, f"{finding.text} ({way})") if way else finding


def bernoulli_better(evidence: Evidence) -> list[Finding]:
    """Masks learned with g = Bern(sigmoid(m)) are above those with sigmoid(m) rounded, otherwise learned the same way.

    A seed's value is the mean over all settings that were learned with both.
    """
    same = ["seed", "weights", "rescale", "initial_logit", "l1", *HOW_LEARNED]
    rows = evidence.learned_masks
    rows = rows[(rows["status"] == FINISHED) & rows["g"].isin(["bernoulli", "rounded"])]
    pairs = (
        rows.pivot(index=same, columns="g", values="test_accuracy").reindex(columns=["bernoulli", "rounded"]).dropna()
    )
    means = pairs.groupby("seed").mean()
    return [above("bernoulli", "rounded", {name: means[name].to_dict() for name in means})]


def logit_nudges_pruning(evidence: Evidence) -> list[Finding]:
    """The mean pruned percentage falls with every step of the initial logit over the paper's five, learned one way.

    Of the ways in which all five were learned with three seeds at least, the longest counts.
    """
    rows = learned_of_column(evidence.learned_masks, LEARNED)
    rows = rows.assign(step=rows["step"].astype(float))
    found = Finding(None, "no mask was learned")
    for way, own in ways_learned(rows):
        table = own.pivot(index="seed", columns="step", values="pruned_fraction").dropna()
        enough = len(table) >= LEAST_SEEDS and len(table.columns) == len(paper.INITIAL_LOGITS)
        if enough or found.shown is None:
            found = _noted(_pruned_by_logit(table, enough), way)
    return [found]


def _pruned_by_logit(table: pd.DataFrame, enough: bool) -> Finding:
    if not enough:
        return Finding(None, f"{len(table.columns)} of {len(paper.INITIAL_LOGITS)} initial logits: n = {len(table)}")
    pruned = 100 * table.mean()
    text = ", ".join(f"m = {logit:g}: {share:.1f}%" for logit, share in pruned.items())
    return Finding(bool(pruned.is_monotonic_decreasing and pruned.is_unique), f"pruned at {text}; n = {len(table)}")


CLAIMS = (
    Claim(
        "Networks with 50 to 90 percent of their weights pruned outperform the unpruned network.",
        "Section 1, of Frankle & Carbin",
        tickets_beat_dense,
    ),
    Claim(
        "Networks with 95 to 99.5 percent of their weights pruned show no drop in performance.",
        "Section 1, of Frankle & Carbin",
        tickets_match_dense,
    ),
    Claim(
        "Of each opposing pair of criteria one member is better than random and the other is worse.",
        "Section 2",
        opposing_pairs,
    ),
    Claim(
        "magnitude_increase works just as well as large_final.",
        "Section 2",
        magnitude_increase_as_good,
    ),
    Claim(
        "magnitude_increase has slightly higher accuracy than large_final in Conv2 and Conv4.",
        "Figure 3",
        magnitude_increase_better,
        ("conv2", "conv4"),
    ),
    Claim(
        "large_final and magnitude_increase show the best convergence speed and accuracy.",
        "Figure 3",
        best_speed_and_accuracy,
    ),
    Claim(
        "Criteria that keep small weights are consistently worse than random.",
        "Figure 3",
        small_weights_worse,
    ),
    Claim(
        "None of reinit, reshuffle and constant alone trains as well as rewinding.",
        "Section 3",
        reinitialized_worse,
    ),
    Claim(
        "All three work better when kept weights have the sign of their initial values.",
        "Section 3",
        signs_matter,
    ),
    Claim(
        "reshuffle, init sign and constant, init sign perform similarly to rewind.",
        "Figure 4",
        similar_to_rewind,
    ),
    Claim(
        "Of the initialization the sign is crucial, not the relative magnitude.",
        "Sections 3 and 6",
        only_signs_matter,
    ),
    Claim(
        "Freezing pruned weights at zero is better than at their initial values.",
        "Section 4",
        zero_better_than_init,
    ),
    Claim(
        "At high levels of pruning, freezing at the initial values is better.",
        'Section 4 ("may perform better")',
        init_better_at_the_end,
    ),
    Claim(
        "The hybrid of zero and init is better than zero and than init.",
        "Section 4",
        hybrid_best,
    ),
    Claim(
        "Zeros help because those weights were moving towards zero anyway.",
        "Section 4 (hypothesis), with the controls of Section S2",
        direction_matters,
    ),
    Claim(
        "A random mask over untrained weights is no better than chance.",
        "Section 5",
        untrained_at_chance,
    ),
    Claim(
        "A large_final mask over untrained weights is far better than chance on MNIST.",
        "Section 5",
        large_final_mask_above_chance,
        ("fc",),
    ),
    Claim(
        "With a well-chosen mask an untrained network is far better than chance.",
        "Section 5",
        supermasks_above_chance,
    ),
    Claim(
        "large_final_same_sign makes the best heuristic Supermask.",
        "Section 5, Figure 7",
        same_sign_best,
    ),
    Claim(
        "Supermasks are better over the signed constant than over the initial weights.",
        "Section 5",
        signed_constant_better,
    ),
    Claim(
        "Learned Supermasks are better than heuristic ones.",
        "Section 5.1, Table 1",
        learned_better_than_heuristic,
    ),
    Claim(
        "Learning a Supermask comes not too far from training the network.",
        "Section 5.1, Table 1",
        learned_near_trained,
    ),
    Claim(
        "Sampling the mask works slightly better than rounding it.",
        "Section 5.1",
        bernoulli_better,
        of_learned_masks=True,
    ),
    Claim(
        "The initial logit nudges the network toward pruning more or less.",
        "Section 5.1",
        logit_nudges_pruning,
        of_learned_masks=True,
    ),
)
