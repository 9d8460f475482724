"""Text cells of CSV files, quoted so that no spreadsheet runs them."""

from __future__ import annotations

import re

FORMULA = re.compile(r"'*[=+\-@\t\r].", re.DOTALL)  # a spreadsheet runs a cell that begins so; quoted, it shows it


def escaped(cell: object) -> object:
    """A cell of a CSV file that a spreadsheet takes for text, whatever a user's names begin with; numbers stay.

    >>> [escaped(cell) for cell in ("=cmd()", "-0.5", "-", "large_final", -0.5, "'=a")]
    ["'=cmd()", '-0.5', '-', 'large_final', -0.5, "''=a"]
    """
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) and not _is_number(cell) else cell


def unescaped(cell: str) -> str:
    """What `escaped` was given.

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
