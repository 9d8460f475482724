"""Summarizes a results folder in a few sentences (what was run, what holds, what is missing); picks the main figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from analysis.claims.catalogue import ClaimResult
from analysis.claims.verdicts import Verdict
from analysis.figures import catalogue, curves
from analysis.figures.drawing import panel_name
from analysis.report import coverage
from analysis.results import lottery_lines
from analysis.results.columns import ONE_SHOT_SOURCE
from analysis.results.load import Results
from analysis.results.select import PANEL, Panel, ordered_panels, panel, table_s1_order
from analysis.statistics import figure_lines
from analysis.tables.table1 import learned_of_column
from lottery_tf.results.paths import DENSE
from lottery_tf.results.stored_result import DIVERGED
from lottery_tf.studies import paper


def what_was_run(results: Results) -> list[str]:
    """Returns a sentence for the trainings of each panel, one for its Supermasks and one for other measurements."""
    sentences = [_trained(key, panel(results.levels, key)) for key in ordered_panels(results.levels)]
    for key, rows in _by(results.supermasks[results.supermasks["source"] == ONE_SHOT_SOURCE], PANEL):
        criteria = _count(rows["criterion"], "criterion", "criteria")
        sentences.append(f"{panel_name(key)}: heuristic Supermasks of {criteria}, {_seeds(rows)}.")
    for key, rows in _by(results.learned_masks, PANEL[:2]):
        masks = f"{len(rows)} learned Supermask{'s' if len(rows) > 1 else ''}"
        sentences.append(f"{panel_name(key)}: {masks}, {_seeds(rows)}.")
    further = coverage.controls_and_measurements(results)
    for key, rows in _by(further, PANEL) if len(further) else ():
        sentences.append(f"{panel_name(key)}, controls and measurements: {', '.join(rows['control or measurement'])}.")
    return sentences


def _trained(key: Panel, levels: pd.DataFrame) -> str:
    pruned, diverged = levels[levels["level"] > 0], int((levels["status"] == DIVERGED).sum())
    what = "the dense network"
    if len(pruned):
        what = f"{_count(pruned['treatment'], 'treatment')}, {_count(pruned['level'], 'level')} of pruning "
        what += f"down to {100 * pruned['kept_fraction'].min():.3g}% of the weights"
    end = f"; {diverged} training{'s' if diverged > 1 else ''} diverged" if diverged else ""
    return f"{panel_name(key)}: {what}, {_seeds(levels)}{end}."


def _by(rows: pd.DataFrame, columns: Iterable[str]) -> list[tuple[Panel, pd.DataFrame]]:
    groups = {Panel(*key): group for key, group in rows.groupby(list(columns), sort=False)}
    return [(key, groups[key]) for key in table_s1_order(groups)]


def _count(values: pd.Series, one: str, many: str = "") -> str:
    count = values.nunique()
    return f"{count} {one if count == 1 else many or one + 's'}"


def _seeds(rows: pd.DataFrame) -> str:
    return _count(rows["seed"], "seed")


OUTCOMES = {  # title of a list of claims -> whether a claim with these verdicts ("not enough data" left out) is in it
    "shown on every network with enough data": lambda verdicts: verdicts == {Verdict.SHOWN},
    "contradicted on at least one network": lambda verdicts: Verdict.CONTRADICTED in verdicts,
    "shown on some networks, not shown on others": lambda verdicts: verdicts == {Verdict.SHOWN, Verdict.NOT_SHOWN},
    "neither shown nor contradicted on any network": lambda verdicts: verdicts == {Verdict.NOT_SHOWN},
}


def what_holds(verdicts: Iterable[ClaimResult]) -> dict[str, list[str]]:
    """Groups the claims that have enough data by their verdicts: from a title with their number to the claims."""
    by_claim: dict[str, set[str]] = {}
    for result in verdicts:
        by_claim.setdefault(f"{result.claim} ({result.place})", set()).add(result.verdict)
    tested = {claim: outcome - {Verdict.NO_DATA} for claim, outcome in by_claim.items()}
    lists = {
        title: [claim for claim, outcome in tested.items() if outcome and is_in(outcome)]
        for title, is_in in OUTCOMES.items()
    }
    return {
        f"{len(listed)} claim{'s' if len(listed) > 1 else ''} {title}": listed
        for title, listed in lists.items()
        if listed
    }


def what_is_missing(results: Results) -> list[str]:
    """Returns a sentence for each incomplete panel, and one for each kind of result that is missing altogether."""
    sentences = [sentence for key in pruned_panels(results) if (sentence := _missing_of_panel(results, key))]
    return sentences + [
        f"There is no {what}." for frame, what in RESULT_NAMES.items() if not len(getattr(results, frame))
    ]


RESULT_NAMES = {  # frame of `Results` -> the name of its rows in the sentence "There is no ..."
    "levels": "trained network",
    "supermasks": "heuristic Supermask",
    "learned_masks": "learned Supermask",
    "controls": "control of a winning ticket",
    "lines": "measurement of the error landscape along lines",
}


def pruned_panels(results: Results) -> list[Panel]:
    """Returns the panels with at least one pruned level."""
    return ordered_panels(results.levels[results.levels["level"] > 0])


def _missing_of_panel(results: Results, key: Panel) -> str:
    levels = panel(results.levels, key)
    pruned = levels[levels["level"] > 0]
    wanted = {name: [line.name for line in paper.FIGURE_LINES[name].lines.values()] for name in paper.PAPER_FIGURES}
    trained = {name: len({*names} & {*pruned["treatment"]}) for name, names in wanted.items()}
    counts = [(f"lines of {catalogue.paper_label(name)}", trained[name], len(names)) for name, names in wanted.items()]
    counts += [("seeds", pruned["seed"].nunique(), len(paper.SEEDS)), ("levels", pruned["level"].max(), paper.LEVELS)]
    short = [f"{count} of {whole} {what}" for what, count, whole in counts if count < whole]
    return f"{panel_name(key)} has {', '.join(short)}." if short else ""


def main_figure(results: Results) -> str | None:
    """Returns the most complete figure, or None; of equally complete ones, the first in `COMPLETENESS`."""
    shares = {name: share(results) for name, share in COMPLETENESS.items()}
    best = max(shares, key=shares.get)
    return best if shares[best] else None


def _share_of_lines(figure: paper.Figure) -> Callable[[Results], float]:
    """Returns a function for the largest share of a figure's lines that a panel has; 0 without `new_treatments`."""

    def share(results: Results) -> float:
        new, wanted = set(figure_lines.new_treatments(figure)), {line.name for line in figure.lines.values()}
        trained = [{*panel(results.levels, key)["treatment"]} for key in pruned_panels(results)]
        return max((len(wanted & names) / len(wanted) for names in trained if new & names), default=0.0)

    return share


def _share_of_supermasks(results: Results) -> float:
    criteria = {*results.supermasks["criterion"]} & {source.criterion for source in paper.HEURISTIC_MASK_SOURCES}
    learned = [column for column in paper.LEARNED_MASKS if len(learned_of_column(results.learned_masks, column))]
    return max(len(criteria) / len(paper.HEURISTIC_MASK_SOURCES), len(learned) / len(paper.LEARNED_MASKS))


def _share_of_tickets(results: Results) -> float:
    missing = [len(lottery_lines.missing(results, key)) for key in lottery_lines.trained_panels(results)]
    return max((1 - lacking / len(lottery_lines.LINES) for lacking in missing), default=0.0)


def _has_rows(frame: str) -> Callable[[Results], float]:
    return lambda results: float(len(getattr(results, frame)) > 0)


def _share_of_others(results: Results) -> float:
    trained = {*results.levels["treatment"]} - {DENSE}
    return len(curves.other_treatments(results).lines) / max(1, len(trained))


COMPLETENESS: dict[str, Callable[[Results], float]] = {  # figure -> from all results to the share it has, in [0, 1]
    **{name: _share_of_lines(figure) for name, figure in paper.FIGURE_LINES.items()},
    "figure7": _share_of_supermasks,
    "lottery": _share_of_tickets,
    "barriers": _has_rows("lines"),
    "limits": _has_rows("limits"),
    "flatness": _has_rows("spectra"),
    "magnitudes": _has_rows("thresholds"),
    "others": _share_of_others,
}
