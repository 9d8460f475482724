"""The claims of Frankle & Carbin, "The Lottery Ticket Hypothesis", each as a test on the data; `analysis.claims` runs them.

Their place is that in arXiv 1803.03635v5. As in `analysis.deconstructing`, what counts as shown follows from the words of
each claim and was not fitted to results (the rule of `faster_then_slower` was made stricter after first results, whose
verdict stayed), and a test's docstring is its rule. "Above" is `evidence.above` and "earlier"
`evidence.earlier`, paired one-sided t-tests at p = 0.05; a seed's control is the mean over its draws. Where the dense
networks' validation loss is still falling when training ends, in half of the seeds or more, nothing can be said of speed.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from analysis import lottery_lines
from analysis.evidence import LEAST_SEEDS, Claim, Evidence, Finding, above, earlier, over_levels
from analysis.lottery_lines import ONE_SHOT, RANDOM, REINIT, TICKET
from lottery_tf.landscape.paths import MATCHING
from lottery_tf.store import DENSE

SMALL = (0.1, 0.25)  # the kept fractions of "10-20% of the size, or less", from the steps of 20% that hold a fifth
LITTLE_KEPT = (0.0, 0.25)
EARLY_AT = 0.21  # the kept fraction of which the paper prints how much sooner a ticket stops
FASTER_ONE_SHOT, BETTER_ONE_SHOT = (0.17, 0.68), (0.051, 0.96)  # Section 2: 67.5 to 17.6%, and 95 to 5.17% kept
LEAST_LEVELS = 3  # of a range of kept fractions

STOP, ACCURACY = "early_stop_iteration", "test_accuracy"


def line(evidence: Evidence, name: str, measure: str = ACCURACY) -> pd.DataFrame:
    """A measure of a line of `lottery_lines`: a row a seed, a column a level; a control is the mean over its draws."""
    treatments = lottery_lines.treatments(evidence.key[0])
    if name in treatments:
        return evidence.line(treatments[name], measure)
    controls = evidence.controls
    own = (controls["treatment"] == treatments[TICKET].name) & (controls["control"] == lottery_lines.CONTROLS[name])
    return controls[own].pivot_table(index="seed", columns="level", values=measure)


def _means(evidence: Evidence, names: Iterable[str], kept: tuple[float, float], measure: str = ACCURACY) -> dict:
    """`over_levels` of lines between two kept fractions, with the dense network's value of each seed."""
    lines = {name: line(evidence, name, measure) for name in names}
    means = over_levels(lines, evidence.levels_between(*kept), LEAST_LEVELS)
    return means | {DENSE: evidence.trained(measure)}


def _too_short(evidence: Evidence) -> str:
    """`lottery_lines.too_short`, in brackets behind a number."""
    note = lottery_lines.too_short(evidence.levels[evidence.levels["treatment"] == DENSE])
    return f" ({note})" if note else ""


def _earlier(evidence: Evidence, a: str, b: str, means: dict) -> Finding:
    """`earlier`, where training is long enough to tell."""
    found, note = earlier(a, b, means), _too_short(evidence)
    return Finding(None if note else found.shown, found.text + note)


def small_tickets_match(evidence: Evidence) -> list[Finding]:
    """The ticket with 10 to 25% of the weights whose validation loss is least is above the dense network less 0.2 points."""
    levels = [level for level in evidence.levels_between(*SMALL) if level in line(evidence, TICKET)]
    losses, accuracies = (line(evidence, TICKET, measure)[levels] for measure in ("early_stop_val_loss", ACCURACY))
    best = losses.dropna(how="all").idxmin(axis=1) if levels else {}
    tickets = {seed: float(accuracies.loc[seed, level]) for seed, level in best.items()}
    bound = {seed: accuracy - MATCHING for seed, accuracy in evidence.trained().items()}
    name = f"{DENSE} less {100 * MATCHING:.1f} points"
    return [above(TICKET, name, {TICKET: tickets, name: bound})]


def tickets_are_better(evidence: Evidence) -> list[Finding]:
    """Over the levels with 10 to 25% of the weights, three at least, the ticket is above the dense network."""
    return [above(TICKET, DENSE, _means(evidence, [TICKET], SMALL))]


def tickets_stop_earlier(evidence: Evidence) -> list[Finding]:
    """At the level whose kept fraction is nearest to 21%, within 16 to 26%, the ticket stops earlier than the dense network."""
    near = evidence.nearest_level(EARLY_AT)
    own = line(evidence, TICKET, STOP)
    stops = own[near].dropna().to_dict() if near in own else {}
    return [_earlier(evidence, TICKET, DENSE, {TICKET: stops, DENSE: evidence.trained(STOP)})]


def better_than_reinitialized(evidence: Evidence) -> list[Finding]:
    """With a quarter of the weights or fewer, the ticket is above its reinitialization."""
    return [above(TICKET, REINIT, _means(evidence, (TICKET, REINIT), LITTLE_KEPT))]


def faster_than_reinitialized(evidence: Evidence) -> list[Finding]:
    """With a quarter of the weights or fewer, the ticket stops earlier than its reinitialization."""
    return [_earlier(evidence, TICKET, REINIT, _means(evidence, (TICKET, REINIT), LITTLE_KEPT, STOP))]


def reinitialized_fall_behind(evidence: Evidence) -> list[Finding]:
    """With a quarter of the weights or fewer, the dense network is above the reinitialized ticket and stops earlier."""
    return [
        above(DENSE, REINIT, _means(evidence, [REINIT], LITTLE_KEPT)),
        _earlier(evidence, DENSE, REINIT, _means(evidence, [REINIT], LITTLE_KEPT, STOP)),
    ]


def better_than_random(evidence: Evidence) -> list[Finding]:
    """With a quarter of the weights or fewer, the ticket is above random masks of its size and stops earlier."""
    return [
        above(TICKET, RANDOM, _means(evidence, (TICKET, RANDOM), LITTLE_KEPT)),
        _earlier(evidence, TICKET, RANDOM, _means(evidence, (TICKET, RANDOM), LITTLE_KEPT, STOP)),
    ]


def iterative_is_smaller(evidence: Evidence) -> list[Finding]:
    """The least kept fraction at which a ticket matches (dense accuracy less 0.2 points) is less for iterative pruning.

    Of the levels that a seed has of both; where no ticket matches, the dense network is the least. Where iterative tickets
    still match at the last level in half of the seeds or more, only a difference that shows can be judged.
    """
    iterative, one_shot = (line(evidence, name) for name in (TICKET, ONE_SHOT))
    kept, trained = evidence.kept_fractions(), evidence.trained()
    least: dict[str, dict[int, float]] = {TICKET: {}, ONE_SHOT: {}}
    open_end = 0
    for seed in iterative.index.intersection(one_shot.index).intersection(list(trained)):
        levels = iterative.loc[seed].dropna().index.intersection(one_shot.loc[seed].dropna().index)
        if len(levels) >= LEAST_LEVELS:
            open_end += iterative.loc[seed, max(levels)] >= trained[seed] - MATCHING
            for name, own in ((TICKET, iterative), (ONE_SHOT, one_shot)):
                matching = [level for level in levels if own.loc[seed, level] >= trained[seed] - MATCHING]
                least[name][seed] = min((kept[level] for level in matching), default=1.0)
    found = above(
        SMALLEST.format(ONE_SHOT), SMALLEST.format(TICKET), {SMALLEST.format(name): own for name, own in least.items()}
    )
    if found.shown or not open_end or open_end < len(least[TICKET]) / 2:
        return [found]
    return [Finding(None, f"{found.text} (iterative tickets match to the last level of {open_end} seeds)")]


SMALLEST = "kept by the smallest matching {}"


def one_shot_finds_tickets(evidence: Evidence) -> list[Finding]:
    """One-shot tickets with 17 to 68% of the weights stop earlier, and with 5.1 to 96% are above, the dense network."""
    return [
        _earlier(evidence, ONE_SHOT, DENSE, _means(evidence, [ONE_SHOT], FASTER_ONE_SHOT, STOP)),
        above(ONE_SHOT, DENSE, _means(evidence, [ONE_SHOT], BETTER_ONE_SHOT)),
    ]


def faster_then_slower(evidence: Evidence) -> list[Finding]:
    """At the level nearest to 21%, within 16 to 26%, the ticket stops earlier than the dense network and than the last level's.

    The last level is the last that three seeds have.
    """
    own, near = line(evidence, TICKET, STOP), evidence.nearest_level(EARLY_AT)
    last = max((level for level in own if own[level].count() >= LEAST_SEEDS), default=near)
    if near not in own or last == near:
        return [Finding(None, f"n = {len(own)}, no level of {EARLY_AT:.0%} kept with others beyond it")]
    kept = evidence.kept_fractions()
    names = {level: f"{100 * kept[level]:.3g}% kept" for level in (near, last)}
    stops = {name: own[level].dropna().to_dict() for level, name in names.items()} | {DENSE: evidence.trained(STOP)}
    return [_earlier(evidence, names[near], other, stops) for other in (DENSE, names[last])]


def _claim(words: str, place: str, test) -> Claim:
    return Claim(words, place, test, paper="Frankle & Carbin")


CLAIMS = (
    _claim(
        "There are winning tickets of 10 to 25 percent of the weights that match the dense network's test accuracy.",
        "Section 1",
        small_tickets_match,
    ),
    _claim(
        "Winning tickets of that size reach higher test accuracy than the dense network.",
        "Section 2",
        tickets_are_better,
    ),
    _claim(
        "With 21 percent of its weights a winning ticket learns faster than the dense network.",
        "Section 2",
        tickets_stop_earlier,
    ),
    _claim(
        "Winning tickets learn faster the more they are pruned, and then slower again.",
        "Section 2",
        faster_then_slower,
    ),
    _claim(
        "A winning ticket reaches higher test accuracy than the same structure reinitialized.",
        "Section 2",
        better_than_reinitialized,
    ),
    _claim(
        "A winning ticket learns faster than the same structure reinitialized.",
        "Section 2",
        faster_than_reinitialized,
    ),
    _claim(
        "Reinitialized, pruned networks learn slower than the dense network and lose test accuracy.",
        "Section 2",
        reinitialized_fall_behind,
    ),
    _claim(
        "Winning tickets learn faster and reach higher test accuracy than random networks as sparse.",
        "Section 1",
        better_than_random,
    ),
    _claim(
        "Iterative pruning finds smaller winning tickets than one-shot pruning.",
        "Section 2",
        iterative_is_smaller,
    ),
    _claim(
        "One-shot pruning finds winning tickets too.",
        "Section 2",
        one_shot_finds_tickets,
    ),
)
