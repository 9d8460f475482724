"""Makes one HTML page of a results folder: its main figure and a summary, then figures, tables, claims, and their origin.

Example:
  python -m analysis.report --results_dir=results --out=report

The page, index.html, needs no network and no other file; beside it lie its figures as SVG, PNG and PDF and its tables
as CSV. A folder that is not finished is reported as far as it goes. A part that fails is named in its place; the command
then ends with status 1.
"""

from __future__ import annotations

from analysis.report.report import define_flags, main
from lottery_tf import console

if __name__ == "__main__":
    define_flags()
    console.run(main)
