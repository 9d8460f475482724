"""Selects the rows of results that belong to a panel, a measurement or a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from lottery_tf.landscape.interpolation import MATCHING
from lottery_tf.landscape.measurements.settings import SUCCESSIVE
from lottery_tf.models.settings import SCHEDULES
from lottery_tf.models.table_s1 import NETWORKS


def successive(lines: pd.DataFrame) -> pd.DataFrame:
    """Returns the lines between successive levels, one row for each line, with two further columns.

    "matches" says whether both ends match the dense network. "of_ends" is half the difference between the errors of
    the two ends, the smallest value that the error barrier can have.
    """
    rows = single(lines[lines["relation"] == SUCCESSIVE])
    ends = rows[["first_error", "second_error"]]
    matches = ends.max(axis=1) <= rows["dense_error"] + MATCHING
    return rows.assign(matches=matches, of_ends=(ends.max(axis=1) - ends.min(axis=1)) / 2)


class Panel(NamedTuple):
    """A network, data set, schedule and precision. Learned masks have no schedule: theirs is empty.

    >>> Panel("fc", "mnist", "paper", "float32").network_and_dataset
    ('fc', 'mnist')
    """

    network: str
    dataset: str
    schedule: str | None = ""
    precision: str = ""

    @property
    def network_and_dataset(self) -> tuple[str, str]:
        """The first two fields, which learned masks have too."""
        return self.network, self.dataset


PANEL = Panel._fields


def single(rows: pd.DataFrame) -> pd.DataFrame:
    """Returns the first row of each measurement, which holds the values of the measurement as a whole."""
    return rows[rows["row"] == 0]


def panels(levels: pd.DataFrame) -> list[Panel]:
    """Returns the panels that have rows, sorted."""
    return sorted(map(Panel._make, levels[list(PANEL)].drop_duplicates().itertuples(index=False, name=None)))


def panel(levels: pd.DataFrame, key: Panel) -> pd.DataFrame:
    """Returns the rows of one panel."""
    return rows_where(levels, **key._asdict())


def panels_without_schedule(rows: pd.DataFrame) -> list[Panel]:
    """Returns the pairs of network and data set that have rows, in the order of the rows."""
    return [Panel(*pair) for pair in rows[list(PANEL[:2])].drop_duplicates().itertuples(index=False, name=None)]


def rows_where(rows: pd.DataFrame, **values: object) -> pd.DataFrame:
    """Returns the rows that have these values in the columns of these names; None stands for a missing value."""
    wanted = pd.Series(True, rows.index)
    for name, value in values.items():
        wanted &= rows[name].isna() if value is None else rows[name] == value
    return rows[wanted]


def panel_parts(key: Sequence[str]) -> list[str]:
    """Returns the parts of a panel's name, without empty parts and without the default precision.

    >>> panel_parts(("fc", "mnist", "paper", "float32")), panel_parts(("fc", "mnist", "", ""))
    (['fc', 'mnist', 'paper'], ['fc', 'mnist'])
    """
    return [part for part in key if part not in ("", "float32")]


def table_s1_order(keys: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Sorts panels, or pairs of network and data set, in the order of Table S1; other networks come last.

    Of one network, the schedules that are shares of the paper's come first, and longer trainings before shorter ones.

    >>> table_s1_order([("conv2", "cifar10", "paper"), ("mine", "x", "9"), ("fc", "mnist", "paper")])[0]
    ('fc', 'mnist', 'paper')
    >>> [key[2] for key in table_s1_order(("fc", "mnist", name) for name in ("800", "1500", "tenth", "half"))]
    ['half', 'tenth', '1500', '800']
    """
    ranks = {network: rank for rank, network in enumerate(NETWORKS)}
    return sorted(keys, key=lambda key: (ranks.get(key[0], len(ranks)), key[:2], *map(_length, key[2:3]), key))


def _length(schedule: str | None) -> tuple[int, int]:
    """Returns where a schedule comes when longer trainings come first."""
    name = schedule or ""
    shares = [*SCHEDULES]
    return shares.index(name) if name in shares else len(shares), -int(name) if name.isdecimal() else 0


def best_of_each(rows: pd.DataFrame, group: list[str], by: str) -> pd.DataFrame:
    """Returns of each group the row with the highest value in a column, the first of equals."""
    return rows.loc[rows.groupby(group, sort=False)[by].idxmax()]


def ordered_panels(rows: pd.DataFrame) -> list[Panel]:
    """Returns the panels that have rows, in the order of `table_s1_order`."""
    return table_s1_order(panels(rows))


def panel_caption(key: Sequence[str], schedule: str = "") -> str:
    """Returns a panel's name for a caption, with the text `schedule` before its schedule.

    >>> panel_caption(("fc", "mnist", "paper", "mixed_bfloat16")), panel_caption(("fc", "mnist", "", ""))
    ('fc, mnist, paper, mixed_bfloat16', 'fc, mnist')
    """
    parts = panel_parts(key)
    return ", ".join([*parts[:2], *(f"{schedule}{part}" for part in parts[2:3]), *parts[3:]])


LINE_COLUMNS = ["line", "level", "seed", "kept_fraction", "value"]  # columns of the runs behind a figure's lines


def join_lines(level0: pd.DataFrame, lines: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Joins the runs of all lines that have any, with the line's name as "line". Each line begins with level 0."""
    parts = [pd.concat([level0, rows]).assign(line=line) for line, rows in lines.items() if len(rows)]
    return pd.concat(parts, ignore_index=True) if parts else level0[:0].assign(line="")


def in_line_order(rows: pd.DataFrame, lines: Iterable[str]) -> pd.DataFrame:
    """Sorts rows by line, in the given order, and by level."""
    order = {line: number for number, line in enumerate(lines)}
    rows = rows.sort_values("level", kind="stable")
    return rows.sort_values("line", key=lambda names: names.map(order), kind="stable", ignore_index=True)
