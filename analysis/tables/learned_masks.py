"""Makes the table of learned Supermasks, both those of Figure 7 and others."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from analysis.results.columns import ADDED_LATER, FURTHER_MASK_SETTINGS, MASK_IDENTITY, MASK_TRAINING, SUMMARY
from analysis.results.load import Results
from analysis.tables.formats import Table, summary_text
from analysis.tables.table1 import training_in_words
from lottery_tf.results.stored_result import FINISHED

LEARNED_IDENTITY = ("network", "dataset", *MASK_IDENTITY)

LEARNED_METRICS = {  # title of a shown number -> its column
    "mean of sampled masks": "test_accuracy",
    "most likely mask": "most_likely_test_accuracy",
    "pruned": "pruned_fraction",
}


def learned_table(results: Results) -> Table:
    """Returns the table of learned Supermasks at the iteration of best validation accuracy, in percent, over seeds.

    It has one row for each kind of mask and way of learning. Masks whose learning diverged are left out.
    """
    rows = results.learned_masks[results.learned_masks["status"] == FINISHED]
    identity, numbers, shown = [*LEARNED_IDENTITY, *MASK_TRAINING], [], []
    rows = rows.sort_values(identity, key=_in_order)
    for key, seeds in rows.groupby(identity, dropna=False, sort=False):
        row = dict(zip(identity, key, strict=True)) | {"n": len(seeds)}
        cells = {name: row[name] for name in ("network", "dataset", "weights", "g")}
        cells |= {"rescaled": "yes" if row["rescale"] else "no", "start": _start(row)}
        cells["training"] = training_in_words(*(row[name] for name in MASK_TRAINING))
        for title, metric in LEARNED_METRICS.items():
            summary = (100 * seeds[metric]).agg(SUMMARY)
            row |= {f"{metric}_{name}": value for name, value in summary.items()}
            cells[f"{title}, %"] = summary_text(*summary, 2, len(seeds))
        numbers.append(row)
        shown.append(cells)
    return Table("Learned Supermasks: test accuracy and pruned percentage", pd.DataFrame(numbers), pd.DataFrame(shown))


def _in_order(column: pd.Series) -> pd.Series:
    """Makes initial logits sort as numbers where possible: they are texts, because a mask may have several."""
    return pd.to_numeric(column, errors="coerce") if column.name == "initial_logit" else column


def _start(row: dict) -> str:
    start = f"m = {row['initial_logit']}" if math.isnan(row["chosen_kept_fraction"]) else "scattered"
    kept = "" if math.isnan(row["chosen_kept_fraction"]) else f", {row['chosen_kept_fraction']:.2%} kept"
    return start + kept + others_in_words(row)


def others_in_words(row: Mapping) -> str:
    """Returns a learned mask's penalty, and its settings that are not in the paper, unless they are the default."""
    names = ("l1", *FURTHER_MASK_SETTINGS)
    changed = {name: row[name] for name in names if pd.notna(row[name]) and row[name] != ADDED_LATER[name]}
    return "".join(
        f", {name} {value:g}" if isinstance(value, float) else f", {name} {value}" for name, value in changed.items()
    )
