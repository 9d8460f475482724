"""What a run ends with: kept percentage, early-stopping iteration and accuracy, mean [min, max] over seeds."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from lottery_tf.errors import InputError
from lottery_tf.store import DENSE
from lottery_tf.treatments import Treatment

MEASURES = {"early_stop_iteration": "early-stopping iteration", "test_accuracy": "test accuracy at early stop, %"}


def chosen(levels: Iterable[dict], treatments: list[Treatment], seeds: list[int], last_level: int) -> pd.DataFrame:
    """The levels of some treatments and seeds, the dense network as level 0 of each treatment.

    Args:
      levels: metrics of trained levels, as `lottery_tf.finished` gives them.
      treatments: which treatments, in which order.
      seeds: which seeds.
      last_level: the highest level wanted.

    Returns:
      A row a level: treatment, seed, level, kept_fraction and the measures; accuracy in percent.
    """
    found = [metrics for metrics in levels if metrics["seed"] in seeds and metrics["level"] <= last_level]
    rows = []
    for treatment in treatments:
        own = (treatment.criterion, treatment.mask1, treatment.mask0)
        for metrics in found:
            if metrics["criterion"] == DENSE or (metrics["criterion"], metrics["mask1"], metrics["mask0"]) == own:
                rows.append({"treatment": treatment.name} | metrics)
    if not rows:
        raise InputError("There are no trained levels of these treatments and seeds.")
    table = pd.DataFrame(rows)[["treatment", "seed", "level", "kept_fraction", *MEASURES]]
    # A diverged training has no accuracy: it counts as missing, not as zero.
    table["test_accuracy"] = 100 * table["test_accuracy"].astype(float)
    return table.sort_values("level", kind="stable")


def over_seeds(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Mean, least and greatest value over seeds and their number, for each treatment (in its order) and level."""
    groups = rows.groupby(["treatment", "level"], sort=False)
    return groups.agg(
        kept_fraction=("kept_fraction", "first"),
        mean=(measure, "mean"),
        min=(measure, "min"),
        max=(measure, "max"),
        n=(measure, "count"),
    ).reset_index()


def table(rows: pd.DataFrame) -> str:
    """The summary as text, a block a treatment."""
    stops, accuracies = (over_seeds(rows, measure) for measure in MEASURES)
    blocks = []
    for treatment in rows["treatment"].unique():
        lines = [
            f"{treatment}",
            f"{'level':>5} {'kept %':>8}   {'early-stopping iteration':<28} test accuracy at early stop, %",
        ]
        for stop, accuracy in zip(
            stops[stops.treatment == treatment].itertuples(),
            accuracies[accuracies.treatment == treatment].itertuples(),
            strict=True,
        ):
            lines.append(
                f"{stop.level:5} {100 * stop.kept_fraction:8.2f}   {_band(stop, '.0f'):<28} {_band(accuracy, '.2f')}"
            )
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _band(row, digits: str) -> str:
    if np.isnan(row.mean):
        return "diverged"
    text = f"{row.mean:{digits}}"
    return text if row.n == 1 else f"{text} [{row.min:{digits}}, {row.max:{digits}}]"
