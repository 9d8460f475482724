"""Makes Table 1 of the paper: the best Supermasks, the trained network, and the published values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from analysis.results.columns import FURTHER_MASK_SETTINGS, MASK_TRAINING, SUMMARY
from analysis.results.load import Results
from analysis.results.select import PANEL, Panel, panel_parts, rows_where
from analysis.statistics.maxima import MAXIMA, most_seeds
from analysis.tables.formats import NOTHING, Table, summary_text
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.results.paths import DENSE
from lottery_tf.results.stored_result import FINISHED
from lottery_tf.studies import paper
from lottery_tf.supermasks.mask_settings import weights_in_words

PUBLISHED = Path(__file__).parents[1] / "published.csv"


def table1(results: Results) -> pd.DataFrame:
    """Returns Table 1 of the paper with its later variants, one row for each cell that has results.

    The paper reports the "max over any prune percentage". It is taken here in three ways, all in percent. The maximum
    is over the paper's criteria and kept percentages; for learned masks it is over the initial logits.

      maxima        The highest test accuracy of each seed, then the mean over seeds, for the criterion where this mean
                    is highest. Chosen on test images, as in the paper.
      mean_maximum  The mean test accuracy over seeds at one kept percentage, at its maximum. Chosen on test images.
      validation    The test accuracy at the kept percentage with each seed's highest validation accuracy, for the
                    criterion whose mean validation accuracy is highest. Only this way uses no test image to choose.

    All seeds have the same criterion. Masks learned in different ways (optimizer, learning rate, batch size,
    iterations) have separate rows. A trained network has one accuracy for each seed, at its early-stopping iteration.

    Returns:
      Columns network, dataset, schedule ("" for learned masks), precision, column (of the paper's table), training (of
      learned masks), published, and for each of the three ways W: W_mean, W_min, W_max, W_n, W_of (the criterion),
      W_kept_percent (the mean) and W_difference (W_mean minus published). No rows if there are no results.
    """
    rows = [*_heuristic_rows(results), *_learned_rows(results), *_trained_rows(results)]
    published = published_table1()
    for row in rows:
        row["published"] = published.get((row["network"], row["dataset"], row["column"]), math.nan)
        row |= {f"{way}_difference": row[f"{way}_mean"] - row["published"] for way in MAXIMA}
    ways = [f"{way}_{name}" for way in MAXIMA for name in (*SUMMARY, "n", "of", "kept_percent", "difference")]
    cells = pd.DataFrame(rows, columns=[*PANEL, "column", "training", "published", *ways])
    orders = {"network": NETWORKS, "column": TABLE1_COLUMNS}
    ranks = {name: {value: rank for rank, value in enumerate(order)} for name, order in orders.items()}
    keys = cells.assign(**{name: cells[name].map(ranks[name]) for name in ranks})
    keys = keys.sort_values(["network", "dataset", "column", "schedule", "training"])
    return cells.loc[keys.index].reset_index(drop=True)


def _heuristic_rows(results: Results) -> Iterator[dict]:
    sources = [(source.source, source.criterion) for source in paper.HEURISTIC_MASK_SOURCES]
    rows = results.supermasks
    rows = rows[rows.set_index(["source", "criterion"]).index.isin(sources)]
    rows = rows.rename(columns={"level": "choice"}).dropna(subset=ACCURACIES)
    for (*key, weights), masks in rows.groupby([*PANEL, "weights"]):
        yield _table1_row(Panel(*key), f"mask x {weights_in_words(weights)}", masks)


def _learned_rows(results: Results) -> Iterator[dict]:
    for column in paper.LEARNED_MASKS:
        rows = learned_of_column(results.learned_masks, column).dropna(subset=ACCURACIES)
        for (network, dataset, *values), masks in rows.groupby(["network", "dataset", *MASK_TRAINING]):
            how = dict(zip(MASK_TRAINING, values, strict=True))
            yield _table1_row(Panel(network, dataset, "", how["precision"]), column, masks, training_in_words(**how))


def learned_of_column(learned_masks: pd.DataFrame, column: str) -> pd.DataFrame:
    """Returns the learned masks over which a column of Table 1 takes its maximum, however they were learned.

    Args:
      learned_masks: `Results.learned_masks`.
      column: a key of `paper.LEARNED_MASKS`.

    Returns:
      The rows of these masks without those that diverged. The initial logit is named "choice". The columns
      validation_accuracy and kept_fraction are added, as heuristic Supermasks have them.
    """
    rows = rows_where(learned_masks, status=FINISHED, **FURTHER_MASK_SETTINGS)
    wanted = {(mask.weights, mask.g, mask.rescale, mask.l1, mask.logit_name) for mask in paper.LEARNED_MASKS[column]}
    identity = rows.set_index(["weights", "g", "rescale", "l1", "initial_logit"]).index
    rows = rows[identity.isin(wanted)].rename(columns={"initial_logit": "choice"})
    return rows.assign(
        criterion="", kept_fraction=1 - rows["pruned_fraction"], validation_accuracy=rows["best_val_accuracy"]
    )


def training_in_words(
    iterations: float,
    batch_size: float,
    optimizer: str,
    learning_rate: float,
    decay: str,
    weight_multiplier: float,
    precision: str,
) -> str:
    """Returns in words how a mask was learned.

    >>> training_in_words(2000, 250, "momentum", 100.0, "none", 1.0, "float32")
    '2000 iterations of 250 images, momentum 100'
    >>> training_in_words(2000, 60, "adam", 0.1, "cosine", 0.5, "mixed_bfloat16")
    '2000 iterations of 60 images, adam 0.1, cosine decay, weights x 0.5, mixed_bfloat16'
    """
    words = [f"{iterations:.0f} iterations of {batch_size:.0f} images", f"{optimizer} {learning_rate:g}"]
    words += [f"{decay} decay"] * (decay != "none")
    words += [f"weights x {weight_multiplier:g}"] * (weight_multiplier != 1) + [precision] * (precision != "float32")
    return ", ".join(words)


def by_training(learned_masks: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Groups learned masks by how they were learned, which is given in words.

    Groups are sorted by the number of images that they were trained on. Groups with equally many are sorted by
    validation accuracy. So the last group is the longest learned and best one.
    """

    def length(way: tuple[str, pd.DataFrame]) -> tuple[int, float]:
        rows = way[1]
        return (rows["iterations"] * rows["batch_size"]).iloc[0], rows["best_val_accuracy"].mean()

    ways = [(training_in_words(*how), rows) for how, rows in learned_masks.groupby(list(MASK_TRAINING))]
    return sorted(ways, key=length)


def _trained_rows(results: Results) -> Iterator[dict]:
    rows = results.levels
    rows = rows[(rows["treatment"] == DENSE) & (rows["status"] == FINISHED)]
    # The early-stopping iteration is chosen on validation images, and there is nothing else to choose.
    rows = rows.assign(criterion="", choice=0, validation_accuracy=rows["test_accuracy"])
    for key, networks in rows.groupby(list(PANEL)):
        yield _table1_row(Panel(*key), "trained network", networks)


ACCURACIES = ["validation_accuracy", "test_accuracy"]  # columns by which the best mask is chosen


def _table1_row(key: Panel, column: str, rows: pd.DataFrame, training: str = "") -> dict:
    """Returns one cell of Table 1.

    Args:
      key: the panel.
      column: the column of the table.
      rows: columns criterion, choice (the level, or the initial logit of a learned mask), seed, kept_fraction,
        validation_accuracy and test_accuracy.
      training: how learned masks were learned.
    """
    row = key._asdict() | {"column": column, "training": training}
    rows = most_seeds(rows, "criterion")
    for way, maximum in MAXIMA.items():
        chosen = maximum.choose(rows)
        accuracies = 100 * chosen["test_accuracy"]
        row |= accuracies.agg(SUMMARY).add_prefix(f"{way}_").to_dict()
        row |= {f"{way}_n": len(chosen), f"{way}_of": chosen["criterion"].iloc[0]}
        row |= {f"{way}_kept_percent": 100 * chosen["kept_fraction"].mean()}
    return row


TABLE1_COLUMNS = (
    *(f"mask x {weights_in_words(weights)}" for weights in SUPERMASK_WEIGHTS),
    *paper.LEARNED_MASKS,
    "trained network",
)


def published() -> pd.DataFrame:
    """Returns all numbers of the paper, and the main ones of the works that it builds on, from `published.csv`."""
    return pd.read_csv(PUBLISHED, keep_default_na=False, dtype={"value": float})


def published_table1() -> dict[tuple[str, str, str], float]:
    """Returns the percentages that Table 1 prints, as a dict from (network, data set, column)."""
    rows = published()
    rows = rows[(rows["source"] == "Zhou et al.") & (rows["place"] == "Table 1")]
    return {(row.network, row.dataset, row.quantity): row.value for row in rows.itertuples()}


def table1_table(results: Results) -> Table:
    """Returns Table 1 as text: mean [min, max] of each cell and its difference from the published value."""
    numbers = table1(results)
    shown = numbers[["network", "dataset", "schedule", "column", "training"]].rename(columns={"dataset": "data"})
    # The training of learned masks names their precision already.
    shown["schedule"] = [
        row.schedule and ", ".join(panel_parts((row.schedule, row.precision))) for row in numbers.itertuples()
    ]
    shown["published"] = [NOTHING if math.isnan(value) else f"{value:.1f}" for value in numbers["published"]]
    for way, maximum in MAXIMA.items():
        shown[maximum.title] = [_table1_cell(row, way) for row in numbers.to_dict("records")]
    return Table(
        "Table 1: test accuracy of the best Supermasks, % (difference from the published value)", numbers, shown
    )


def _table1_cell(row: dict, way: str) -> str:
    difference = row[f"{way}_difference"]
    cell = summary_text(*(row[f"{way}_{name}"] for name in SUMMARY), 2, row[f"{way}_n"])
    cell += "" if math.isnan(difference) else f" ({difference:+.2f})"
    return cell + (f", {row[f'{way}_of']}" if row[f"{way}_of"] else "")
