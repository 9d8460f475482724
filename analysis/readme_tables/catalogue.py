"""The tables of results in Markdown files."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from analysis.readme_tables.accuracies import (
    FC,
    Row,
    convolutional_masks,
    half_precision,
    initial_logits,
    levels_table,
    tickets,
)
from analysis.readme_tables.claims import claims_with_data, claims_without_data
from analysis.readme_tables.landscape import joined_pairs, limits
from analysis.readme_tables.table1 import table1_beside_published
from analysis.results.load import Results
from analysis.results.select import Panel
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies import paper

MAIN_CRITERIA = [Treatment(name) for name in ("large_final", "magnitude_increase", "movement", "random")]
KEPT_PERCENTAGES = (51.28, 21.07, 10.83, 6.95)  # kept percentages of the long tables

_ONE_BY_ONE = {
    treatment: None
    for name in ("figure3", "figure4", "figure5", "supplement")
    for treatment in paper.FIGURE_LINES[name].lines.values()
    if treatment.criterion == Treatment().criterion or treatment == Treatment(treatment.criterion)
}
README_TABLES: dict[str, Callable[[Results], Iterable[Row]]] = {  # name -> the rows of the table, its head first
    "half": functools.partial(
        levels_table,
        key=Panel(*FC, "half", "float32"),
        title="half of the iterations",
        lines=MAIN_CRITERIA,
        kept=(51.28, 21.07, 6.95, 2.88, 1.2, 0.5),
    ),
    **{
        schedule: functools.partial(
            levels_table,
            key=Panel(*FC, schedule, "float32"),
            title=f"a {schedule} of the iterations",
            lines=_ONE_BY_ONE,
            kept=KEPT_PERCENTAGES,
        )
        for schedule in ("quarter", "tenth")
    },
    "conv2": functools.partial(
        levels_table,
        key=Panel("conv2", "cifar10", "tenth", "mixed_bfloat16"),
        title="conv2, a tenth of the iterations",
        lines=MAIN_CRITERIA,
        kept=(100.0, 80.1, 64.16, 51.41, 41.2, 33.02, 26.47, 21.23, 17.03),
    ),
    "half_precision": functools.partial(half_precision, kind=0),
    "half_precision_masks": functools.partial(half_precision, kind=1),
    "convolutional_masks": convolutional_masks,
    "table1": table1_beside_published,
    "initial_logits": initial_logits,
    "tickets": tickets,
    "ticket_iterations": functools.partial(tickets, metric="early_stop_iteration"),
    "limits": limits,
    "joined_pairs": joined_pairs,
    "claims": claims_with_data,
    "claims_without_data": claims_without_data,
}
