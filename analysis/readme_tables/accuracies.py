"""Makes the rows of tables of accuracies: mean [min, max] over seeds in percent, or the value of a single seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import fmean

import pandas as pd

from analysis.results import lottery_lines
from analysis.results.columns import SUMMARY
from analysis.results.load import Results
from analysis.results.select import Panel, panel
from analysis.tables.formats import summary_text
from analysis.tables.learned_masks import learned_table
from analysis.tables.precisions import precision_tables
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import DENSE
from lottery_tf.results.stored_result import FINISHED
from lottery_tf.studies import paper

FC = ("fc", "mnist")
TICKETS_SCHEDULE = "8000"
Row = list[str]


def cell(values: Iterable[float], digits: int = 2) -> str:
    """Returns "mean [min, max]" of some values; "" if there are none.

    >>> cell([98.1, 98.3]), cell([98.1], 1), cell([])
    ('98.20 [98.10, 98.30]', '98.1', '')
    """
    values = list(values)
    return summary_text(fmean(values), min(values), max(values), digits, len(values), runs=1) if values else ""


def levels_table(
    results: Results, key: Panel, title: str, lines: Iterable[Treatment], kept: Iterable[float]
) -> Iterator[Row]:
    """Yields the test accuracies of a panel: one row for each treatment with results, one column for each percentage.

    The dense network, which has 100% of the weights, is shown for the seeds of the treatment.
    """
    rows = panel(results.levels, key)
    rows = rows.assign(kept=(100 * rows["kept_fraction"]).round(2))
    yield [title, "seeds", *(f"{share:.2f}%" + " kept" * (not number) for number, share in enumerate(kept))]
    for treatment in lines:
        pruned = rows[rows["treatment"] == treatment.name]
        if len(pruned):
            seeds = pruned["seed"].unique()
            trained = pd.concat([pruned, rows[(rows["treatment"] == DENSE) & rows["seed"].isin(seeds)]])
            cells = [cell(100 * trained.loc[trained["kept"] == share, "test_accuracy"]) for share in kept]
            yield [treatment_in_words(treatment), str(len(seeds)), *cells]


def treatment_in_words(treatment: Treatment) -> str:
    """Names a treatment by its criterion, and by its actions if they differ from the default.

    >>> treatment_in_words(Treatment(mask0="init"))
    '`large_final`, pruned weights frozen at `init`'
    """
    usual, words = Treatment(), f"`{treatment.criterion}`"
    words += f", kept weights `{treatment.mask1}`" if treatment.mask1 != usual.mask1 else ""
    return words + (f", pruned weights frozen at `{treatment.mask0}`" if treatment.mask0 != usual.mask0 else "")


def initial_logits(results: Results) -> Iterator[Row]:
    """Yields learned masks of fc by initial logit: accuracy and pruned share, then both after the longest learning."""
    rows = results.learned_masks
    rows = rows[rows["network"].eq(FC[0]) & rows["dataset"].eq(FC[1])]
    rows = rows[rows["g"].eq("bernoulli") & rows["status"].eq(FINISHED)]
    shortest, longest = rows["iterations"].min(), rows["iterations"].max()
    columns = {
        ("m = " if logit == paper.INITIAL_LOGITS[0] else "") + f"{logit:g}": (f"{logit:g}", shortest)
        for logit in paper.INITIAL_LOGITS
    }
    columns[f"0, {longest:,.0f} iterations"] = ("0", longest)
    yield ["", *columns]
    for name, masks in paper.LEARNED_MASKS.items():
        of_column = rows[(rows["weights"] == masks[0].weights) & (rows["rescale"] == masks[0].rescale)]
        cells = []
        for logit, length in columns.values():
            some = of_column[(of_column["initial_logit"] == logit) & (of_column["iterations"] == length)]
            accuracy, pruned = 100 * some["test_accuracy"].mean(), 100 * some["pruned_fraction"].mean()
            cells.append(f"{accuracy:.1f} ({pruned:.0f}% pruned)" if len(some) else "")
        yield [name.removeprefix("learned mask x "), *cells]


def tickets(results: Results, metric: str = "test_accuracy") -> Iterator[Row]:
    """Yields tickets of fc and their controls: the mean over seeds of the means over draws, and min and max of all.

    `metric` is the test accuracy, which is given in percent, or the early-stopping iteration.
    """
    titles = {
        lottery_lines.TICKET: "ticket", lottery_lines.REINIT: "reinitialized",
        lottery_lines.RANDOM_TICKET: "random mask", lottery_lines.ONE_SHOT_TICKET: "one-shot",
        lottery_lines.FINE_TUNED: "fine-tuned",
    }  # fmt: skip
    factor, digits = (100, 2) if metric == "test_accuracy" else (1, 0)
    runs = lottery_lines.runs(results, Panel(*FC, TICKETS_SCHEDULE, "float32"), metric)
    points = lottery_lines.over_runs(runs.assign(value=factor * runs["value"])).set_index(["line", "level"])
    yield ["kept %", *titles.values()]
    for level in (0, 3, 7, 10):
        cells = []
        for line in titles:
            row = points.loc[line, level]
            shown = summary_text(*row[SUMMARY], digits, row["n"], runs=1)
            cells.append(shown if line == lottery_lines.TICKET or level else "")
        yield [f"{100 * points.loc[lottery_lines.TICKET, level]['kept_fraction']:.4g}", *cells]


def convolutional_masks(results: Results) -> Iterator[Row]:
    """Yields the learned masks of all networks but fc, one row for each kind of mask and way of learning."""
    shown = learned_table(results).shown
    shown = shown[shown["network"] != FC[0]].drop(columns=["g", "start"])
    yield list(shown.columns)
    yield from shown.to_numpy().tolist()


def half_precision(results: Results, kind: int) -> Iterator[Row]:
    """Yields the comparison of half precision with float32: of trained levels (kind 0) or learned masks (kind 1)."""
    shown = precision_tables(results)[kind].shown
    yield list(shown.columns)
    yield from shown.to_numpy().tolist()
