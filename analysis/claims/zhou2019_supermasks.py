"""The claims of Zhou et al. about Supermasks, each with its test; `zhou2019` explains how the rules were chosen.

The best mask of a criterion has the kept fraction with the highest validation accuracy, for each seed. If masks were
learned in several ways, those that were trained on the most images count.
"""

from __future__ import annotations

import itertools
from statistics import fmean

import pandas as pd

from analysis.claims.claim import NEED_DENSE, Need, claims_of
from analysis.claims.evidence import Evidence, best
from analysis.claims.verdicts import LEAST_SEEDS, Condition, Verdict, above, above_value
from analysis.results.columns import MASK_IDENTITY, MASK_TRAINING
from analysis.tables.table1 import by_training, learned_of_column, training_in_words
from lottery_tf.models.settings import DATASETS
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.results.stored_result import FINISHED
from lottery_tf.studies import paper
from lottery_tf.supermasks.mask_settings import weights_in_words

SAME_SIGN = "large_final_same_sign"
MASK_X_INITIAL = "learned mask x initial"
AT_CHANCE = 0.02  # accuracy above chance that still counts as "no better than chance"
MASK_CRITERIA = tuple(source.criterion for source in paper.HEURISTIC_MASK_SOURCES)

CLAIMS, claim = claims_of("Zhou et al.")


def need_masks(*criteria: str) -> list[Need]:
    """Returns the needs for one-shot masks of these criteria at half of the levels.

    Only masks over initial weights are checked. Masks over the signed constant are evaluated together with them.
    """

    def need(criterion: str) -> Need:
        return Need(f"{criterion} masks", lambda evidence: set(evidence.one_shot(criterion, "initial")["seed"]))

    return [need(criterion) for criterion in criteria]


def mask_name(criterion: str, weights: str) -> str:
    """Returns the name of a heuristic mask over a kind of weights."""
    return f"{criterion} mask x {weights_in_words(weights)}"


NEED_LEARNED = Need(
    MASK_X_INITIAL, lambda evidence: set(learned_of_column(evidence.learned_masks, MASK_X_INITIAL)["seed"])
)


@claim("A random mask over untrained weights is no better than chance.", "Section 5", need_masks("random"))
def untrained_at_chance(evidence: Evidence) -> list[Condition]:
    """The mean over levels of random masks over untrained weights is below chance plus 2 points."""
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


@claim("With a well-chosen mask, an untrained network is far better than chance.", "Section 5", need_masks(SAME_SIGN))
def supermasks_above_chance(evidence: Evidence) -> list[Condition]:
    """The best large_final_same_sign mask is above twice chance, over initial weights and over the signed constant."""
    return [_above_twice_chance(evidence, SAME_SIGN, weights) for weights in SUPERMASK_WEIGHTS]


def _chance(evidence: Evidence) -> float:
    """Returns the accuracy of guessing; NaN, which counts as a missing run, if the number of classes is not known."""
    dataset = evidence.panel.dataset
    return 1 / DATASETS[dataset].classes if dataset in DATASETS else float("nan")


def _above_twice_chance(evidence: Evidence, criterion: str, weights: str) -> Condition:
    runs = best(evidence.one_shot(criterion, weights))
    return above_value(mask_name(criterion, weights), runs, 2 * _chance(evidence), "twice chance")


@claim("large_final_same_sign makes the best heuristic Supermask.", "Section 5, Figure 7", need_masks(*MASK_CRITERIA))
def same_sign_best(evidence: Evidence) -> list[Condition]:
    """The best large_final_same_sign mask is above that of the second-best criterion, for both kinds of weights.

    The best mask of a criterion is chosen on each seed's validation images. The second-best criterion is the one with
    the highest mean test accuracy among the paper's other criteria.
    """
    return [_above_runner_up(evidence, weights) for weights in SUPERMASK_WEIGHTS]


def _above_runner_up(evidence: Evidence, weights: str) -> Condition:
    runs = {mask_name(name, weights): best(evidence.one_shot(name, weights)) for name in MASK_CRITERIA}
    if few := [name for name, values in runs.items() if len(values) < LEAST_SEEDS]:
        return Condition(Verdict.NO_DATA, f"{few[0]}: n = {len(runs[few[0]])}")
    same_sign = mask_name(SAME_SIGN, weights)
    runner_up = max(runs.keys() - {same_sign}, key=lambda name: fmean(runs[name].values()))
    return above(same_sign, runner_up, runs)


@claim(
    "Supermasks are better over the signed constant than over the initial weights.", "Section 5", need_masks(SAME_SIGN)
)
def signed_constant_better(evidence: Evidence) -> list[Condition]:
    """The best large_final_same_sign mask over the signed constant is above the best one over the initial weights."""
    runs = {
        f"x {weights_in_words(weights)}": best(evidence.one_shot(SAME_SIGN, weights)) for weights in SUPERMASK_WEIGHTS
    }
    return [above("x signed constant", "x initial", runs)]


@claim(
    "Learned Supermasks are better than heuristic ones.", "Section 5.1, Table 1", [NEED_LEARNED, *need_masks(SAME_SIGN)]
)
def learned_better_than_heuristic(evidence: Evidence) -> list[Condition]:
    """The learned mask over initial weights is above the best large_final_same_sign mask over initial weights."""
    way, learned = evidence.learned(MASK_X_INITIAL)
    heuristic = best(evidence.one_shot(SAME_SIGN, "initial"))
    return [above("learned", SAME_SIGN, {"learned": learned, SAME_SIGN: heuristic}).with_note(way)]


@claim(
    "A learned Supermask is not far below the trained network.",
    "Section 5.1, Table 1",
    [NEED_LEARNED, *need_masks(SAME_SIGN), NEED_DENSE],
)
def learned_near_trained(evidence: Evidence) -> list[Condition]:
    """The learned mask over initial weights is above the midpoint of the best heuristic mask and the dense network."""
    way, learned = evidence.learned(MASK_X_INITIAL)
    heuristic, trained = best(evidence.one_shot(SAME_SIGN, "initial")), evidence.dense()
    middle = {seed: (heuristic[seed] + trained[seed]) / 2 for seed in heuristic if seed in trained}
    return [above("learned", "the midpoint", {"learned": learned, "the midpoint": middle}).with_note(way)]


def _learned_with_both(evidence: Evidence) -> pd.DataFrame:
    """Returns the test accuracies of masks that were learned with both kinds of g, one column for each kind."""
    settings = [name for name in MASK_IDENTITY if name not in ("g", "chosen_kept_fraction")]  # one has no kept fraction
    identity = ["seed", *settings, *MASK_TRAINING]
    rows = evidence.learned_masks
    rows = rows[(rows["status"] == FINISHED) & rows["g"].isin(["bernoulli", "rounded"])]
    wide = rows.pivot(index=identity, columns="g", values="test_accuracy")
    return wide.reindex(columns=["bernoulli", "rounded"]).dropna().reset_index()


@claim(
    "Sampling the mask works slightly better than rounding it.",
    "Section 5.1",
    [Need("masks learned by sampling and by rounding", lambda evidence: set(_learned_with_both(evidence)["seed"]))],
    of_learned_masks=True,
)
def bernoulli_better(evidence: Evidence) -> list[Condition]:
    """Masks learned with sampling, g = Bern(sigmoid(m)), are above masks learned with sigmoid(m) rounded.

    A seed's value is the mean over all settings for which masks were learned in both ways.
    """
    pairs = _learned_with_both(evidence)
    means = pairs.groupby("seed")[["bernoulli", "rounded"]].mean()
    ways = dict.fromkeys(
        training_in_words(*how) for how in pairs[list(MASK_TRAINING)].itertuples(index=False, name=None)
    )
    return [above("bernoulli", "rounded", {name: means[name].to_dict() for name in means}).with_note("; ".join(ways))]


@claim(
    "The initial logit controls how much is pruned.",
    "Section 5.1",
    [NEED_LEARNED],
    of_learned_masks=True,
)
def logit_nudges_pruning(evidence: Evidence) -> list[Condition]:
    """The pruned percentage at each of the paper's five initial logits is above that at the next higher logit.

    All five are learned in the same way with at least three seeds. If there are several such ways, the longest counts.
    """
    rows = learned_of_column(evidence.learned_masks, MASK_X_INITIAL)
    rows = rows.assign(choice=rows["choice"].astype(float))
    few = "not all five initial logits were learned in the same way with three seeds"
    conditions = [Condition(Verdict.NO_DATA, few)]
    for way, masks in by_training(rows):
        table = masks.pivot(index="seed", columns="choice", values="pruned_fraction").dropna()
        if len(table) >= LEAST_SEEDS and list(table) == list(paper.INITIAL_LOGITS):
            runs = {f"pruned at m = {logit:g}": table[logit].to_dict() for logit in table}
            conditions = [above(a, b, runs).with_note(way) for a, b in itertools.pairwise(runs)]
    return conditions
