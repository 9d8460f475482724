"""Writes the tables of results in Markdown files, or checks that the written tables match the results.

Example:
  python -m analysis.readme_tables --results_dir=analysis/measured
  python -m analysis.readme_tables --results_dir=analysis/measured --check

A table is between the lines `<!-- table: NAME -->` and `<!-- end of table -->`, where NAME is a key of `TABLES`.
Accuracies and shares are in percent: mean [min, max] over seeds, or the value of a single seed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pandas as pd
from absl import flags

from analysis.claims.catalogue import ClaimResult, evaluate
from analysis.claims.paul2023 import PRUNING_IN_WORDS, by_magnitude
from analysis.claims.verdicts import Verdict
from analysis.common_flags import define_results_dir
from analysis.results import lottery_lines
from analysis.results.columns import FINISHED
from analysis.results.load import Results, load
from analysis.results.select import PANEL, Panel, panel, panel_caption, successive
from analysis.tables.formats import SUMMARY, mean_and_range
from analysis.tables.table1 import by_training, learned_of_column, published_table1, table1
from lottery_tf import console
from lottery_tf.errors import InputError
from lottery_tf.landscape.interpolation import STABLE
from lottery_tf.landscape.measurements.row_names import ALONG, FOUND, FOUND_RETRAINED, MEETS
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.registry import choose
from lottery_tf.results import files
from lottery_tf.results.paths import DENSE
from lottery_tf.studies import paper

FC = ("fc", "mnist")
KEPT = (51.28, 21.07, 10.83, 6.95)  # kept percentages of the long tables
Row = list[str]


def cell(values: Iterable[float], digits: int = 2) -> str:
    """Returns "mean [min, max]" of some values; "" if there are none.

    >>> cell([98.1, 98.3]), cell([98.1], 1), cell([])
    ('98.20 [98.10, 98.30]', '98.1', '')
    """
    values = list(values)
    if not values:
        return ""
    return mean_and_range(sum(values) / len(values), min(values), max(values), digits, len(values), runs=1)


def levels_table(
    results: Results, key: Panel, title: str, lines: Iterable[Treatment], kept: Iterable[float]
) -> Iterator[Row]:
    """Yields the test accuracies of a panel: one row for each treatment with results, one column for each percentage.

    All treatments share the dense network, which has 100% of the weights.
    """
    rows = panel(results.levels, key)
    rows = rows.assign(kept=(100 * rows["kept_fraction"]).round(2))
    yield [title, "seeds", *(f"{share:.2f}%" + " kept" * (not place) for place, share in enumerate(kept))]
    for treatment in lines:
        of_treatment = rows[rows["treatment"].isin([treatment.name, DENSE])]
        if treatment.name in set(of_treatment["treatment"]):
            cells = [cell(100 * of_treatment.loc[of_treatment["kept"] == share, "test_accuracy"]) for share in kept]
            yield [treatment_in_words(treatment), str(of_treatment["seed"].nunique()), *cells]


def treatment_in_words(treatment: Treatment) -> str:
    """Names a treatment by its criterion, and by its actions if they differ from the default.

    >>> treatment_in_words(Treatment(mask0="init"))
    '`large_final`, pruned weights frozen at `init`'
    """
    usual, words = Treatment(), f"`{treatment.criterion}`"
    words += f", kept weights `{treatment.mask1}`" if treatment.mask1 != usual.mask1 else ""
    return words + (f", pruned weights frozen at `{treatment.mask0}`" if treatment.mask0 != usual.mask0 else "")


def table1_beside_published(results: Results) -> Iterator[Row]:
    """Yields Table 1 and the published one: the mean of the seeds' maxima on test images, for the longest training."""
    measured, published, lengths = table1(results), published_table1(), iterations(results)
    yield ["", *TABLE1_TITLES.values()]
    for network, dataset in measured[["network", "dataset"]].drop_duplicates().itertuples(index=False, name=None):
        rows = measured[(measured["network"] == network) & (measured["dataset"] == dataset)]
        masks = rows[rows["column"].str.startswith("mask")]
        runs = map(Panel._make, masks[[*PANEL]].itertuples(index=False, name=None))
        run = max(runs, key=lambda each: lengths[each], default=Panel(network, dataset))
        cells = []
        for column in TABLE1_TITLES:
            longest = rows[rows["training"] == _longest_way(results, network, dataset, column)]
            of_run = longest["schedule"].eq(run.schedule) & longest["precision"].eq(run.precision)
            row = longest[longest["column"].eq(column) & (of_run | longest["schedule"].eq(""))]
            cells.append(_maxima(row.iloc[0], run.precision) if len(row) else "")
        yield [panel_caption(run, "schedule "), *cells]
        values = [published.get((network, dataset, column)) for column in TABLE1_TITLES]
        yield ["published", *("" if value is None else f"{value:.1f}" for value in values)]


TABLE1_TITLES = {  # column of Table 1 -> its heading here
    "mask x initial": "mask x initial",
    "mask x signed constant": "mask x signed constant",
    "learned mask x initial": "learned x initial",
    "learned mask x signed constant": "learned x signed constant",
    "learned mask x signed constant, rescaled": "learned x signed constant, rescaled",
    "trained network": "trained",
}


def _longest_way(results: Results, network: str, dataset: str, column: str) -> str:
    """Returns the longest way in which the masks of a column were learned; "" for masks that are not learned."""
    masks = results.learned_masks
    masks = masks[(masks["network"] == network) & (masks["dataset"] == dataset)]
    ways = by_training(learned_of_column(masks, column)) if column in paper.LEARNED_MASKS else []
    return ways[-1][0] if ways else ""


def _maxima(row: pd.Series, precision: str) -> str:
    """Returns the maxima of a row of Table 1, and its precision if it is not the given one."""
    shown = mean_and_range(*(row[f"maxima_{name}"] for name in SUMMARY), 1, int(row["maxima_n"]))
    return shown if row["precision"] == precision else f"{shown}, {row['precision']}"


def iterations(results: Results) -> dict[Panel, int]:
    """Returns the number of iterations of each panel."""
    return results.levels.groupby(list(PANEL))["iterations"].max().to_dict()


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


def tickets(results: Results, schedule: str = "800") -> Iterator[Row]:
    """Yields tickets of fc and their controls: the mean over seeds of the means over draws, and min and max of all."""
    titles = {
        lottery_lines.TICKET: "ticket", lottery_lines.REINIT: "reinitialized",
        lottery_lines.RANDOM_TICKET: "random mask", lottery_lines.ONE_SHOT_TICKET: "one-shot",
        lottery_lines.FINE_TUNED: "fine-tuned",
    }  # fmt: skip
    runs = lottery_lines.runs(results, Panel(*FC, schedule, "float32"), "test_accuracy")
    points = lottery_lines.over_runs(runs.assign(value=100 * runs["value"])).set_index(["line", "level"])
    yield ["kept %", *titles.values()]
    for level in (0, 3, 7, 10):
        cells = []
        for line in titles:
            row = points.loc[line, level]
            shown = mean_and_range(*row[[*SUMMARY]], 2, row["n"], runs=1)
            cells.append(shown if line == lottery_lines.TICKET or level else "")
        yield [f"{100 * points.loc[lottery_lines.TICKET, level]['kept_fraction']:.4g}", *cells]


def limits(results: Results) -> Iterator[Row]:
    """Yields the share of surviving weights that can be pruned at once: predicted, found, found after retraining."""
    rows = by_magnitude(results.limits)
    rows = rows.assign(share=100 * rows["pruned_fraction"])
    yield ["kept %", "pruned", "without retraining: predicted", "found", "with retraining: predicted", "found"]
    for (_, pruned_by), found in rows.groupby(["level", "pruned_by"]):
        cells = [
            cell(found.loc[found["method"] == method, "share"], 0) for method in (ALONG, FOUND, MEETS, FOUND_RETRAINED)
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


def claims_with_data(results: Results) -> Iterator[Row]:
    """Yields the claims with enough data, one row for each network, on the longest schedule with enough data."""
    lengths = {panel_caption(key): length for key, length in iterations(results).items()}
    yield ["claim", "verdict", "network, data, schedule", "differences, mean [95% interval]", "seeds"]
    for results_of_claim in by_claim(results).values():
        with_data = [result for result in results_of_claim if result.verdict != Verdict.NO_DATA]
        for network in dict.fromkeys(result.panel.split(",")[0] for result in with_data):
            of_network = [result for result in with_data if result.panel.split(",")[0] == network]
            longest = max(of_network, key=lambda result: lengths.get(result.panel, 0))
            verdict = longest.verdict if longest.verdict == Verdict.SHOWN else f"**{longest.verdict}**"
            yield [f"{longest.claim} ({longest.place})", verdict, longest.panel, *_short(longest.numbers)]


def claims_without_data(results: Results) -> Iterator[Row]:
    """Yields the claims for which no network has enough data, with the panel that lacks the least."""
    yield ["claim", "network, data, schedule", "missing", "numbers so far"]
    for results_of_claim in by_claim(results).values():
        if all(result.verdict == Verdict.NO_DATA for result in results_of_claim):
            nearest = min(results_of_claim, key=lambda result: (not result.numbers, len(result.missing)))
            yield [f"{nearest.claim} ({nearest.place})", nearest.panel, nearest.missing, nearest.numbers]


def by_claim(results: Results) -> dict[str, list[ClaimResult]]:
    """Returns the verdicts on all claims by their sentence."""
    results_of_claims: dict[str, list[ClaimResult]] = {}
    for result in evaluate(results):
        results_of_claims.setdefault(result.claim, []).append(result)
    return results_of_claims


def _short(numbers: str) -> tuple[str, str]:
    """Returns the conditions without p-values and notes, and the number of seeds.

    >>> _short("a - b: +0.84 points [+0.77, +0.91], within 0.16: p = 2e-06, n = 5 (a note); c - d: +1 -, p = 1, n = 5")
    ('a - b: +0.84 points [+0.77, +0.91] within 0.16; c - d: +1 -', '5')
    """
    seeds = re.findall(r"n = (\d+)", numbers)
    text = re.sub(r",( within [\d.]+)?:? p = [^,]+, n = \d+( \([^)]*\))?", r"\1", numbers)
    return text, ", ".join(dict.fromkeys(seeds))


_ONE_BY_ONE = {
    treatment: None
    for name in ("figure3", "figure4", "figure5", "supplement")
    for treatment in paper.FIGURES[name].lines.values()
    if treatment.criterion == Treatment().criterion or treatment == Treatment(treatment.criterion)
}
TABLES: dict[str, Callable[[Results], Iterable[Row]]] = {
    "half": functools.partial(
        levels_table,
        key=Panel(*FC, "half", "float32"),
        title="half of the iterations",
        lines=[Treatment(name) for name in ("large_final", "magnitude_increase", "movement", "random")],
        kept=(51.28, 21.07, 6.95, 2.88, 1.2, 0.5),
    ),
    "quarter": functools.partial(
        levels_table,
        key=Panel(*FC, "quarter", "float32"),
        title="a quarter of the iterations",
        lines=_ONE_BY_ONE,
        kept=KEPT,
    ),
    "tenth": functools.partial(
        levels_table,
        key=Panel(*FC, "tenth", "float32"),
        title="a tenth of the iterations",
        lines=_ONE_BY_ONE,
        kept=KEPT,
    ),
    "conv2": functools.partial(
        levels_table,
        key=Panel("conv2", "cifar10", "tenth", "mixed_bfloat16"),
        title="conv2, a tenth of the iterations",
        lines=[Treatment(name) for name in ("large_final", "magnitude_increase", "movement", "random")],
        kept=(100.0, 80.1, 64.16, 51.41, 41.2, 33.02, 26.47),
    ),
    "table1": table1_beside_published,
    "initial_logits": initial_logits,
    "tickets": tickets,
    "limits": limits,
    "joined_pairs": joined_pairs,
    "claims": claims_with_data,
    "claims_without_data": claims_without_data,
}


def with_new_tables(text: str, results: Results) -> str:
    """Returns a Markdown text with its tables made anew from the results.

    Raises:
      InputError: a table's name is not in `TABLES`.
    """

    def table(match: re.Match) -> str:
        head, *rows = choose(TABLES, match[1], "table")(results)
        lines = ["| " + " | ".join(each.replace("|", "\\|") for each in row) + " |" for row in (head, *rows)]
        lines.insert(1, "|" + "---|" * len(head))
        return (
            f"<!-- table: {match[1]} -->\n"
            + "\n".join(re.sub(" +", " ", line) for line in lines)
            + "\n<!-- end of table -->"
        )

    return re.sub(r"<!-- table: (\w+) -->\n.*?<!-- end of table -->", table, text, flags=re.DOTALL)


def define_flags() -> None:
    """Defines the command's flags."""
    define_results_dir()
    flags.DEFINE_list("files", ["README.md", "analysis/measured/README.md"], "The Markdown files.")
    flags.DEFINE_boolean("check", False, "Write nothing, and fail if a table does not match the results.")


def main() -> None:
    """Writes the tables of each file, or checks them."""
    results = load(flags.FLAGS.results_dir)
    for name in flags.FLAGS.files:
        path = Path(name)
        if not path.is_file():
            raise InputError(f"There is no file {path}.")
        text = path.read_text()
        new = with_new_tables(text, results)
        if new != text and flags.FLAGS.check:
            raise InputError(
                f"The tables in {path} do not match {flags.FLAGS.results_dir}: run this command without --check."
            )
        files.replace(path, new.encode())


if __name__ == "__main__":
    define_flags()
    console.run(main)
