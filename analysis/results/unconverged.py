"""Finds treatments whose training was too short: the validation loss was still falling when it ended."""

from __future__ import annotations

import textwrap

import pandas as pd

from analysis.results.load import Results
from analysis.results.select import PANEL, panel_caption
from lottery_tf.results.stored_result import FINISHED

END = 0.95  # share of the iterations; a loss that is lowest after it may still have been falling
MANY = 0.5  # share of the levels


def unconverged_treatments(results: Results) -> pd.DataFrame:
    """Returns the treatments for which more than half of the levels have the lowest validation loss at the very end.

    With longer training they should be more accurate, and other treatments' lead over them smaller.

    Returns:
      One row for each treatment: its panel, treatment, cut_short_percent and levels (their number over all seeds). The
      worst treatment of each panel comes first. The dense network is left out.
    """
    rows = results.levels[(results.levels["status"] == FINISHED) & (results.levels["level"] > 0)]
    late = rows["early_stop_iteration"] >= END * rows["iterations"]
    groups = rows.assign(late=100 * late).groupby([*PANEL, "treatment"])["late"]
    late_levels = groups.agg(cut_short_percent="mean", levels="size").reset_index()
    late_levels = late_levels[late_levels["cut_short_percent"] > 100 * MANY].sort_values(
        "cut_short_percent", ascending=False, kind="stable"
    )
    return late_levels.sort_values(list(PANEL), kind="stable", ignore_index=True)


def in_words(results: Results) -> str:
    """Returns the unconverged treatments in words, one line for each panel; "" if there are none."""
    lines = [
        f"{panel_caption(key)}: "
        + ", ".join(f"{row.treatment} {row.cut_short_percent:.0f}%" for row in rows.itertuples())
        for key, rows in unconverged_treatments(results).groupby(list(PANEL))
    ]
    return "\n".join(textwrap.fill(line, 114, subsequent_indent="  ") for line in ([NOTE, *lines] if lines else []))


NOTE = (
    f"Trained too briefly: for more than half of the levels of these treatments (percentage given), the validation "
    f"loss is lowest in the last {1 - END:.0%} of training. With longer training they should be more accurate, and "
    "other treatments' lead over them smaller:"
)
