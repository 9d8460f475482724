"""The claims of Frankle & Carbin, "The Lottery Ticket Hypothesis", each with its test.

Sections are those of arXiv 1803.03635v5. As in `analysis.claims.zhou2019`, the
rules follow from the words of the claims and were not fitted to results. (The rule of `faster_then_slower` was made
stricter after the first results; its verdict did not change.) "Above" and "earlier" are tested by
`analysis.claims.verdicts`. A seed's value of a control is the mean over its draws. Claims about speed are not judged if
the validation loss of at least half of the dense networks is still falling when training ends.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import pandas as pd

from analysis.claims.claim import NEED_DENSE, Need, Part, claims_of, need_line
from analysis.claims.evidence import LEAST_LEVELS_OF_PART, Evidence, over_levels
from analysis.claims.verdicts import LEAST_SEEDS, Condition, Verdict, above, earlier
from analysis.results import lottery_lines
from analysis.results.lottery_lines import ONE_SHOT_TICKET, RANDOM_TICKET, REINIT, TICKET
from analysis.results.select import rows_where
from lottery_tf.landscape.interpolation import MATCHING
from lottery_tf.results.paths import DENSE

SMALL = (0.1, 0.25)  # kept fractions for "10-20% of the size, or less"; 0.25 includes the level nearest to a fifth
LITTLE_KEPT = (0.0, 0.25)
EARLY_AT = 0.21  # the kept fraction at which the paper compares early stopping
FASTER_ONE_SHOT, BETTER_ONE_SHOT = (0.17, 0.68), (0.051, 0.96)  # Section 2: 67.5 to 17.6%, and 95 to 5.17% kept

STOP, ACCURACY = "early_stop_iteration", "test_accuracy"

CLAIMS, claim = claims_of("Frankle & Carbin")


def lottery_line(evidence: Evidence, name: str, metric: str = ACCURACY) -> pd.DataFrame:
    """Returns a metric of a line of `lottery_lines`: one row for each seed, one column for each level.

    Controls are averaged over their draws.
    """
    treatments = lottery_lines.TREATMENT_OF_LINE
    if name in treatments:
        return evidence.line(treatments[name], metric)
    control = lottery_lines.CONTROL_OF_LINE[name]
    controls = rows_where(evidence.controls, treatment=treatments[TICKET].name, control=control)
    return controls.pivot_table(index="seed", columns="level", values=metric)


def need(name: str, part: Part) -> Need:
    """Returns the need for a line at three levels within a part of it."""
    return need_line(name, functools.partial(lottery_line, name=name), part)


def _stops_near(evidence: Evidence) -> dict[int, float]:
    """Returns the ticket's early-stopping iteration for each seed, at the level nearest to 21% kept if one is near."""
    near, stops = evidence.nearest_level(EARLY_AT), lottery_line(evidence, TICKET, STOP)
    return stops[near].dropna().to_dict() if near in stops else {}


NEED_NEAR_A_FIFTH = [Need(f"{TICKET} near {EARLY_AT:.0%} kept", _stops_near), NEED_DENSE]


def _means(evidence: Evidence, names: Iterable[str], kept: tuple[float, float], metric: str = ACCURACY) -> dict:
    """Returns `over_levels` of lines between two kept fractions, with the dense network's value for each seed."""
    lines = {name: lottery_line(evidence, name, metric) for name in names}
    means = over_levels(lines, evidence.levels_between(*kept), LEAST_LEVELS_OF_PART)
    return means | {DENSE: evidence.dense(metric)}


def _earlier(evidence: Evidence, a: str, b: str, means: dict) -> Condition:
    """Returns the condition `earlier`; not enough data if training is too short to judge speed."""
    condition = earlier(a, b, means)
    note = lottery_lines.too_short(evidence.levels[evidence.levels["treatment"] == DENSE])
    return Condition(Verdict.NO_DATA if note else condition.verdict, condition.text).with_note(note)


@claim(
    "Some winning tickets with 10 to 25 percent of the weights match the dense network's test accuracy.",
    "Section 1",
    [need(TICKET, SMALL), NEED_DENSE],
)
def small_tickets_match(evidence: Evidence) -> list[Condition]:
    """The ticket with 10 to 25% kept and the lowest validation loss is above the dense network minus 0.2 points."""
    levels = [level for level in evidence.levels_between(*SMALL) if level in lottery_line(evidence, TICKET)]
    losses, accuracies = (
        lottery_line(evidence, TICKET, metric)[levels] for metric in ("early_stop_val_loss", ACCURACY)
    )
    best = losses.dropna(how="all").idxmin(axis=1) if levels else {}
    tickets = {seed: float(accuracies.loc[seed, level]) for seed, level in best.items()}
    bound = {seed: accuracy - MATCHING for seed, accuracy in evidence.dense().items()}
    name = f"{DENSE} minus {100 * MATCHING:.1f} points"
    return [above(TICKET, name, {TICKET: tickets, name: bound})]


@claim(
    "Winning tickets with 10 to 25 percent of the weights reach higher test accuracy than the dense network.",
    "Section 2",
    [need(TICKET, SMALL), NEED_DENSE],
)
def tickets_are_better(evidence: Evidence) -> list[Condition]:
    """The mean of the ticket over the levels with 10 to 25% kept, at least three, is above the dense network."""
    return [above(TICKET, DENSE, _means(evidence, [TICKET], SMALL))]


@claim(
    "A winning ticket with 21 percent of the weights learns faster than the dense network.",
    "Section 2",
    NEED_NEAR_A_FIFTH,
)
def tickets_stop_earlier(evidence: Evidence) -> list[Condition]:
    """At the level nearest to 21% kept (between 16 and 26%), the ticket stops earlier than the dense network."""
    stops = {TICKET: _stops_near(evidence), DENSE: evidence.dense(STOP)}
    return [_earlier(evidence, TICKET, DENSE, stops)]


@claim(
    "Winning tickets learn faster the more they are pruned, up to a point from which they learn more slowly again.",
    "Section 2",
    NEED_NEAR_A_FIFTH,
)
def faster_then_slower(evidence: Evidence) -> list[Condition]:
    """At the level nearest to 21% kept (16 to 26%), the ticket stops before the dense network and the last level.

    The last level is the deepest that three seeds have.
    """
    ticket, near = lottery_line(evidence, TICKET, STOP), evidence.nearest_level(EARLY_AT)
    last = max((level for level in ticket if ticket[level].count() >= LEAST_SEEDS), default=near)
    if near not in ticket or last == near:
        text = f"n = {len(ticket)}, no level near {EARLY_AT:.0%} kept with a deeper one"
        return [Condition(Verdict.NO_DATA, text)]
    kept = evidence.kept_fractions()
    names = {level: f"{100 * kept[level]:.3g}% kept" for level in (near, last)}
    stops = {name: ticket[level].dropna().to_dict() for level, name in names.items()} | {DENSE: evidence.dense(STOP)}
    return [_earlier(evidence, names[near], other, stops) for other in (DENSE, names[last])]


WORDS = {  # line -> its words in a rule
    TICKET: "the ticket", REINIT: "the reinitialized ticket", RANDOM_TICKET: "a random ticket of its size",
    DENSE: "the dense network",
}  # fmt: skip


RULE_BY_METRICS = {  # metrics by which line a is better than line b -> the rule
    (ACCURACY,): "{a} is above {b}", (STOP,): "{a} stops earlier than {b}",
    (ACCURACY, STOP): "{a} is above {b} and stops earlier",
}  # fmt: skip


def claim_of_small_tickets(
    sentence: str, section: str, a: str, b: str, metrics: tuple[str, ...] = (ACCURACY, STOP)
) -> None:
    """Adds the claim that line a is better than line b with at most 25% kept. Data, rule and test follow from both.

    Args:
      sentence: the claim in words.
      section: the section that makes the claim.
      a: the better line, a key of `WORDS`.
      b: the other line.
      metrics: a key of `RULE_BY_METRICS`.
    """
    lines = [name for name in (a, b) if name != DENSE]

    def test(evidence: Evidence) -> list[Condition]:
        better = {ACCURACY: above, STOP: functools.partial(_earlier, evidence)}
        return [better[metric](a, b, _means(evidence, lines, LITTLE_KEPT, metric)) for metric in metrics]

    words = RULE_BY_METRICS[metrics].format(a=WORDS[a], b=WORDS[b])
    needs = [need(name, LITTLE_KEPT) for name in lines] + [NEED_DENSE] * (DENSE in (a, b))
    claim(sentence, section, needs, rule=f"With at most {LITTLE_KEPT[1]:.0%} of the weights kept, {words}.")(test)


claim_of_small_tickets(
    "A winning ticket reaches higher test accuracy than the same subnetwork reinitialized.", "Section 2",
    TICKET, REINIT, metrics=(ACCURACY,),
)  # fmt: skip
claim_of_small_tickets(
    "A winning ticket learns faster than the same subnetwork reinitialized.", "Section 2",
    TICKET, REINIT, metrics=(STOP,),
)  # fmt: skip
claim_of_small_tickets(
    "Reinitialized pruned networks learn more slowly than the dense network and lose test accuracy.", "Section 2",
    DENSE, REINIT,
)  # fmt: skip
claim_of_small_tickets(
    "Winning tickets learn faster and reach higher test accuracy than random subnetworks of the same size.",
    "Section 1", TICKET, RANDOM_TICKET,
)  # fmt: skip


@claim(
    "Iterative pruning finds smaller winning tickets than one-shot pruning.",
    "Section 2",
    [need(TICKET, (0, 1)), need(ONE_SHOT_TICKET, (0, 1)), NEED_DENSE],
)
def iterative_is_smaller(evidence: Evidence) -> list[Condition]:
    """The smallest kept fraction at which a ticket matches is smaller with iterative than with one-shot pruning.

    A ticket matches if its accuracy is at least that of the dense network minus 0.2 points. Only levels that a seed has
    for both count; if no ticket matches, the smallest is the dense network. If the iterative tickets of at least half
    of the seeds still match at the last level, deeper levels are missing: the claim is shown or lacks data.
    """
    smallest, open_end = _smallest_matching(evidence)
    iterative, one_shot = (f"kept by the smallest matching {name}" for name in (TICKET, ONE_SHOT_TICKET))
    condition = above(one_shot, iterative, {one_shot: smallest[ONE_SHOT_TICKET], iterative: smallest[TICKET]})
    if condition.verdict is Verdict.SHOWN or not open_end or open_end < len(smallest[TICKET]) / 2:
        return [condition]
    note = f"iterative tickets of {open_end} seeds match at the last level: deeper levels are missing"
    return [Condition(Verdict.NO_DATA, condition.text).with_note(note)]


def _smallest_matching(evidence: Evidence) -> tuple[dict[str, dict[int, float]], int]:
    """Returns each seed's smallest kept fraction that matches, for iterative and for one-shot pruning.

    Then returns the number of seeds whose iterative ticket still matches at the last level.
    """
    tickets = {name: lottery_line(evidence, name) for name in (TICKET, ONE_SHOT_TICKET)}
    kept, trained = evidence.kept_fractions(), evidence.dense()
    smallest: dict[str, dict[int, float]] = {name: {} for name in tickets}
    open_end = 0
    for seed in sorted(set(trained).intersection(*(accuracies.index for accuracies in tickets.values()))):
        of_seed = pd.DataFrame({name: accuracies.loc[seed] for name, accuracies in tickets.items()}).dropna()
        if len(of_seed) >= LEAST_LEVELS_OF_PART:
            matches = of_seed >= trained[seed] - MATCHING
            open_end += int(matches[TICKET].loc[max(matches.index)])
            for name in tickets:
                smallest[name][seed] = min(kept[matches.index[matches[name]]], default=1.0)
    return smallest, open_end


@claim(
    "One-shot pruning also finds winning tickets.",
    "Section 2",
    [need(ONE_SHOT_TICKET, FASTER_ONE_SHOT), need(ONE_SHOT_TICKET, BETTER_ONE_SHOT), NEED_DENSE],
)
def one_shot_finds_tickets(evidence: Evidence) -> list[Condition]:
    """One-shot tickets stop earlier than the dense network at 17 to 68% kept, and are above it at 5.1 to 96% kept."""
    return [
        _earlier(evidence, ONE_SHOT_TICKET, DENSE, _means(evidence, [ONE_SHOT_TICKET], FASTER_ONE_SHOT, STOP)),
        above(ONE_SHOT_TICKET, DENSE, _means(evidence, [ONE_SHOT_TICKET], BETTER_ONE_SHOT)),
    ]
