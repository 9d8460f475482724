"""The rows of results that a figure, a table or a claim is about."""

from __future__ import annotations

import pandas as pd

from lottery_tf.landscape.interpolation import MATCHING

SUCCESSIVE = "successive"  # the relation of a level and the next


def successive(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines between successive levels, a row a line, with "matches": whether both ends match the dense network.

    "of_ends" is half of the difference between the ends' errors, which is the least that a barrier can be.
    """
    rows = single(lines[lines["relation"] == SUCCESSIVE])
    ends = rows[["first_error", "second_error"]]
    matches = ends.max(axis=1) <= rows["dense_error"] + MATCHING
    return rows.assign(matches=matches, of_ends=(ends.max(axis=1) - ends.min(axis=1)) / 2)


Panel = tuple[str, str, str]  # network, data set, schedule

PANEL = ("network", "dataset", "schedule")


def single(rows: pd.DataFrame) -> pd.DataFrame:
    """The first row of each measurement: what it says as a whole."""
    return rows[rows["row"] == 0]


def panels(levels: pd.DataFrame) -> list[Panel]:
    """The networks, data sets and schedules that there are levels (or supermasks) of, in order."""
    return sorted(levels[list(PANEL)].drop_duplicates().itertuples(index=False, name=None))


def panel(levels: pd.DataFrame, key: Panel) -> pd.DataFrame:
    """The rows of one network, data set and schedule."""
    own = pd.Series(True, levels.index)
    for name, value in zip(PANEL, key, strict=True):
        own &= levels[name] == value
    return levels[own]
