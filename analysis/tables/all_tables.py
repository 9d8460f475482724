"""The tables of the paper from the results at hand: Table 1, Table S1, and the numbers behind each figure.

Examples:
  python -m analysis.tables --results_dir=results
  python -m analysis.tables --results_dir=results --table=table1,figure3 --format=latex --out=tables
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from absl import flags

from analysis.common_flags import define_results_dir
from analysis.results import lottery_lines
from analysis.results.load import FINISHED, Results, load
from analysis.results.select import PANEL, Panel, panel, panels
from analysis.statistics.significance_tests import TESTS
from analysis.statistics.star_flags import define_star_flags, rule_from_flags
from analysis.statistics.stars import PAPER_RULE, StarRule, stars
from analysis.tables.formats import FORMATS, NOTHING, SUMMARY, Table, mean_and_range
from analysis.tables.table1 import HOW_LEARNED, learned_how, published, table1
from lottery_tf import console
from lottery_tf.command_flags import define_path
from lottery_tf.errors import InputError
from lottery_tf.models.table_s1 import NETWORKS, NetworkSettings
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.registry import choose
from lottery_tf.results import files
from lottery_tf.results.paths import DENSE
from lottery_tf.studies import paper
from lottery_tf.supermasks.heuristics import UNTRAINED


class Metric(NamedTuple):
    """A number that is measured of each level, and how it is printed.

    Attributes:
      title: what it is called, with its unit as printed.
      better: which way is better, for stars.
      factor: what it is multiplied by to be printed.
      digits: decimals as printed.
    """

    title: str
    better: str
    factor: float
    digits: int


METRICS = {
    "test_accuracy": Metric("test accuracy at early stop, %", "greater", 100, 2),
    "early_stop_iteration": Metric("early-stopping iteration", "less", 1, 0),
    "final_test_accuracy": Metric("test accuracy at the end of training, %", "greater", 100, 2),
}


def lines(
    levels_of_panel: pd.DataFrame, figure: paper.Figure, measure: str, rule: StarRule = PAPER_RULE
) -> pd.DataFrame:
    """The lines of a figure: a measure of each treatment at each level, over seeds.

    Args:
      levels_of_panel: `Results.levels` of one network, data set and schedule.
      figure: which treatments.
      measure: a name in `METRICS`.
      rule: what a star takes.

    Returns:
      Columns line, level, kept_fraction, mean, min, max, n, star; lines in the order of the figure, shares in [0, 1].
      Level 0 is the dense network for every line, and has no stars. Lines without any level are not there; n counts
      runs that finished, and where none did, mean, min and max are NaN.
    """
    runs = figure_runs(levels_of_panel, figure, measure)
    return over_seeds(runs, choose(METRICS, measure, "measure").better, rule)


def figure_runs(levels_of_panel: pd.DataFrame, figure: paper.Figure, measure: str) -> pd.DataFrame:
    """Every run behind a figure's lines: columns line, level, seed, kept_fraction, value."""
    choose(METRICS, measure, "measure")
    rows = levels_of_panel.rename(columns={measure: "value"})[["treatment", "level", "seed", "kept_fraction", "value"]]
    by_treatment = dict(list(rows.groupby("treatment", sort=False)))
    dense = by_treatment.get(DENSE, rows[:0])
    own = [
        pd.concat([dense, by_treatment[treatment.name]]).assign(line=line)
        for line, treatment in figure.lines.items()
        if treatment.name in by_treatment
    ]
    return pd.concat(own, ignore_index=True) if own else rows[:0].assign(line="")


def supermask_runs(supermasks_of_panel: pd.DataFrame, weights: str, measure: str = "test_accuracy") -> pd.DataFrame:
    """Every heuristic supermask behind a panel of Figure 7: columns line (the criterion), level, seed, kept_fraction, value.

    Level 0, which every line begins with, is the untrained network without a mask.
    """
    choose(SUPERMASK_WEIGHTS, weights, "kind of weights")
    rows = supermasks_of_panel[supermasks_of_panel["weights"] == weights].rename(columns={measure: "value"})
    untrained = rows[(rows["source"] == UNTRAINED.source) & (rows["criterion"] == UNTRAINED.criterion)]
    own = []
    for ladder in paper.HEURISTIC_MASK_SOURCES:
        found = rows[(rows["source"] == ladder.source) & (rows["criterion"] == ladder.criterion)]
        if len(found):
            own.append(pd.concat([untrained, found]).assign(line=ladder.criterion))
    found = pd.concat(own, ignore_index=True) if own else rows[:0].assign(line="")
    return found[["line", "level", "seed", "kept_fraction", "value"]]


def over_seeds(runs: pd.DataFrame, better: str, rule: StarRule = PAPER_RULE) -> pd.DataFrame:
    """Mean, least and greatest value, number of runs and star for each line and level of `figure_runs`."""
    groups = runs.groupby(["line", "level"], sort=False)
    found = groups.agg(
        kept_fraction=("kept_fraction", "mean"),
        mean=("value", "mean"),
        min=("value", "min"),
        max=("value", "max"),
        n=("value", "count"),
    ).reset_index()
    order = {line: number for number, line in enumerate(runs["line"].unique())}
    found = found.sort_values("level").sort_values(
        "line", key=lambda names: names.map(order), kind="stable", ignore_index=True
    )
    starred = {
        (line, level)
        for level, points in points_by_level(runs)
        for line, star in stars(points, better, rule).items()
        if star
    }
    found["star"] = [key in starred for key in zip(found["line"], found["level"], strict=True)]
    return found


def points_by_level(runs: pd.DataFrame) -> list[tuple[int, dict[str, dict[int, float]]]]:
    """For each level above 0 its number and the runs of each line, from seed to value."""
    found: dict[int, dict[str, dict[int, float]]] = {}
    for level, line, seed, value in zip(*(runs[name] for name in ("level", "line", "seed", "value")), strict=True):
        found.setdefault(level, {}).setdefault(line, {})[seed] = value
    return [(level, found[level]) for level in sorted(found) if level > 0]


def figure_table(
    levels_of_panel: pd.DataFrame,
    figure: paper.Figure,
    measure: str = "test_accuracy",
    rule: StarRule = PAPER_RULE,
) -> Table:
    """The numbers behind one panel of a figure, level by treatment; see `lines`."""
    found = lines(levels_of_panel, figure, measure, rule)
    caption = f"{figure.title}: {METRICS[measure].title}{_star_note(found, rule)}"
    return _line_table(caption, found, METRICS[measure])


def supermask_table(supermasks_of_panel: pd.DataFrame, weights: str, rule: StarRule = PAPER_RULE) -> Table:
    """The numbers behind one panel of Figure 7, level by criterion; level 0 is the untrained, unmasked network."""
    found = over_seeds(supermask_runs(supermasks_of_panel, weights), "greater", rule)
    title = f"Heuristic Supermasks x {weights.replace('_', ' ')}"
    caption = f"{title}: test accuracy, %{_star_note(found, rule)}"
    return _line_table(caption, found, METRICS["test_accuracy"])


def _star_note(found: pd.DataFrame, rule: StarRule) -> str:
    """What a star says, for the caption of a table that has any."""
    if not found["star"].any():
        return ""
    corrected = "" if rule.correction == "none" else f" corrected by {rule.correction}"
    test = f"{TESTS[rule.test].title}, one-sided p <= {rule.significance:g}{corrected}"
    return f" (* better than every other line: {test})"


def _line_table(caption: str, found: pd.DataFrame, measure: Metric) -> Table:
    numbers = found.assign(
        kept_percent=100 * found["kept_fraction"], **{name: measure.factor * found[name] for name in SUMMARY}
    )
    numbers = numbers[["line", "level", "kept_percent", *SUMMARY, "n", "star"]]
    cells = [
        mean_and_range(row.mean, row.min, row.max, measure.digits, row.n) + (" *" if row.star else "")
        for row in numbers.itertuples()
    ]
    wide = numbers.assign(cell=cells).pivot(index="level", columns="line", values="cell")
    wide = wide[list(numbers["line"].unique())].fillna(NOTHING).reset_index()
    kept = numbers.groupby("level")["kept_percent"].mean()
    wide.insert(1, "kept, %", [f"{kept[level]:.2f}" for level in wide["level"]])
    return Table(caption, numbers, wide.rename_axis(columns=None).astype(str))


def table1_table(results: Results) -> Table:
    """Table 1 as it is read: each cell's mean [least, greatest] and, in brackets, how far it is from the published one."""
    numbers = table1(results)
    shown = numbers[["network", "dataset", "schedule", "column", "training"]].rename(columns={"dataset": "data"})
    shown["published"] = [NOTHING if math.isnan(value) else f"{value:.1f}" for value in numbers["published"]]
    for way, title in WAY_TITLES.items():
        shown[title] = [_table1_cell(row, way) for row in numbers.to_dict("records")]
    return Table(
        "Table 1: test accuracy of the best Supermasks, % (difference from the published value)", numbers, shown
    )


WAY_TITLES = {
    "maxima": "mean of the seeds' maxima",
    "mean_maximum": "maximum of the mean",
    "validation": "chosen on validation images",
}


def _table1_cell(row: dict, way: str) -> str:
    difference = row[f"{way}_difference"]
    cell = mean_and_range(*(row[f"{way}_{name}"] for name in SUMMARY), 2, row[f"{way}_n"])
    cell += "" if math.isnan(difference) else f" ({difference:+.2f})"
    return cell + (f", {row[f'{way}_of']}" if row[f"{way}_of"] else "")


LEARNED_IDENTITY = ("network", "dataset", "weights", "g", "rescale", "l1", "initial_logit", "chosen_kept_fraction")

LEARNED_MEASURES = {  # what is shown of a learned mask -> its column
    "mean of sampled masks": "test_accuracy",
    "most likely mask": "most_likely_test_accuracy",
    "pruned": "pruned_fraction",
}


def learned_table(results: Results) -> Table:
    """The learned Supermasks, those of Figure 7 and any others, at the iteration of best validation accuracy.

    A row for each kind of mask and way of learning, over seeds; diverged ones are left out. In percent.
    """
    rows = results.learned_masks[results.learned_masks["status"] == FINISHED]
    identity, found, shown = [*LEARNED_IDENTITY, *HOW_LEARNED], [], []
    rows = rows.sort_values(identity, key=_in_order)
    for key, own in rows.groupby(identity, dropna=False, sort=False):
        row = dict(zip(identity, key, strict=True)) | {"n": len(own)}
        cells = {name: row[name] for name in ("network", "dataset", "weights", "g")}
        cells |= {"rescaled": "yes" if row["rescale"] else "no", "start": _start(row)}
        cells["training"] = learned_how(*(row[name] for name in HOW_LEARNED))
        for title, measure in LEARNED_MEASURES.items():
            percent = 100 * own[measure]
            summary = {name: getattr(percent, name)() for name in SUMMARY}
            row |= {f"{measure}_{name}": value for name, value in summary.items()}
            cells[f"{title}, %"] = mean_and_range(*summary.values(), 2, len(own))
        found.append(row)
        shown.append(cells)
    return Table("Learned Supermasks: test accuracy and pruned percentage", pd.DataFrame(found), pd.DataFrame(shown))


def _in_order(column: pd.Series) -> pd.Series:
    """Initial logits are text, since there may be several to a mask; those that are numbers are sorted as such."""
    return pd.to_numeric(column, errors="coerce") if column.name == "initial_logit" else column


def _start(row: dict) -> str:
    start = f"m = {row['initial_logit']}" if math.isnan(row["chosen_kept_fraction"]) else "scattered"
    kept = "" if math.isnan(row["chosen_kept_fraction"]) else f", {row['chosen_kept_fraction']:.2%} kept"
    return start + kept + (f", l1 {row['l1']:g}" if row["l1"] else "")


def kernel_shapes(table: NetworkSettings) -> list[tuple[int, ...]]:
    """The shapes of a network's kernels, in order: 3x3 convolutions with a 2x2 pooling after each pair, then dense.

    >>> kernel_shapes(NETWORKS["fc"])
    [(784, 300), (300, 100), (100, 10)]
    """
    height, width, channels = table.image_shape
    convolutions = list(zip((channels, *table.conv), table.conv, strict=False))
    pooled = 2 ** (len(table.conv) // 2)
    flat = (height // pooled) * (width // pooled) * (table.conv[-1] if table.conv else channels)
    return [(3, 3, *pair) for pair in convolutions] + list(zip((flat, *table.dense), table.dense, strict=False))


def table_s1() -> pd.DataFrame:
    """Table S1 from the settings themselves: a row a property, a column a network that the paper's table has."""
    rows = published()
    networks = rows.loc[rows["place"] == "Table S1", "network"].unique()
    columns = {name: [describe(NETWORKS[name]) for describe in S1_ROWS.values()] for name in networks if name}
    return pd.DataFrame({"": list(S1_ROWS), **columns})


def _convolutions(table: NetworkSettings) -> str:
    pairs = zip(table.conv[::2], table.conv[1::2], strict=True)
    return ", ".join(f"{first}, {second}, pool" for first, second in pairs) or "none"


def _weights(table: NetworkSettings) -> str:
    sizes = [math.prod(shape) for shape in kernel_shapes(table)]
    convolutional = sum(sizes[: len(table.conv)])
    return f"{sum(sizes):,}" + (f" / {convolutional:,}" if convolutional else "")


def _pruned(table: NetworkSettings) -> str:
    shares = {"conv": table.conv_pruned_fraction} if table.conv else {}
    shares |= {"dense": table.dense_pruned_fraction, "output": table.output_pruned_fraction}
    return ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items())


S1_ROWS: dict[str, Callable[[NetworkSettings], str]] = {
    "convolutional layers": _convolutions,
    "dense layers": lambda table: ", ".join(map(str, table.dense)),
    "all / convolutional weights": _weights,
    "iterations / batch": lambda table: f"{table.iterations:,} / {table.batch_size}",
    "optimizer": lambda table: f"{table.optimizer.capitalize()} {table.learning_rate:g}",
    "pruned a round": _pruned,
    "learning rate / iterations of masks": lambda table: f"{table.mask_learning_rate:g} / {table.mask_iterations:,}",
}


def table_s1_table() -> Table:
    """Table S1 as it is written."""
    found = table_s1()
    return Table("Table S1: architectures and training", found, found)


def own_treatments(figure: paper.Figure) -> list[str]:
    """The treatments that no earlier figure of the paper shows: without them a figure says nothing that those do not.

    >>> own_treatments(paper.FIGURES["figure5"])
    ['large_final-rewind-init', 'large_final-rewind-hybrid']
    """
    earlier = itertools.takewhile(lambda each: each != figure, paper.FIGURES.values())
    shown = {treatment.name for each in earlier for treatment in each.lines.values()}
    own = [treatment.name for treatment in figure.lines.values()]
    return own if figure not in paper.FIGURES.values() else [name for name in own if name not in shown]


def figure_tables(name: str, results: Results, rule: StarRule = PAPER_RULE) -> Iterator[Table]:
    """The tables behind a figure of `paper.FIGURES`: one for each network that has lines of its own, and measure."""
    levels = results.levels
    for key in panels(levels[levels["treatment"].isin(own_treatments(paper.FIGURES[name]))]):
        own = panel(levels, key)
        for measure in DRAWN_METRICS:
            yield placed(figure_table(own, paper.FIGURES[name], measure, rule), key, {"measure": measure})


def lottery_tables(results: Results, rule: StarRule = PAPER_RULE) -> Iterator[Table]:
    """The tables behind the figure of winning tickets and their controls, one for each network and measure."""
    for key in lottery_lines.trained_panels(results):
        for measure in DRAWN_METRICS:
            found = lottery_lines.over_runs(lottery_lines.runs(results, key, measure))
            table = _line_table(f"Winning tickets: {METRICS[measure].title}", found, METRICS[measure])
            yield placed(table, key, {"measure": measure})


def supermask_tables(results: Results, rule: StarRule = PAPER_RULE) -> Iterator[Table]:
    """The tables behind Figure 7: heuristic Supermasks, one for each network and kind of weights."""
    for key in panels(results.supermasks):
        for weights in SUPERMASK_WEIGHTS:
            table = supermask_table(panel(results.supermasks, key), weights, rule)
            yield placed(table, key, {"weights": weights})


def placed(table: Table, key: Panel, identity: dict[str, str]) -> Table:
    """A table that says which network it is of, in its caption and in the first columns of its numbers."""
    identity = dict(zip(PANEL, key, strict=True)) | identity
    network, dataset, schedule = key
    numbers = pd.DataFrame({name: [value] * len(table.numbers) for name, value in identity.items()})
    numbers = numbers.join(table.numbers)
    return Table(f"{table.caption}; {network}, {dataset}, schedule {schedule}", numbers, table.shown)


DRAWN_METRICS = ("early_stop_iteration", "test_accuracy")  # what the paper's figures show, left and right

TABLES: dict[str, Callable[..., Iterable[Table]]] = {  # name -> from results and the rule for stars to its tables
    "table1": lambda results, rule: [table1_table(results)],
    "tableS1": lambda results, rule: [table_s1_table()],
    **{name: functools.partial(figure_tables, name) for name in paper.FIGURES},
    "figure7": supermask_tables,
    "lottery": lottery_tables,
    "learned_masks": lambda results, rule: [learned_table(results)],
}


def define_flags() -> None:
    """The flags of this command; not defined where the module is only imported, by commands with flags of their own."""
    define_results_dir()
    define_star_flags()
    flags.DEFINE_list(
        "table", list(TABLES), "Which tables, separated by commas. Default: all that there are results of."
    )
    flags.DEFINE_string("format", "markdown", f"How they are written: {', '.join(FORMATS)}.")
    define_path("out", None, "A folder, for a file a table; printed where there is none.")


def main() -> None:
    """Prints the tables that there are results of, or writes them to a folder."""
    given = flags.FLAGS
    builders = {name: choose(TABLES, name, "table") for name in given.table}
    chosen = choose(FORMATS, given.format, "format")
    rule = rule_from_flags()
    results = load(given.results_dir)
    texts = {}
    for name, build in builders.items():
        tables = [table for table in build(results, rule) if len(table.numbers)]
        if tables:
            texts[name] = chosen.write(tables)
        elif given["table"].present:
            raise InputError(f"{given.results_dir} holds no results for {name}.")
    if given.out is None:
        print("\n".join(texts.values()), end="")
        return
    Path(given.out).mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        files.replace(Path(given.out) / (name + chosen.ending), text.encode())
        console.log.info("%s", Path(given.out) / (name + chosen.ending))
