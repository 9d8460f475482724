"""Aligns the tables that all commands print. It imports neither TensorFlow nor pandas."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Sequence
from statistics import fmean

from tabulate import tabulate

NUMBER = re.compile(r"[-+]?[\d.,]+( ?%)?|-|")


def text_table(rows: Iterable[Sequence[object]], indent: str = "") -> str:
    """Returns rows, the first of which is the heading, as lines of text; columns of numbers are aligned to the right.

    >>> print(text_table([["layer", "weights"], ["dense_1", "1,000"], ["all", "20"]]))
    layer    weights
    dense_1    1,000
    all           20
    """
    rows = [[str(cell) for cell in row] for row in rows]
    align = ["right" if all(map(NUMBER.fullmatch, cells[1:])) else "left" for cells in zip(*rows, strict=True)]
    text = tabulate(rows, tablefmt="plain", disable_numparse=True, colalign=align)
    return textwrap.indent("\n".join(line.rstrip() for line in text.splitlines()), indent)


def mean_and_range(values: Iterable[float | None], digits: str = ".2f", factor: float = 1) -> str:
    """Returns "mean [minimum, maximum]" of numbers times a factor; one number if all are equal, "-" if there is none.

    >>> mean_and_range([1, 2]), mean_and_range([0.5, None]), mean_and_range([])
    ('1.50 [1.00, 2.00]', '0.50', '-')
    >>> mean_and_range([0.25, 0.5], factor=100)
    '37.50 [25.00, 50.00]'
    """
    numbers = [factor * value for value in values if value is not None and not math.isnan(value)]
    if not numbers:
        return "-"
    if len(set(numbers)) == 1:
        return f"{numbers[0]:{digits}}"
    return with_range(fmean(numbers), min(numbers), max(numbers), digits)


def with_range(mean: float, least: float, greatest: float, digits: str = ".2f") -> str:
    """Returns "mean [minimum, maximum]".

    >>> with_range(1.5, 1, 2)
    '1.50 [1.00, 2.00]'
    """
    return f"{mean:{digits}} [{least:{digits}}, {greatest:{digits}}]"
