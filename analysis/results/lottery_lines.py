"""Selects the lines of Frankle & Carbin's experiments: winning tickets, controls, one-shot pruning, fine-tuning."""

from __future__ import annotations

import math

import pandas as pd

from analysis.results.load import Results
from analysis.results.select import LINE_COLUMNS, Panel, in_line_order, join_lines, panel, panels
from analysis.results.treatment_names import treatment_names
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import DENSE
from lottery_tf.results.stored_result import FINISHED
from lottery_tf.studies import paper

TICKET, ONE_SHOT_TICKET, FINE_TUNED, REINIT, RANDOM_TICKET = (
    "winning ticket, iterative", "winning ticket, one-shot", "fine-tuned", "ticket reinitialized", "random ticket",
)  # fmt: skip
TREATMENT_OF_LINE = {
    TICKET: Treatment(),
    ONE_SHOT_TICKET: Treatment(rounds="oneshot"),
    FINE_TUNED: Treatment(mask1="finetune"),
}
CONTROL_OF_LINE = {REINIT: "reinit", RANDOM_TICKET: "random"}  # line -> kind of control of the iterative ticket
LINES = (*TREATMENT_OF_LINE, *CONTROL_OF_LINE)


def figure() -> paper.Figure:
    """Returns a figure of the lines' treatments, without controls, under the treatments' names."""
    lines = {treatment.name: treatment for treatment in TREATMENT_OF_LINE.values()}
    return paper.Figure("Winning tickets and their controls", lines, tuple(lines))


def runs(results: Results, key: Panel, metric: str) -> pd.DataFrame:
    """Returns all runs behind the lines of a panel.

    Args:
      results: all results.
      key: the panel.
      metric: a column of `Results.levels`.

    Returns:
      One row for each run, with columns line, level, seed, kept_fraction, value and draw. Level 0 of every line that
      has other levels is the dense network. The value of a run that diverged is NaN. The draw is 0 except for
      controls.
    """
    levels = panel(results.levels, key).assign(draw=0)
    controls = panel(results.controls, key)
    controls = controls[controls["treatment"] == TREATMENT_OF_LINE[TICKET].name]
    dense = levels[levels["treatment"] == DENSE]
    of_lines = {line: levels[levels["treatment"] == treatment.name] for line, treatment in TREATMENT_OF_LINE.items()}
    of_lines |= {line: controls[controls["control"] == control] for line, control in CONTROL_OF_LINE.items()}
    return join_lines(dense, of_lines).rename(columns={metric: "value"})[[*LINE_COLUMNS, "draw"]]


def runs_of_shares(results: Results, key: Panel, metric: str) -> dict[str, pd.DataFrame]:
    """Returns the runs of one-shot tickets with a chosen kept fraction, and of their controls; see `runs`.

    Returns:
      The runs of each treatment, by its name without the kept fraction. "level" numbers the kept fractions, the
      largest first.
    """
    trained = panel(results.levels, key).assign(draw=0)
    chosen, controls = (
        rows.assign(treatment=treatment_names(rows, chosen_kept_fraction=math.nan))
        for rows in (_of_chosen_size(trained), _of_chosen_size(panel(results.controls, key)))
    )
    dense, by_treatment = trained[trained["treatment"] == DENSE], {}
    for name in sorted({*chosen["treatment"]}):
        tickets, of_tickets = (rows[rows["treatment"] == name] for rows in (chosen, controls))
        shares = sorted(tickets["chosen_kept_fraction"].unique(), reverse=True)
        lines = {ONE_SHOT_TICKET: tickets}
        lines |= {line: of_tickets[of_tickets["control"] == kind] for line, kind in CONTROL_OF_LINE.items()}
        numbered = {
            line: rows.assign(level=rows["chosen_kept_fraction"].map(shares.index) + 1) for line, rows in lines.items()
        }
        by_treatment[name] = join_lines(dense, numbered).rename(columns={metric: "value"})[[*LINE_COLUMNS, "draw"]]
    return by_treatment


def _of_chosen_size(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["chosen_kept_fraction"].notna()]


def over_runs(rows: pd.DataFrame) -> pd.DataFrame:
    """Summarizes runs: the mean over seeds of each seed's mean over draws, and the lowest and highest run.

    Args:
      rows: what `runs` returns.

    Returns:
      Columns line, level, kept_fraction, mean, min, max, n and star. n is the number of seeds; no point has a star.
    """
    point = ["line", "level"]
    seeds = rows.groupby([*point, "seed"], sort=False)["value"].mean().groupby(point, sort=False).agg(["mean", "count"])
    spread = rows.groupby(point, sort=False).agg(
        kept_fraction=("kept_fraction", "mean"), min=("value", "min"), max=("value", "max")
    )
    joined = spread.join(seeds).rename(columns={"count": "n"}).reset_index().assign(star=False)
    return in_line_order(joined[[*point, "kept_fraction", "mean", "min", "max", "n", "star"]], LINES)


def too_short(dense: pd.DataFrame) -> str:
    """Returns a note if training is too short to judge how fast networks learn; "" otherwise.

    It is too short if at least half of the dense networks have their early-stopping iteration at the end of training.

    Args:
      dense: the rows of `Results.levels` of the dense networks of one panel.
    """
    ended = dense[dense["status"] == FINISHED]
    falling = int((ended["early_stop_iteration"] >= ended["iterations"]).sum())
    if not falling or falling < len(ended) / 2:
        return ""
    return f"{falling} of {len(ended)} dense networks stop at the very end of training, which is too short"


def missing(results: Results, key: Panel) -> list[str]:
    """Returns the lines without any level that finished training."""
    rows = runs(results, key, "test_accuracy")
    finished = set(rows[(rows["level"] > 0) & rows["value"].notna()]["line"])
    return [line for line in LINES if line not in finished]


def trained_panels(results: Results) -> list[Panel]:
    """Returns the panels with a one-shot or fine-tuned level, or with a control of a ticket.

    A ticket alone does not count, because it is also a line of the paper's figures.
    """
    keys = sorted({*panels(results.levels), *panels(results.controls)})
    return [key for key in keys if not {*LINES} - {TICKET} <= {*missing(results, key)}]
