"""Defines `Table`, a table of results, and writes tables as Markdown, CSV and LaTeX."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import pandas as pd

from analysis.results.spreadsheet_text import escaped
from lottery_tf.command_line.text_tables import with_range
from lottery_tf.studies import paper

NOTHING = "-"


def summary_text(mean: float, least: float, greatest: float, digits: int, n: int, runs: int = len(paper.SEEDS)) -> str:
    """Formats "mean [min, max]" of n runs. n is added if it is less than `runs`, by default the paper's five.

    >>> summary_text(79.3, 78.1, 80.2, 1, 5), summary_text(79.3, 79.3, 79.3, 1, 1)
    ('79.3 [78.1, 80.2]', '79.3, n = 1')
    """
    if n > 1:
        text = with_range(mean, least, greatest, f".{digits}f")
    else:
        text = NOTHING if math.isnan(mean) else f"{mean:.{digits}f}"
    return text if n >= runs else f"{text}, n = {n}"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table, both as full numbers and as text.

    Attributes:
      caption: what it shows.
      numbers: the numbers in full precision, for CSV.
      shown: cells of text such as "79.30 [78.12, 80.25]", for Markdown and LaTeX.
    """

    caption: str
    numbers: pd.DataFrame
    shown: pd.DataFrame


def to_markdown(table: pd.DataFrame) -> str:
    r"""Returns a table as Markdown with aligned columns.

    >>> print(to_markdown(pd.DataFrame({"line": ["a|b"], "mean": ["79.30"]})), end="")
    | line | mean  |
    |------|-------|
    | a\|b | 79.30 |
    """
    rows = [[str(cell).replace("|", "\\|") for cell in row] for row in _rows(table)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    text = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text) + "\n"


def to_csv(table: pd.DataFrame) -> str:
    """Returns a table as CSV, with numbers in full precision. Missing values are empty; texts are `escaped`."""
    return table.map(escaped).rename(columns=escaped).to_csv(index=False, lineterminator="\n")


def to_latex(table: pd.DataFrame) -> str:
    r"""Returns a table as a LaTeX tabular that needs no package.

    >>> print(to_latex(pd.DataFrame({"line": ["large_final"], "kept, %": ["80.04"]})), end="")
    \begin{tabular}{ll}
    \hline
    line & kept, \% \\
    \hline
    large\_final & 80.04 \\
    \hline
    \end{tabular}
    """
    head, *rows = (" & ".join(_latex(cell) for cell in row) + r" \\" for row in _rows(table))
    begin = rf"\begin{{tabular}}{{{'l' * len(table.columns)}}}"
    return "\n".join([begin, r"\hline", head, r"\hline", *rows, r"\hline", r"\end{tabular}"]) + "\n"


LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)


def _latex(cell: object) -> str:
    # LaTeX would read a bracket at the start of a row as an argument of the line break before it.
    text = str(cell).translate(LATEX)
    return f"{{}}{text}" if text.startswith("[") else text


def _rows(table: pd.DataFrame) -> Iterable[Iterable[object]]:
    return [list(table.columns), *table.itertuples(index=False, name=None)]


def _markdown(tables: Iterable[Table]) -> str:
    return "\n".join(f"### {table.caption}\n\n{to_markdown(table.shown)}" for table in tables)


def _latex_tables(tables: Iterable[Table]) -> str:
    return "\n".join(
        "\n".join(
            [r"\begin{table}", rf"\caption{{{_latex(table.caption)}}}", to_latex(table.shown) + r"\end{table}", ""]
        )
        for table in tables
    )


def _csv(tables: Iterable[Table]) -> str:
    return to_csv(pd.concat([table.numbers for table in tables], ignore_index=True))


class Format(NamedTuple):
    """A format of tables: the ending of its files, and the function from tables to their text."""

    ending: str
    write: Callable[[Iterable[Table]], str]


FORMATS = {"markdown": Format(".md", _markdown), "csv": Format(".csv", _csv), "latex": Format(".tex", _latex_tables)}
