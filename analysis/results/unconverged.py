"""Which treatments' trainings were too short: their validation loss was still falling as training ended."""

from __future__ import annotations

import textwrap

import pandas as pd

from analysis.results.columns import FINISHED
from analysis.results.load import Results
from analysis.results.select import PANEL, panel_caption

END = 0.95  # of the iterations: what is least after it may still have been falling
MANY = 0.5  # of the runs


def unconverged_treatments(results: Results) -> pd.DataFrame:
    """The treatments of which more than half of the levels have their least validation loss at the end of training.

    After a longer training they should be more accurate, and leads over them smaller.

    Returns:
      The columns of a panel, treatment, cut_short_percent and levels (how many of all seeds there are), the worst of
      each panel first. The dense network, which is a level of every treatment, is left out.
    """
    rows = results.levels[(results.levels["status"] == FINISHED) & (results.levels["level"] > 0)]
    late = rows["early_stop_iteration"] >= END * rows["iterations"]
    groups = rows.assign(late=100 * late).groupby([*PANEL, "treatment"])["late"]
    found = groups.agg(cut_short_percent="mean", levels="size").reset_index()
    found = found[found["cut_short_percent"] > 100 * MANY].sort_values(
        "cut_short_percent", ascending=False, kind="stable"
    )
    return found.sort_values(list(PANEL), kind="stable", ignore_index=True)


def described(results: Results) -> str:
    """The same in words, a line a network; "" where nothing was cut short."""
    lines = [
        f"{panel_caption(key)}: "
        + ", ".join(f"{row.treatment} {row.cut_short_percent:.0f}%" for row in rows.itertuples())
        for key, rows in unconverged_treatments(results).groupby(list(PANEL))
    ]
    return "\n".join(textwrap.fill(line, 114, subsequent_indent="  ") for line in ([NOTE, *lines] if lines else []))


NOTE = (
    f"Cut short: more than half of their levels have the least validation loss in the last {1 - END:.0%} of training. "
    "After a longer training they should be more accurate, and leads over them smaller:"
)
