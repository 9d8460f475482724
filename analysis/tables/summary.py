"""What a run ends with: kept percentage, early-stopping iteration and accuracy, mean [min, max] over seeds."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from analysis.results.load import FINISHED
from analysis.tables.formats import mean_and_range
from lottery_tf.errors import InputError
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import DENSE
from lottery_tf.text_tables import text_table

METRIC_TITLES = {"early_stop_iteration": "early-stopping iteration", "test_accuracy": "test accuracy at early stop, %"}


def chosen(levels: Iterable[dict], treatments: list[Treatment], seeds: list[int], last_level: int) -> pd.DataFrame:
    """The levels of some treatments and seeds, the dense network as level 0 of each treatment.

    Args:
      levels: metrics of trained levels, as `lottery_tf.finished` gives them.
      treatments: which treatments, in which order.
      seeds: which seeds.
      last_level: the highest level wanted.

    Returns:
      A row a level: treatment, seed, level, kept_fraction, status and the measures; accuracy in percent.
    """
    found = [metrics for metrics in levels if metrics["seed"] in seeds and metrics["level"] <= last_level]
    rows = []
    for treatment in treatments:
        for metrics in found:
            if metrics["criterion"] == DENSE or treatment.matches(metrics):
                rows.append({"treatment": treatment.name} | metrics)
    if not rows:
        raise InputError("There are no trained levels of these treatments and seeds.")
    table = pd.DataFrame(rows)[["treatment", "seed", "level", "kept_fraction", "status", *METRIC_TITLES]]
    table = table.astype(dict.fromkeys(METRIC_TITLES, float))
    table["test_accuracy"] *= 100
    # A diverged training has no accuracy, and stops nowhere early: it counts as missing, not as zero.
    table.loc[table["status"] != FINISHED, list(METRIC_TITLES)] = float("nan")
    return table.sort_values("level", kind="stable")


def over_seeds(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Mean, least and greatest value over seeds, for each treatment (in its order) and level.

    Args:
      rows: what `chosen` returns.
      measure: the column.

    Returns:
      Columns treatment, level, kept_fraction, mean, min, max, n (the seeds that have a value), runs (all of them).
    """
    groups = rows.groupby(["treatment", "level"], sort=False)
    return groups.agg(
        kept_fraction=("kept_fraction", "first"),
        mean=(measure, "mean"),
        min=(measure, "min"),
        max=(measure, "max"),
        n=(measure, "count"),
        runs=(measure, "size"),
    ).reset_index()


def table(rows: pd.DataFrame) -> str:
    """The summary as text, a block a treatment."""
    cells = {measure: over_seeds(rows, measure) for measure in METRIC_TITLES}
    first, blocks = next(iter(cells.values())), []
    for treatment in rows["treatment"].unique():
        lines = [["level", "kept %", *METRIC_TITLES.values()]]
        for place in first.index[first["treatment"] == treatment]:
            level = [first.at[place, "level"], f"{100 * first.at[place, 'kept_fraction']:.2f}"]
            lines.append(
                [*level, *(_level_cell(cells[measure].loc[place], digits) for measure, digits in DIGITS.items())]
            )
        blocks.append(f"{treatment}\n{text_table(lines)}")
    return "\n\n".join(blocks)


DIGITS = {"early_stop_iteration": 0, "test_accuracy": 2}


def _level_cell(row: pd.Series, digits: int) -> str:
    return _cell(row["mean"], row["min"], row["max"], row["n"], row["runs"], digits)


def _cell(mean: float, least: float, greatest: float, n: int, runs: int, digits: int) -> str:
    return mean_and_range(mean, least, greatest, digits, n, runs) if n else "diverged"


MASK_COLUMNS = {  # what is printed of a learned mask -> its metric
    "best iteration": "best_iteration",
    "mean of sampled masks": "test_accuracy",
    "most likely mask": "most_likely_test_accuracy",
    "last iteration": "final_test_accuracy",
    "pruned": "pruned_fraction",
}


def learned_masks(results: Iterable[dict]) -> str:
    """Learned Supermasks as text: test accuracies and pruned share in percent, mean [min, max] over seeds.

    Args:
      results: metrics of learned masks, as `lottery_tf.finished(..., "learned_mask")` gives them.
    """
    found = pd.DataFrame(results).astype(dict.fromkeys(MASK_COLUMNS.values(), float))
    found.loc[found["status"] != FINISHED, list(MASK_COLUMNS.values())] = float("nan")
    identity = ["weights", "g", "rescale", "initial_logit", "chosen_kept_fraction"]
    table = [["mask", *MASK_COLUMNS]]
    for key, rows in found.groupby(identity, sort=False, dropna=False):
        weights, g, rescale, logit, kept = key
        target = f"m={logit}" if pd.isna(kept) else f"kept {kept:g}"
        name = f"{weights}, {g}{', rescaled' if rescale else ''}, {target}"
        cells = []
        for title, metric in MASK_COLUMNS.items():
            values = rows[metric] * (1 if title == "best iteration" else 100)
            digits = 0 if title == "best iteration" else 2
            cells.append(_cell(values.mean(), values.min(), values.max(), values.count(), len(values), digits))
        table.append([name, *cells])
    return f"{text_table(table, indent='  ')}\n{MASK_NOTE}"


MASK_NOTE = """Test accuracies and the pruned share (1 - mean probability) in %; mean [least, greatest] over seeds.
All but 'last iteration' are at the iteration of best validation accuracy."""
