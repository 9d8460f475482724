"""The lines of Frankle & Carbin's experiments: winning tickets, their controls, one-shot pruning and fine-tuning."""

from __future__ import annotations

import dataclasses

import pandas as pd

from analysis.results.columns import FINISHED
from analysis.results.load import Results
from analysis.results.select import RUN_COLUMNS, Panel, in_line_order, panel, panels, runs_of_lines
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import DENSE
from lottery_tf.studies import paper

TICKET, ONE_SHOT, FINE_TUNED, REINIT, RANDOM = (
    "winning ticket, iterative", "winning ticket, one-shot", "fine-tuned", "ticket reinitialized", "random ticket",
)  # fmt: skip
TREATMENTS = {TICKET: Treatment(), ONE_SHOT: Treatment(rounds="oneshot"), FINE_TUNED: Treatment(mask1="finetune")}
CONTROLS = {REINIT: "reinit", RANDOM: "random"}  # of the iterative ticket: line -> kind of control
LINES = (*TREATMENTS, *CONTROLS)


def treatments(network: str) -> dict[str, Treatment]:
    """The treatment of each line, with weights ranked in each layer or all together as the network's settings have it.

    >>> treatments("fc")["fine-tuned"].name, treatments("resnet20")["fine-tuned"].name
    ('large_final-finetune-zero', 'large_final-finetune-zero-global')
    """
    return {line: dataclasses.replace(treatment, scope=scope_of(network)) for line, treatment in TREATMENTS.items()}


def scope_of(network: str) -> str:
    """Among which weights scores are ranked in a network where nothing else is asked for.

    >>> scope_of("fc"), scope_of("vgg19"), scope_of("mine")
    ('layer', 'global', 'layer')
    """
    return NETWORKS[network].scope if network in NETWORKS else Treatment().scope


def figure() -> paper.Figure:
    """The treatments of all networks, controls left out, as a figure whose lines have the treatments' names."""
    lines = {each.name: each for network in NETWORKS for each in treatments(network).values()}
    return paper.Figure("Winning tickets and their controls", lines, tuple(lines))


def runs(results: Results, key: Panel, metric: str) -> pd.DataFrame:
    """Every run of the lines: columns line, level, seed, kept_fraction, value, draw.

    Args:
      results: all results.
      key: which panel.
      metric: a column of `Results.levels`.

    Returns:
      A row a run. Level 0 is the dense network, for every line that has any other level; of runs that diverged the
      value is NaN. The draw of what is no control is 0.
    """
    levels = panel(results.levels, key).assign(draw=0)
    wanted = treatments(key[0])
    controls = panel(results.controls, key)
    controls = controls[controls["treatment"] == wanted[TICKET].name]
    dense = levels[levels["treatment"] == DENSE]
    own = {line: levels[levels["treatment"] == treatment.name] for line, treatment in wanted.items()}
    own |= {line: controls[controls["control"] == control] for line, control in CONTROLS.items()}
    return runs_of_lines(dense, own).rename(columns={metric: "value"})[[*RUN_COLUMNS, "draw"]]


def runs_of_shares(results: Results, key: Panel, metric: str) -> dict[str, pd.DataFrame]:
    """The runs of one-shot tickets that keep a chosen share, and of their controls, as `runs` gives those of levels.

    Returns:
      For each treatment, by its name without the share: the runs. Their "level" numbers the shares, the greatest first.
    """
    trained = panel(results.levels, key).assign(draw=0)
    chosen, controls = (rows[rows["chosen_kept_fraction"].notna()] for rows in (trained, panel(results.controls, key)))
    dense, found = trained[trained["treatment"] == DENSE], {}
    for name in sorted({_without_share(treatment) for treatment in chosen["treatment"]}):
        own, of_own = (rows[rows["treatment"].map(_without_share) == name] for rows in (chosen, controls))
        shares = sorted(own["chosen_kept_fraction"].unique(), reverse=True)
        lines = {ONE_SHOT: own} | {line: of_own[of_own["control"] == kind] for line, kind in CONTROLS.items()}
        numbered = {
            line: rows.assign(level=rows["chosen_kept_fraction"].map(shares.index) + 1) for line, rows in lines.items()
        }
        found[name] = runs_of_lines(dense, numbered).rename(columns={metric: "value"})[[*RUN_COLUMNS, "draw"]]
    return found


def _without_share(treatment: str) -> str:
    """A treatment's name without the share that it keeps.

    >>> _without_share(Treatment(rounds="oneshot", chosen_kept_fraction=0.2).name)
    'large_final-rewind-zero-oneshot'
    """
    return treatment.rpartition("-kept")[0]


def over_runs(rows: pd.DataFrame) -> pd.DataFrame:
    """The lines: the mean over seeds of each seed's mean over draws, and the least and greatest run.

    Args:
      rows: what `runs` returns.

    Returns:
      Columns line, level, kept_fraction, mean, min, max, n, star; n counts seeds, and no point has a star.
    """
    place = ["line", "level"]
    seeds = rows.groupby([*place, "seed"], sort=False)["value"].mean().groupby(place, sort=False).agg(["mean", "count"])
    spread = rows.groupby(place, sort=False).agg(
        kept_fraction=("kept_fraction", "mean"), min=("value", "min"), max=("value", "max")
    )
    joined = spread.join(seeds).rename(columns={"count": "n"}).reset_index().assign(star=False)
    return in_line_order(joined[[*place, "kept_fraction", "mean", "min", "max", "n", "star"]], LINES)


def too_short(dense: pd.DataFrame) -> str:
    """A note where training ends before it can be told how fast a network learns; "" where it does not.

    Args:
      dense: the rows of `Results.levels` of the dense networks of one panel.
    """
    ended = dense[dense["status"] == FINISHED]
    falling = int((ended["early_stop_iteration"] >= ended["iterations"]).sum())
    if not falling or falling < len(ended) / 2:
        return ""
    return f"{falling} of {len(ended)} dense networks stop at the very end of training, which is too short"


def missing(results: Results, key: Panel) -> list[str]:
    """The lines of which no level is there that did not diverge."""
    rows = runs(results, key, "test_accuracy")
    there = set(rows[(rows["level"] > 0) & rows["value"].notna()]["line"])
    return [line for line in LINES if line not in there]


def trained_panels(results: Results) -> list[Panel]:
    """The panels with a one-shot or a fine-tuned level, or a control of a ticket.

    A ticket alone does not count: it is a line of the paper's figures as well.
    """
    keys = sorted({*panels(results.levels), *panels(results.controls)})
    return [key for key in keys if not {*LINES} - {TICKET} <= {*missing(results, key)}]
