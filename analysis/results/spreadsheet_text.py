"""Quotes text cells of CSV files so that spreadsheets do not run them as formulas."""

from __future__ import annotations

import re

FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠].", re.DOTALL)  # a spreadsheet runs such a cell as a formula


def escaped(cell: object) -> object:
    """Quotes a text that a spreadsheet would run as a formula. Numbers and other texts stay unchanged.

    >>> [escaped(cell) for cell in ("=cmd()", "-0.5", "-", "large_final", -0.5, "'=a")]
    ["'=cmd()", '-0.5', '-', 'large_final', -0.5, "''=a"]
    """
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) and not _is_number(cell) else cell


def unescaped(cell: str) -> str:
    """Returns the cell that `escaped` was given.

    >>> [unescaped(cell) for cell in ("'=cmd()", "'quoted'", "-0.5", "''=a")]
    ['=cmd()', "'quoted'", '-0.5', "'=a"]
    """
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
