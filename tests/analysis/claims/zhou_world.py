"""Results in which all is as Zhou et al. claim, changes of them, and verdicts on them."""

import dataclasses

import made_up

from analysis.claims import zhou2019, zhou2019_supermasks
from analysis.claims.catalogue import CLAIMS, evaluate
from analysis.claims.verdicts import Verdict
from lottery_tf.studies import paper
from lottery_tf.supermasks.mask_settings import MaskSettings

ZHOU = (*zhou2019.CLAIMS, *zhou2019_supermasks.CLAIMS)

SHOWN, CONTRADICTED, NOT_SHOWN, NO_DATA = (verdict.value for verdict in Verdict)
ROUNDED = tuple(MaskSettings(g="rounded", initial_logit=logit) for logit in paper.INITIAL_LOGITS)


def paper_like(network, seed, treatment, level):
    """`made_up.paper_like`, its dense networks as different between seeds as real ones: the margin is 0.14 points."""
    return min(1.0, made_up.paper_like(network, seed, treatment, level) + (0.0005 if level else 0.00045) * seed)


def moved(results, treatment, by, first=1):
    """The results with a treatment's accuracies moved."""
    levels = results.levels.copy()
    levels.loc[(levels["treatment"] == treatment) & (levels["level"] >= first), "test_accuracy"] += by
    return dataclasses.replace(results, levels=levels)


def verdicts(results):
    return {found.claim: found.verdict for found in evaluate(results, ZHOU)}


def claim(start):
    (found,) = [claim for claim in CLAIMS if claim.sentence.startswith(start)]
    return found


def verdict(results, start):
    return [found.verdict for found in evaluate(results, [claim(start)])]
