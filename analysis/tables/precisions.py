"""Makes the tables that compare half precision with float32: trained levels and learned masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from analysis.results.columns import MASK_TRAINING
from analysis.results.load import Results
from analysis.statistics.significance_tests import compare
from analysis.tables.formats import NOTHING, Table
from analysis.tables.learned_masks import LEARNED_IDENTITY
from lottery_tf.models.settings import PRECISIONS
from lottery_tf.results.stored_result import FINISHED

FLOAT32 = "float32"
HALVES = tuple(name for name in PRECISIONS if name != FLOAT32)
LEVEL_IDENTITY = ("network", "dataset", "schedule", "treatment", "level")
MASK = (*LEARNED_IDENTITY, *(name for name in MASK_TRAINING if name != "precision"))


def precision_tables(results: Results) -> list[Table]:
    """Returns two tables that compare test accuracies in float32 and in half precision, in percent.

    Only seeds with results in both precisions count. A row is one level of a treatment (at its early-stopping
    iteration), or one way to learn a mask (at the iteration of best validation accuracy). Its numbers are the mean in
    each precision; the mean difference, half minus float32, with the 95% confidence interval of the paired t-test; and
    the standard deviation over seeds in float32, which says how much accuracies differ by chance.
    """
    title = "Test accuracy, %, in half precision and in float32"
    return [
        _table(f"{title}: trained levels", results.levels, LEVEL_IDENTITY),
        _table(f"{title}: learned masks", results.learned_masks, MASK),
    ]


def _table(caption: str, rows: pd.DataFrame, identity: Sequence[str]) -> Table:
    """Returns the table of the differences between half precision and float32."""
    numbers = pd.DataFrame(_rows(rows[rows["status"] == FINISHED], identity))
    if numbers.empty:
        return Table(caption, numbers, numbers)
    several = [name for name in identity if numbers[name].nunique(dropna=False) > 1 or name == identity[0]]
    shown = numbers[[*several, "precision"]].astype(str)
    shown["in float32"] = [f"{mean:.2f}" for mean in numbers["float32_mean"]]
    shown["in half precision"] = [f"{mean:.2f}" for mean in numbers["half_mean"]]
    shown["difference [95% interval]"] = [
        f"{row.difference:+.2f} " + (f"[{row.low:+.2f}, {row.high:+.2f}]" if pd.notna(row.low) else NOTHING)
        for row in numbers.itertuples()
    ]
    shown["deviation of seeds"] = [NOTHING if pd.isna(spread) else f"{spread:.2f}" for spread in numbers["deviation"]]
    return Table(caption, numbers, shown.assign(seeds=numbers["n"].astype(str)))


def _rows(rows: pd.DataFrame, identity: Sequence[str]) -> Iterator[dict]:
    """Yields one row for each level or mask that has at least one seed in float32 and in a half precision."""
    for key, of_identity in rows.groupby(list(identity), dropna=False, sort=False):
        accuracies = {
            precision: dict(zip(runs["seed"], 100 * runs["test_accuracy"], strict=True))
            for precision, runs in of_identity.groupby("precision")
        }
        single = accuracies.get(FLOAT32, {})
        for precision in HALVES:
            half = accuracies.get(precision, {})
            seeds = sorted(single.keys() & half)
            if seeds:
                comparison = compare(half, single, "paired")
                both = pd.DataFrame({"single": single, "half": half}).loc[seeds]
                yield dict(zip(identity, key, strict=True)) | {
                    "precision": precision,
                    "float32_mean": both["single"].mean(),
                    "half_mean": both["half"].mean(),
                    "difference": comparison.difference,
                    "low": comparison.low,
                    "high": comparison.high,
                    "deviation": both["single"].std(),
                    "n": len(seeds),
                }
