"""Tests the claims of the paper, and of the two works behind it, on the results at hand.

Example:
  python -m analysis.claims --results_dir=results

A claim is shown where the data show all of its conditions, contradicted where they show the opposite of one, and not
shown where they do neither. `analysis.claims.zhou2019`, `analysis.claims.frankle2019` and `analysis.claims.paul2023` have each
claim with its test; `analysis.claims.verdicts` has the rules.
"""

from __future__ import annotations

from analysis.claims.all_claims import define_flags, main
from lottery_tf import console

if __name__ == "__main__":
    define_flags()
    console.run(main)
