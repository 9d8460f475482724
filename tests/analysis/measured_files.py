"""The measured results and the tables that the pages print of them, both as they are stored."""

import csv
import re
from statistics import fmean

from shared import ROOT

MEASURED = ROOT / "analysis" / "measured"


def rows_of(name):
    with open(MEASURED / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def tables_of_readmes():
    """Each table of the front page and of the one beside the CSV files: its header and its rows, as lists of cells."""
    found, text = [], "\n".join((folder / "README.md").read_text() for folder in (ROOT, MEASURED))
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block.splitlines()]
        found.append((lines[0], lines[2:]))
    return found


def mean_and_range(values, digits):
    shown = f"{fmean(values):.{digits}f}"
    return f"{shown} [{min(values):.{digits}f}, {max(values):.{digits}f}]" if len(values) > 1 else shown


def prunable_percentages(level, pruned_by, method):
    """The share that can go, in percent, of each seed."""
    rows = [row for row in rows_of("landscape/limits") if (row["level"], row["pruned_by"]) == (level, pruned_by)]
    rows = [row for row in rows if row["method"] == method and row["criterion"] == "large_final"]
    return [100 * float(row["pruned_fraction"]) for row in sorted(rows, key=lambda row: row["seed"])]


def table_of(title):
    """The rows of the table whose header has this title."""
    ((_, rows),) = [table for table in tables_of_readmes() if title in table[0]]
    return rows
