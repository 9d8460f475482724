"""Tables on the terminal: one way to align them, for all commands. Imports no TensorFlow and no pandas."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from tabulate import tabulate

NUMBER = re.compile(r"[-+]?[\d.,]+( ?%)?|-|")


def text_table(rows: Iterable[Sequence[object]], indent: str = "") -> str:
    """Rows as lines of text, the first of them the headings: columns of numbers end, and others begin, at one place.

    >>> print(text_table([["layer", "weights"], ["dense_1", "1,000"], ["all", "20"]]))
    layer    weights
    dense_1    1,000
    all           20
    """
    rows = [[str(cell) for cell in row] for row in rows]
    align = ["right" if all(map(NUMBER.fullmatch, cells[1:])) else "left" for cells in zip(*rows, strict=True)]
    text = tabulate(rows, tablefmt="plain", disable_numparse=True, colalign=align)
    return textwrap.indent("\n".join(line.rstrip() for line in text.splitlines()), indent)
