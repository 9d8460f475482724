"""Makes the rows of tables of the error landscape."""

from __future__ import annotations

from collections.abc import Iterator

from analysis.claims.paul2023 import PRUNING_IN_WORDS, by_magnitude
from analysis.readme_tables.accuracies import Row, cell
from analysis.results.load import Results
from analysis.results.select import successive
from lottery_tf.landscape.interpolation import STABLE
from lottery_tf.landscape.measurements.row_names import FOUND, FOUND_RETRAINED, QUADRATIC, SUBSPACE


def limits(results: Results) -> Iterator[Row]:
    """Yields the share of kept weights that can be pruned at once: predicted, found, found after retraining."""
    rows = by_magnitude(results.limits)
    rows = rows.assign(share=100 * rows["pruned_fraction"])
    yield ["kept %", "pruned", "without retraining: predicted", "found", "with retraining: predicted", "found"]
    for (_, pruned_by), found in rows.groupby(["level", "pruned_by"]):
        cells = [
            cell(found.loc[found["method"] == method, "share"], 0)
            for method in (QUADRATIC, FOUND, SUBSPACE, FOUND_RETRAINED)
        ]
        yield [
            f"{100 * found['kept_fraction'].mean():.4g}",
            PRUNING_IN_WORDS[pruned_by],
            *cells,
        ]


def joined_pairs(results: Results) -> Iterator[Row]:
    """Yields how many pairs of successive levels are connected, for pairs of matching levels and for other pairs."""
    pairs = successive(results.lines)
    pairs = pairs.assign(joined=pairs["error_barrier"] < STABLE)
    yield ["iterations", "pruned by", "rewound to", "seeds", "both match: connected", "not both match: connected"]
    for schedule, on_schedule in pairs.groupby("schedule"):
        parts = [(*key, part) for key, part in on_schedule.groupby(["criterion", "rewind_to"])]
        for criterion, rewind_to, part in (*parts, ("all", "all", on_schedule)):
            both = [part.loc[part["matches"] == matches, "joined"] for matches in (True, False)]
            seeds = str(part["seed"].nunique())
            yield [
                schedule,
                str(criterion),
                str(rewind_to),
                seeds,
                *(f"{joined.sum()} of {len(joined)}" for joined in both),
            ]
