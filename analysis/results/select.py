"""The rows of results that a figure, a table or a claim is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from lottery_tf.landscape.interpolation import MATCHING
from lottery_tf.models.table_s1 import NETWORKS

SUCCESSIVE = "successive"  # the relation of a level and the next


def successive(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines between successive levels, a row a line, with "matches": whether both ends match the dense network.

    "of_ends" is half of the difference between the ends' errors, which is the least that a barrier can be.
    """
    rows = single(lines[lines["relation"] == SUCCESSIVE])
    ends = rows[["first_error", "second_error"]]
    matches = ends.max(axis=1) <= rows["dense_error"] + MATCHING
    return rows.assign(matches=matches, of_ends=(ends.max(axis=1) - ends.min(axis=1)) / 2)


PANEL = ("network", "dataset", "schedule", "precision")
Panel = tuple[str, str, str, str]  # values of `PANEL`


def single(rows: pd.DataFrame) -> pd.DataFrame:
    """The first row of each measurement: what it says as a whole."""
    return rows[rows["row"] == 0]


def panels(levels: pd.DataFrame) -> list[Panel]:
    """The networks, data sets, schedules and precisions that there are levels (or supermasks) of, in order."""
    return sorted(levels[list(PANEL)].drop_duplicates().itertuples(index=False, name=None))


def panel(levels: pd.DataFrame, key: Panel) -> pd.DataFrame:
    """The rows of one network, data set, schedule and precision."""
    own = pd.Series(True, levels.index)
    for name, value in zip(PANEL, key, strict=True):
        own &= levels[name] == value
    return levels[own]


def panel_parts(key: Sequence[str]) -> list[str]:
    """What there is to say of a panel: the precision is named where it is not the usual one.

    >>> panel_parts(("fc", "mnist", "paper", "float32")), panel_parts(("fc", "mnist", "", ""))
    (['fc', 'mnist', 'paper'], ['fc', 'mnist'])
    """
    return [part for part in key if part not in ("", "float32")]


def table_s1_order(keys: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Panels, or networks with their data sets, in the order of Table S1; networks that it lacks come last.

    >>> table_s1_order([("conv2", "cifar10", "paper"), ("mine", "x", "9"), ("fc", "mnist", "paper")])[0]
    ('fc', 'mnist', 'paper')
    """
    places = {network: place for place, network in enumerate(NETWORKS)}
    return sorted(keys, key=lambda key: (places.get(key[0], len(places)), key))


def ordered_panels(rows: pd.DataFrame) -> list[Panel]:
    """The panels that there are rows of, in the order of Table S1."""
    return table_s1_order(panels(rows))


def panel_caption(key: Sequence[str], schedule: str = "") -> str:
    """A panel in a caption; `schedule` stands before its schedule.

    >>> panel_caption(("fc", "mnist", "paper", "mixed_bfloat16")), panel_caption(("fc", "mnist", "", ""))
    ('fc, mnist, paper, mixed_bfloat16', 'fc, mnist')
    """
    parts = panel_parts(key)
    return ", ".join([*parts[:2], *(f"{schedule}{part}" for part in parts[2:3]), *parts[3:]])


RUN_COLUMNS = ["line", "level", "seed", "kept_fraction", "value"]  # of the runs behind the lines of a figure


def runs_of_lines(level0: pd.DataFrame, lines: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The runs of all lines that have any, named in the column "line"; each line begins with the runs of level 0."""
    parts = [pd.concat([level0, rows]).assign(line=line) for line, rows in lines.items() if len(rows)]
    return pd.concat(parts, ignore_index=True) if parts else level0[:0].assign(line="")


def in_line_order(rows: pd.DataFrame, lines: Iterable[str]) -> pd.DataFrame:
    """Rows sorted by line, in the order that is given, and by level."""
    order = {line: number for number, line in enumerate(lines)}
    rows = rows.sort_values("level", kind="stable")
    return rows.sort_values("line", key=lambda names: names.map(order), kind="stable", ignore_index=True)
