"""The tables of the paper from the results at hand: Table 1, Table S1, and the numbers behind each figure.

Examples:
  python -m analysis.tables --results_dir=results
  python -m analysis.tables --results_dir=results --table=table1,figure3 --format=latex --out=tables
"""

from __future__ import annotations

from analysis.tables.all_tables import define_flags, main
from lottery_tf import console

if __name__ == "__main__":
    define_flags()
    console.run(main)
