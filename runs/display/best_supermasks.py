"""The table of the best heuristic Supermasks of an experiment."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.statistics.maxima import MAXIMA
from lottery_tf.command_line.text_tables import mean_and_range, text_table

NOTE = """
All numbers are in %: mean [minimum, maximum] over seeds. trained_baseline: the dense network at its early-stopping
iteration.
(1) The kept fraction is chosen for each seed on validation images; the accuracy at that fraction is on test images.
(2) As in the paper's Table 1 ("max over any prune percentage"), chosen on test images: the maximum over kept fractions
    for each seed, then the mean over seeds.
(3) Chosen on test images: the mean over seeds for each kept fraction, then the maximum; and its kept fraction."""


def table(rows: Sequence[dict], weights: str) -> str:
    """Returns the best Supermasks on one kind of weights as text, with one line for each criterion.

    Args:
      rows: evaluated Supermasks, with the criterion's "label", "seed", "level", "kept_fraction" and accuracies.
      weights: the kind of weights, for the title.
    """
    evaluated = pd.DataFrame(rows).rename(columns={"label": "criterion", "level": "choice"})
    best = {
        criterion: {way: maximum.choose(masks) for way, maximum in MAXIMA.items()}
        for criterion, masks in evaluated.groupby("criterion", sort=False)
    }
    columns = ["criterion", "kept (1)", "test accuracy (1)", "test accuracy (2)", "test accuracy (3)", "kept (3)"]
    cells = [
        [
            criterion,
            mean_and_range(chosen["validation"]["kept_fraction"], factor=100),
            mean_and_range(chosen["validation"]["test_accuracy"], factor=100),
            mean_and_range(chosen["maxima"]["test_accuracy"], factor=100),
            f"{100 * chosen['mean_maximum']['test_accuracy'].mean():.2f}",
            f"{100 * chosen['mean_maximum']['kept_fraction'].mean():.2f}",
        ]
        for criterion, chosen in sorted(best.items(), key=lambda item: -item[1]["validation"]["test_accuracy"].mean())
    ]
    return f"Supermasks on weights: {weights}\n{text_table([columns, *cells])}"
