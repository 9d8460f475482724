"""Makes the rows of Table 1 beside the published ones."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from analysis.readme_tables.accuracies import Row
from analysis.results.columns import SUMMARY
from analysis.results.load import Results
from analysis.results.select import PANEL, Panel, panel_caption
from analysis.tables.formats import summary_text
from analysis.tables.table1 import by_training, learned_of_column, published_table1, table1
from lottery_tf.studies import paper

TABLE1_TITLES = {  # column of Table 1 -> its heading here
    "mask x initial": "mask x initial",
    "mask x signed constant": "mask x signed constant",
    "learned mask x initial": "learned x initial",
    "learned mask x signed constant": "learned x signed constant",
    "learned mask x signed constant, rescaled": "learned x signed constant, rescaled",
    "trained network": "trained",
}


def table1_beside_published(results: Results) -> Iterator[Row]:
    """Yields Table 1 and the published one: the mean of the seeds' maxima on test images, for the longest training."""
    measured, published, lengths = table1(results), published_table1(), iterations(results)
    yield ["", *TABLE1_TITLES.values()]
    for network, dataset in measured[["network", "dataset"]].drop_duplicates().itertuples(index=False, name=None):
        rows = measured[(measured["network"] == network) & (measured["dataset"] == dataset)]
        masks = rows[rows["column"].str.startswith("mask")]
        panels = map(Panel._make, masks[[*PANEL]].itertuples(index=False, name=None))
        main = max(panels, key=lambda each: lengths[each], default=Panel(network, dataset))
        cells = []
        for column in TABLE1_TITLES:
            longest = rows[rows["training"] == _longest_way(results, network, dataset, column)]
            of_main = longest["schedule"].eq(main.schedule) & longest["precision"].eq(main.precision)
            row = longest[longest["column"].eq(column) & (of_main | longest["schedule"].eq(""))]
            cells.append(_maxima(row.iloc[0], main.precision) if len(row) else "")
        yield [panel_caption(main, "schedule "), *cells]
        values = [published.get((network, dataset, column)) for column in TABLE1_TITLES]
        if any(value is not None for value in values):
            yield ["published", *("" if value is None else f"{value:.1f}" for value in values)]


def _longest_way(results: Results, network: str, dataset: str, column: str) -> str:
    """Returns the longest way in which the masks of a column were learned; "" for masks that are not learned."""
    masks = results.learned_masks
    masks = masks[(masks["network"] == network) & (masks["dataset"] == dataset)]
    ways = by_training(learned_of_column(masks, column)) if column in paper.LEARNED_MASKS else []
    return ways[-1][0] if ways else ""


def _maxima(row: pd.Series, precision: str) -> str:
    """Returns the maxima of a row of Table 1, and its precision if it is not the given one."""
    shown = summary_text(*(row[f"maxima_{name}"] for name in SUMMARY), 1, int(row["maxima_n"]))
    return shown if row["precision"] == precision else f"{shown}, {row['precision']}"


def iterations(results: Results) -> dict[Panel, int]:
    """Returns the number of iterations of each panel."""
    return results.levels.groupby(list(PANEL))["iterations"].max().to_dict()
