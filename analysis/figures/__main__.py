"""Draws figures from a results folder, as far as what is there allows: the paper's, and of the two works behind it.

Examples:
  python -m analysis.figures --results_dir=results --out=figures
  python -m analysis.figures --results_dir=results --figure=1,2,3,4,5,6,7,S1 --format=png,svg,pdf --out=figures
  python -m analysis.figures --results_dir=results --figure=lottery,barriers,flatness --out=figures
  python -m analysis.figures --results_dir=results --figure=2 --criterion=my_module:my_criterion --out=figures
"""

from __future__ import annotations

from analysis.figures.all_figures import define_flags, main
from lottery_tf import console

if __name__ == "__main__":
    define_flags()
    console.run(main)
