"""Tables against the same numbers by another route, and as they are written."""

import csv
import dataclasses
import io
import math
import statistics

import made_up
import pandas as pd
import pytest

from analysis.export import write_all
from analysis.readme_tables.table1 import table1_beside_published
from analysis.results.load import load
from analysis.results.select import Panel, panel
from analysis.statistics import figure_lines
from analysis.statistics.figure_lines import METRICS
from analysis.statistics.stars import StarRule
from analysis.tables import catalogue
from analysis.tables.formats import FORMATS, Table, to_csv, to_latex, to_markdown
from analysis.tables.learned_masks import learned_table
from analysis.tables.precisions import precision_tables
from analysis.tables.table1 import TABLE1_COLUMNS, WAYS, published, published_table1, table1
from analysis.tables.table_s1 import kernel_shapes, table_s1
from lottery_tf.errors import InputError
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results import walk
from lottery_tf.studies import paper
from lottery_tf.supermasks.best_supermasks import best_over_seeds

FC = Panel("fc", "mnist", "paper", "float32")
MISSING = [(2, "large_final-rewind-zero", 3), *((seed, "movement-rewind-zero", 1) for seed in range(4))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made_up.write_results(
        tmp_path_factory.mktemp("tables") / "results",
        treatments=paper.FIGURE_LINES["figure3"].lines.values(),
        seeds=range(4),
        levels=3,
        ladders=paper.HEURISTIC_MASK_SOURCES,
        learned=made_up.LEARNED,
        controls=("reinit",),
        missing=MISSING,
        diverged=[(1, "random-rewind-zero", 2)],
    )


@pytest.fixture(scope="module")
def results(folder):
    return load(folder)


@pytest.mark.slow
@pytest.mark.parametrize("measure", METRICS)
def test_lines_are_the_runs_means(folder, results, measure):
    found = figure_lines.lines(panel(results.levels, FC), paper.FIGURE_LINES["figure3"], measure)
    runs = {}
    for metrics in walk.finished(folder):
        lines = paper.PAPER_CRITERIA if metrics["level"] == 0 else [metrics["criterion"]]
        for line in lines:
            value = None if metrics["status"] == "diverged" else metrics[measure]
            runs.setdefault((line, metrics["level"]), []).append(value)
    assert len(found) == len(runs)
    for row in found.itertuples():
        values = [value for value in runs[row.line, row.level] if value is not None]
        assert (row.n, row.min, row.max) == (len(values), min(values), max(values))
        assert row.mean == pytest.approx(statistics.fmean(values))
    assert list(dict.fromkeys(found["line"])) == list(paper.PAPER_CRITERIA)
    assert found.loc[found["line"] == "random", "level"].tolist() == [0, 1, 2, 3]


def test_missing_and_diverged_runs_lower_n(results):
    found = figure_lines.lines(panel(results.levels, FC), paper.FIGURE_LINES["figure3"], "test_accuracy")
    n = found.set_index(["line", "level"])["n"]
    assert n["large_final", 3] == 3
    assert n["random", 2] == n["random", 3] == 3  # nothing follows what diverged
    assert ("movement", 1) not in n.index
    assert n["movement", 2] == n["large_final", 0] == 4


def test_where_all_runs_diverged_there_is_no_mean(tmp_path):
    diverged = [(seed, Treatment().name, 2) for seed in range(3)]
    levels = load(made_up.write_results(tmp_path, treatments=[Treatment()], diverged=diverged)).levels
    found = figure_lines.lines(levels, paper.FIGURE_LINES["figure3"], "early_stop_iteration").set_index("level")
    assert found.loc[2, "n"] == 0
    assert math.isnan(found.loc[2, "mean"])
    assert list(found.index) == [0, 1, 2]
    shown = catalogue.figure_table(levels, paper.FIGURE_LINES["figure3"], "early_stop_iteration").shown
    assert shown["large_final"].iloc[2] == "-, n = 0"


def test_stars_stand_above_for_accuracy_and_below_for_iterations(results):
    levels = panel(results.levels, FC).copy()
    for treatment, accuracy, stop in (("large_final", 0.99, 9000), ("movement", 0.5, 100)):
        own = (levels["treatment"] == f"{treatment}-rewind-zero") & (levels["level"] == 2)
        levels.loc[own, "test_accuracy"] = accuracy + levels["seed"] / 10_000
        levels.loc[own, "early_stop_iteration"] = stop + levels["seed"] * 10
    for measure, line in (("test_accuracy", "large_final"), ("early_stop_iteration", "movement")):
        found = figure_lines.lines(levels, paper.FIGURE_LINES["figure3"], measure)
        assert found.loc[found["star"] & (found["level"] == 2), "line"].tolist() == [line]
        assert not found.loc[found["level"] == 0, "star"].any()
        rule = StarRule("student", "holm")
        caption = catalogue.figure_table(levels, paper.FIGURE_LINES["figure3"], measure, rule).caption
        assert caption.endswith(
            "(* better than every other line: Student's t-test, one-sided p <= 0.05 corrected by holm)"
        )
        strict = figure_lines.lines(levels, paper.FIGURE_LINES["figure3"], measure, StarRule(significance=1e-12))
        assert not strict["star"].any()


def test_a_figure_without_runs_is_empty(results):
    found = figure_lines.lines(
        panel(results.levels, FC).query("criterion == 'dense'"), paper.FIGURE_LINES["figure4"], "test_accuracy"
    )
    assert len(found) == 0
    assert list(found) == ["line", "level", "kept_fraction", "mean", "min", "max", "n", "star"]
    with pytest.raises(InputError, match="Unknown metric 'accuracy'"):
        figure_lines.lines(results.levels, paper.FIGURE_LINES["figure4"], "accuracy")


def test_the_shown_table_is_the_numbers(results):
    table = catalogue.figure_table(panel(results.levels, FC), paper.FIGURE_LINES["figure3"])
    assert ("*" in table.caption) == table.shown.map(lambda cell: cell.endswith("*")).any(axis=None)
    assert table.shown["level"].tolist() == ["0", "1", "2", "3"]
    assert table.shown["kept, %"].tolist()[1] == "80.04"
    numbers = table.numbers.set_index(["line", "level"])
    row = numbers.loc[("large_final", 3)]
    expected = f"{row['mean']:.2f} [{row['min']:.2f}, {row['max']:.2f}], n = 3"
    assert table.shown["large_final"].iloc[3].removesuffix(" *") == expected
    assert table.shown["movement"].iloc[1] == "-"


def test_supermask_lines_begin_untrained(results):
    for weights in SUPERMASK_WEIGHTS:
        found = catalogue.supermask_table(panel(results.supermasks, FC), weights).numbers
        assert list(dict.fromkeys(found["line"])) == [ladder.criterion for ladder in paper.HEURISTIC_MASK_SOURCES]
        own = results.supermasks[results.supermasks["weights"] == weights]
        expected = 100 * own.pivot_table(index="criterion", columns="level", values="test_accuracy", aggfunc="mean")
        means = found.pivot(index="line", columns="level", values="mean")
        pd.testing.assert_frame_equal(
            means[[1, 2, 3]], expected.loc[means.index, [1, 2, 3]], check_names=False, check_exact=False
        )
        assert means[0].unique() == pytest.approx(expected.loc["untrained_baseline", 0])


def heuristic_rows(results, weights):
    for row in results.supermasks.to_dict("records"):
        if row["weights"] == weights and row["source"] == "oneshot":
            yield row | {"label": row["criterion"]}


@pytest.mark.parametrize("weights", SUPERMASK_WEIGHTS)
def test_the_heuristic_columns_of_table_1_are_those_of_the_command(results, weights):
    column = f"mask x {weights.replace('_', ' ')}"
    (row,) = table1(results).query("column == @column").to_dict("records")
    ladders = best_over_seeds(heuristic_rows(results, weights))
    maxima = max(ladders, key=lambda ladder: statistics.fmean(ladder.maxima))
    assert row["maxima_of"] == maxima.label
    assert row["maxima_mean"] == pytest.approx(100 * statistics.fmean(maxima.maxima))
    assert (row["maxima_min"], row["maxima_max"]) == pytest.approx((100 * min(maxima.maxima), 100 * max(maxima.maxima)))
    mean_maximum = max(ladders, key=lambda ladder: ladder.mean_maximum)
    assert row["mean_maximum_of"] == mean_maximum.label
    assert row["mean_maximum_mean"] == pytest.approx(100 * mean_maximum.mean_maximum)
    assert row["mean_maximum_kept_percent"] == pytest.approx(100 * mean_maximum.mean_kept)
    honest = {ladder.label: ladder for ladder in ladders}[row["validation_of"]]
    assert row["validation_mean"] == pytest.approx(100 * statistics.fmean(honest.accuracy))
    assert row["validation_kept_percent"] == pytest.approx(100 * statistics.fmean(honest.kept))
    assert row["maxima_difference"] == pytest.approx(row["maxima_mean"] - published_table1()["fc", "mnist", column])


def test_the_honest_criterion_is_chosen_on_validation_images(results):
    supermasks = results.supermasks.copy()
    # A criterion whose test images are lucky, and whose validation images are not.
    lucky = supermasks["criterion"] == "small_final"
    supermasks.loc[lucky, "test_accuracy"] = 0.99
    changed = dataclasses.replace(results, supermasks=supermasks)
    row = table1(changed).query("column == 'mask x initial'").iloc[0]
    assert row["maxima_of"] == row["mean_maximum_of"] == "small_final"
    assert row["validation_of"] == "large_final_same_sign"
    assert row["maxima_mean"] == pytest.approx(99) != row["validation_mean"]


def test_a_lucky_seed_is_no_maximum_over_seeds(results):
    supermasks = results.supermasks
    lucky = supermasks[(supermasks["criterion"] == "random") & (supermasks["seed"] == 0)].assign(test_accuracy=0.9)
    changed = pd.concat([supermasks[supermasks["criterion"] != "random"], lucky])
    changed = dataclasses.replace(results, supermasks=changed)
    row = table1(changed).query("column == 'mask x initial'").iloc[0]
    assert {row[f"{way}_of"] for way in WAYS} == {"large_final_same_sign"}
    assert {row[f"{way}_n"] for way in WAYS} == {4}


@pytest.mark.parametrize("column", paper.LEARNED_MASKS)
def test_learned_columns_are_maxima_over_initial_logits(results, column):
    (row,) = table1(results).query("column == @column").to_dict("records")
    mask = paper.LEARNED_MASKS[column][0]
    learned = results.learned_masks
    own = learned[(learned["weights"] == mask.weights) & (learned["rescale"] == mask.rescale)]
    by_seed = own.groupby("seed")["test_accuracy"].max()
    assert row["maxima_mean"] == pytest.approx(100 * by_seed.mean())
    assert row["mean_maximum_mean"] == pytest.approx(100 * own.groupby("initial_logit")["test_accuracy"].mean().max())
    assert row["training"] == "2000 iterations of 250 images, momentum 100"


def test_masks_learned_in_two_ways_have_two_rows(results):
    longer = results.learned_masks[results.learned_masks["seed"] < 2].assign(iterations=22000.0)
    longer.loc[longer["initial_logit"] == "2", ["test_accuracy", "status"]] = [0.9999, "diverged"]
    both = pd.concat([results.learned_masks, longer])
    changed = dataclasses.replace(results, learned_masks=both)
    rows = table1(changed).query("column == 'learned mask x initial'")
    assert rows["maxima_n"].tolist() == [4, 2]
    assert rows["maxima_max"].max() < 99
    assert rows["training"].str.startswith(("2000 ", "22000 ")).all()
    assert len(learned_table(changed).numbers) == 20 + 16


def test_the_trained_network_has_one_accuracy_a_seed(results):
    row = table1(results).query("column == 'trained network'").iloc[0]
    dense = 100 * results.levels.query("level == 0")["test_accuracy"]
    for way in WAYS:
        assert row[f"{way}_mean"] == pytest.approx(dense.mean())
        assert (row[f"{way}_min"], row[f"{way}_max"], row[f"{way}_n"]) == (dense.min(), dense.max(), 4)
    assert row["published"] == 97.7


def test_masks_without_a_validation_accuracy_have_no_cell(results):
    without = dataclasses.replace(results, supermasks=results.supermasks.assign(validation_accuracy=float("nan")))
    assert not table1(without)["column"].str.startswith("mask x").any()
    assert len(table1(without)) == len(table1(results)) - len(SUPERMASK_WEIGHTS)


def test_table_1_of_nothing_is_empty(results):
    frames = {name: getattr(results, name)[:0] for name in ("levels", "supermasks", "learned_masks")}
    empty = dataclasses.replace(results, **frames)
    assert len(table1(empty)) == 0
    assert len(learned_table(empty).numbers) == 0


def test_every_cell_of_table_1_is_published():
    networks = {("fc", "mnist"), ("conv2", "cifar10"), ("conv4", "cifar10"), ("conv6", "cifar10")}
    columns = ("mask x initial", "mask x signed constant", "learned mask x initial", "trained network")
    assert set(published_table1()) == {(*network, column) for network in networks for column in columns}
    assert set(columns) <= set(TABLE1_COLUMNS)
    assert all(published().drop(columns=["network", "dataset", "unit", "note"]).ne("").all())


def test_the_settings_are_those_that_the_paper_prints():
    rows = published().query("place in ['Table S1', 'Section S3'] and network != ''")
    printed = {(row.network, row.quantity): row.value for row in rows.itertuples()}
    for name in {network for network, _ in printed}:
        table = NETWORKS[name]
        sizes = [math.prod(shape) for shape in kernel_shapes(table)]
        ours = {
            "weights": sum(sizes),
            "convolutional weights": sum(sizes[: len(table.conv)]),
            "iterations": table.iterations,
            "batch size": table.batch_size,
            "learning rate of Adam": table.learning_rate,
            "pruned a round, convolutional": 100 * table.conv_pruned_fraction,
            "pruned a round, dense": 100 * table.dense_pruned_fraction,
            "learning rate of masks": table.mask_learning_rate,
            "iterations of masks": table.mask_iterations,
            **{f"channels of convolution {i}": count for i, count in enumerate(table.conv, 1)},
            **{f"units of dense layer {i}": count for i, count in enumerate(table.dense, 1)},
        }
        for (network, quantity), value in printed.items():
            if network == name:
                # Counts are printed rounded to two digits or to thousands.
                assert ours[quantity] == pytest.approx(value, rel=0.05 if "weights" in quantity else 0.02), quantity


def test_table_s1_is_the_settings():
    found = table_s1().set_index("")
    assert list(found) == ["fc", "conv2", "conv4", "conv6"]
    weights = ["266,200", "4,300,992 / 38,592", "2,425,024 / 259,776", "2,261,184 / 1,144,512"]
    assert found.loc["all / convolutional weights"].tolist() == weights
    assert found.loc["iterations / batch", "fc"] == "50,380 / 60"
    assert found.loc["pruned a round", "conv6"] == "conv 15%, dense 20%, output 10%"
    assert found.loc["convolutional layers", "conv4"] == "64, 64, pool, 128, 128, pool"


FRAME = pd.DataFrame({"a|b": ["x_1 & 50%", "-"], "n": [1, 2], "mean": [0.1 + 0.2, math.nan]})


def test_csv_has_every_digit():
    rows = list(csv.reader(io.StringIO(to_csv(FRAME))))
    assert rows == [["a|b", "n", "mean"], ["x_1 & 50%", "1", repr(0.1 + 0.2)], ["-", "2", ""]]


def test_markdown_has_as_many_cells_in_each_line():
    lines = to_markdown(FRAME).splitlines()
    assert {line.replace("\\|", "").count("|") for line in lines} == {4}
    assert set(lines[1]) == {"|", "-"}
    assert len({len(line) for line in lines}) == 1


def test_latex_escapes_what_it_would_read_otherwise():
    text = to_latex(FRAME)
    assert r"x\_1 \& 50\% & 1 &" in text
    assert text.count(r"\\") == 3
    assert to_latex(pd.DataFrame({"~^\\": ["[1, 2]"]})).splitlines()[2:5:2] == [
        r"\textasciitilde{}\textasciicircum{}\textbackslash{} \\",
        r"{}[1, 2] \\",
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_several_tables_in_one_file(name):
    table = Table("Two & more", FRAME, FRAME.astype(str))
    text = FORMATS[name].write([table, table])
    assert text.count("x") >= 2
    assert text.endswith("\n")
    assert name == "csv" or text.count("Two") == 2


def test_the_command_writes_and_prints(command, light_command, folder, tmp_path):
    write_all(folder, tmp_path / "exported")
    done = command(
        "analysis.tables", f"--results_dir={tmp_path / 'exported'}", "--format=csv", f"--out={tmp_path / 'out'}"
    )
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "out").iterdir()}
    # They would repeat lines of figure3, or compare with a second precision.
    without_rows = {"figure4", "figure5", "supplement", "precision"}
    assert names == {f"{name}.csv" for name in {*catalogue.TABLES} - without_rows}
    rows = pd.read_csv(tmp_path / "out" / "figure3.csv")
    found = figure_lines.lines(panel(load(folder).levels, FC), paper.FIGURE_LINES["figure3"], "test_accuracy")
    own = rows[rows["measure"] == "test_accuracy"]
    assert own["mean"].tolist() == pytest.approx((100 * found["mean"]).tolist())
    assert own["star"].tolist() == found["star"].tolist()
    printed = light_command("analysis.tables", f"--results_dir={folder}", "--table=table1", "--test=permutation")
    assert printed.stdout.startswith("### Table 1")
    assert "79.3" in printed.stdout
    chosen = light_command("analysis.tables", f"--results_dir={folder}", "--table=table1", "--schedule=tiny")
    assert chosen.returncode == 2 and "Unknown schedule with results 'tiny'. Valid: paper." in chosen.stderr


@pytest.fixture(scope="module")
def dense_alone(tmp_path_factory):
    return made_up.write_results(tmp_path_factory.mktemp("dense") / "results", treatments=(), seeds=[0])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--table=table2"], "Unknown table 'table2'; did you mean 'table1'"),
        (["--format=html"], "Unknown format 'html'"),
        (["--test=t"], "Unknown test 't'"),
        (["--correction=bonferroni"], "Unknown correction"),
        (["--significance=2"], "significance is 2.0"),
        (["--table=figure4", "--results_dir={folder}"], "holds no results for figure4"),
        (["--results_dir=nowhere"], "There is no folder nowhere"),
    ],
)
def test_the_command_refuses(light_command, dense_alone, flags, message):
    done = light_command("analysis.tables", *(flag.format(folder=dense_alone) for flag in flags))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_half_precision_is_compared_seed_by_seed(results):
    """The interval of Student for the mean of three differences d: mean(d) -+ 4.303 sd(d) / sqrt(3)."""
    own = panel(results.levels, FC)
    other = own[own["seed"] < 3].assign(precision="mixed_bfloat16")
    other["test_accuracy"] += 0.01 * (other["seed"] + 1)
    both = dataclasses.replace(results, levels=pd.concat([own, other]))
    levels, masks = precision_tables(both)
    assert masks.numbers.empty and masks.shown.empty
    finished = own[(own["seed"] < 3) & (own["status"] == "finished")]
    counts = finished.groupby(["treatment", "level"])["seed"].count()
    assert levels.numbers.set_index(["treatment", "level"])["n"].to_dict() == counts.to_dict()
    row = levels.numbers.set_index(["treatment", "level"]).loc[("large_final-rewind-zero", 1)]
    accuracies = [
        100 * value for value in own[own["treatment"] == row.name[0]].query("level == 1 and seed < 3")["test_accuracy"]
    ]
    assert row["float32_mean"] == pytest.approx(statistics.fmean(accuracies))
    assert row["deviation"] == pytest.approx(statistics.stdev(accuracies))
    assert (row["difference"], row["low"], row["high"]) == pytest.approx(
        (2, 2 - 4.3027 / 3**0.5, 2 + 4.3027 / 3**0.5), abs=1e-4
    )
    shown = levels.shown[(levels.shown["treatment"] == row.name[0]) & (levels.shown["level"] == "1")].iloc[0]
    assert shown["difference [95% interval]"] == "+2.00 [-0.48, +4.48]" and shown["seeds"] == "3"


def test_masks_of_one_seed_have_a_difference_and_no_interval(results):
    own = results.learned_masks.drop_duplicates("network").assign(seed=0)
    other = own.assign(precision="mixed_float16", test_accuracy=own["test_accuracy"] - 0.05)
    _, masks = precision_tables(dataclasses.replace(results, learned_masks=pd.concat([own, other])))
    assert masks.numbers["difference"].tolist() == pytest.approx([-5] * len(own))
    assert set(masks.shown["difference [95% interval]"]) == {"-5.00 -"} and set(masks.shown["deviation of seeds"]) == {
        "-"
    }


def test_results_of_one_precision_are_not_compared(results):
    assert all(table.numbers.empty for table in precision_tables(results))


def test_table_1_on_the_page_of_results_names_the_precision(results):
    """Also where a network has masks in half precision alone, and where learned masks have another precision."""
    half = {"precision": "mixed_bfloat16"}
    only_half = dataclasses.replace(
        results, levels=results.levels.assign(**half), supermasks=results.supermasks.assign(**half)
    )
    head, *rows = table1_beside_published(only_half)
    learned = [place for place, title in enumerate(head) if title.startswith("learned")]
    by_name = {row[0]: row for row in rows}
    row = by_name["fc, mnist, schedule paper, mixed_bfloat16"]
    for place, cell in enumerate(row[1:], 1):
        assert cell.endswith(", float32") == (place in learned and cell != "")
    (before,) = [each for each in table1_beside_published(results) if each[0].startswith("fc, mnist")]
    assert before == ["fc, mnist, schedule paper", *(cell.removesuffix(", float32") for cell in row[1:])]
