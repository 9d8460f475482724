"""Makes the summary that a command prints at its end: kept percentage, early-stopping iteration and test accuracy."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import pandas as pd

from analysis.results.columns import ADDED_LATER, MASK_IDENTITY, SUMMARY
from analysis.statistics.figure_lines import DRAWN_METRICS, METRICS, over_seeds
from analysis.tables.formats import summary_text
from analysis.tables.learned_masks import others_in_words
from lottery_tf.command_line.text_tables import text_table
from lottery_tf.errors import InputError
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import DENSE
from lottery_tf.results.stored_result import FINISHED
from lottery_tf.supermasks.mask_settings import weights_in_words

SUMMARY_COLUMNS = ["treatment", "seed", "level", "kept_fraction", "status", *DRAWN_METRICS]


def chosen(levels: Iterable[dict], treatments: Sequence[Treatment], seeds: Collection[int]) -> pd.DataFrame:
    """Selects the levels of some treatments and seeds, with the dense network as level 0 of each treatment.

    Args:
      levels: metrics of trained levels, as `lottery_tf.finished` yields them.
      treatments: the treatments, in the order of the summary.
      seeds: the seeds.

    Returns:
      One row for each level: treatment, seed, level, kept_fraction, status and `DRAWN_METRICS`, accuracy in percent.

    Raises:
      InputError: there is no such level.
    """
    of_seeds = [metrics for metrics in levels if metrics["seed"] in seeds]
    rows = []
    for treatment in treatments:
        for metrics in of_seeds:
            if metrics["criterion"] == DENSE or treatment.matches(metrics):
                rows.append({"treatment": treatment.name} | metrics)
    if not rows:
        raise InputError("There are no trained levels of these treatments and seeds.")
    table = pd.DataFrame(rows)[SUMMARY_COLUMNS]
    table = table.astype(dict.fromkeys(DRAWN_METRICS, float))
    table["test_accuracy"] *= 100
    # A diverged training has no accuracy and no early-stopping iteration: they count as missing, not as zero.
    table.loc[table["status"] != FINISHED, list(DRAWN_METRICS)] = float("nan")
    return table.sort_values("level", kind="stable")


def supermasks(sources: Iterable[dict], weights: str) -> pd.DataFrame:
    """Returns heuristic Supermasks of one source with the columns of `chosen`, without an early-stopping iteration.

    Args:
      sources: their metrics, as `lottery_tf.finished(..., "supermask")` yields them, one for each seed.
      weights: the kind of weights under the masks, a name in `SUPERMASK_WEIGHTS`.
    """
    rows = [
        {
            "treatment": f"Supermask: {metrics['criterion']} x {weights_in_words(weights)}, never trained",
            "seed": metrics["seed"],
            "status": FINISHED,
            "early_stop_iteration": float("nan"),
            **row,
            "test_accuracy": 100 * row["test_accuracy"],
        }
        for metrics in sources
        for row in metrics["rows"]
        if row["weights"] == weights
    ]
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def table(rows: pd.DataFrame, shown: Sequence[str] = DRAWN_METRICS) -> str:
    """Returns the summary as text, one block for each treatment, with mean [min, max] of the metrics `shown`."""
    metrics = {name: over_seeds(rows, name, "treatment") for name in shown}
    blocks = []
    for treatment, levels in metrics[shown[0]].groupby("treatment", sort=False):
        lines = [["level", "kept %", *(METRICS[name].title for name in shown)]]
        for row, level in levels.iterrows():
            cells = [_cell(summary.loc[row], METRICS[name].digits) for name, summary in metrics.items()]
            lines.append([level["level"], f"{100 * level['kept_fraction']:.2f}", *cells])
        blocks.append(f"{treatment}\n{text_table(lines)}")
    return "\n\n".join(blocks)


def _cell(summary: Mapping, digits: int) -> str:
    """Returns mean and range of the runs that finished; "diverged" if none did."""
    if not summary["n"]:
        return "diverged"
    return summary_text(summary["mean"], summary["min"], summary["max"], digits, summary["n"], summary["runs"])


MASK_COLUMNS = {  # title of a printed number -> its metric
    "best iteration": "best_iteration",
    "mean of sampled masks": "test_accuracy",
    "most likely mask": "most_likely_test_accuracy",
    "last iteration": "final_test_accuracy",
    "pruned": "pruned_fraction",
}


def learned_masks(results: Iterable[dict]) -> str:
    """Returns learned Supermasks as text: test accuracies and pruned percentage, mean [min, max] over seeds.

    Args:
      results: metrics of learned masks, as `lottery_tf.finished(..., "learned_mask")` yields them.
    """
    found = pd.DataFrame([ADDED_LATER | metrics for metrics in results])
    found = found.astype(dict.fromkeys(MASK_COLUMNS.values(), float))
    found.loc[found["status"] != FINISHED, list(MASK_COLUMNS.values())] = float("nan")
    identity = [*MASK_IDENTITY, "weight_multiplier"]
    table = [["mask", *MASK_COLUMNS]]
    for key, rows in found.groupby(identity, sort=False, dropna=False):
        mask = dict(zip(identity, key, strict=True))
        kept = mask["chosen_kept_fraction"]
        target = f"m={mask['initial_logit']}" if pd.isna(kept) else f"kept {kept:g}"
        weights = weights_in_words(mask["weights"], mask["rescale"], mask["weight_multiplier"])
        name = f"{weights}, {mask['g']}, {target}{others_in_words(mask)}"
        cells = []
        for title, metric in MASK_COLUMNS.items():
            factor, digits = (1, 0) if title == "best iteration" else (100, 2)
            found = (factor * rows[metric]).agg(SUMMARY).to_dict()
            cells.append(_cell(found | {"n": rows[metric].count(), "runs": len(rows)}, digits))
        table.append([name, *cells])
    return f"{text_table(table, indent='  ')}\n{MASK_NOTE}"


MASK_NOTE = """Test accuracies and the pruned share (1 - mean probability) in %: mean [min, max] over seeds.
All columns but 'last iteration' are at the iteration of best validation accuracy."""
