"""Figures of a made-up folder: what is in them against the numbers behind them, files, and clear errors."""

import dataclasses
import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

import made_up
import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.artist import Artist
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.lines import Line2D
from PIL import Image

from analysis.figures import catalogue, curves, drawing, styles
from analysis.results import load, lottery_lines, select
from lottery_tf.errors import InputError
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies import paper

ROOT = Path(__file__).parents[3]
LEVELS, SEEDS = 3, (0, 1, 2)
DIVERGED = (1, "small_final-rewind-zero", 3)
MISSING = [(seed, "movement-rewind-zero", level) for seed in SEEDS for level in range(1, LEVELS + 1)]
MINE = Treatment("large_final_same_sign")  # in no figure of lines


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with all treatments, supermasks and learned masks; one training diverged, one treatment is missing."""
    return made_up.write_results(
        tmp_path_factory.mktemp("results"),
        panels=made_up.PANELS[:1],
        treatments=tuple(dict.fromkeys((*made_up.TREATMENTS, MINE, *lottery_lines.TREATMENT_OF_LINE.values()))),
        seeds=SEEDS,
        levels=LEVELS,
        ladders=paper.HEURISTIC_MASK_SOURCES,
        learned=made_up.LEARNED[:10],
        controls=("reinit", "random"),
        landscape=(Treatment(), Treatment("random")),
        missing=MISSING,
        diverged=[DIVERGED],
    )


@pytest.fixture(scope="module")
def given(folder):
    return catalogue.figure_inputs(folder)


@pytest.fixture(scope="module")
def drawn(given):
    """Every figure, drawn and stored in every format without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = {name: catalogue.draw(name, given) for name in catalogue.FIGURES}
        contents = {
            name: {kind: drawing.content(each, kind) for kind in drawing.FORMATS} for name, each in made.items()
        }
    return made, contents


def legend_of(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def panel_of(figure, place):
    return figure.axes[place]


@pytest.mark.parametrize("name", catalogue.FIGURES)
def test_files_of_every_kind(name, drawn):
    contents = drawn[1][name]
    assert contents["svg"].startswith(b"<?xml") and b"</svg>" in contents["svg"]
    assert not re.search(rb"url\(#p[0-9a-f]{10}\)", contents["svg"])  # names that differ from drawing to drawing
    assert contents["png"].startswith(b"\x89PNG") and contents["pdf"].startswith(b"%PDF")


@pytest.mark.parametrize("name", ("figure3", "figure6"))
def test_the_same_figure_is_the_same_file(name, drawn, given):
    again = catalogue.draw(name, given)
    assert all(drawing.content(again, kind) == drawn[1][name][kind] for kind in ("svg", "png"))


@pytest.mark.parametrize("name", catalogue.FIGURES)
def test_no_text_lies_outside_or_on_other_text(name, drawn):
    figure = drawn[0][name]
    with drawing.look():
        figure.draw_without_rendering()
    shown = [
        (text, text.get_window_extent())
        for axes in figure.axes
        for text in (axes.title, axes.xaxis.label, axes.yaxis.label)
        if text.get_text()
    ]
    shown += [(legend, legend.get_window_extent()) for legend in figure.legends]
    for what, box in shown:
        assert box.x0 >= -1 and box.y0 >= -1, what
        assert box.x1 <= figure.bbox.x1 + 1 and box.y1 <= figure.bbox.y1 + 1, what
    for place, (what, box) in enumerate(shown):
        for other, second in shown[place + 1 :]:
            assert not box.overlaps(second), (what, other)
    for legend in figure.legends:
        assert not any(legend.get_window_extent().overlaps(axes.bbox) for axes in figure.axes if axes.axison)


@pytest.mark.parametrize("name", paper.FIGURE_LINES)
def test_lines_are_means_and_bands_reach_from_least_to_greatest(name, drawn, given):
    """Against plain pandas on the levels themselves."""
    figure, spec = drawn[0][name], paper.FIGURE_LINES[name]
    levels = select.panel(given.results.levels, select.Panel("fc", "mnist", "paper", "float32"))
    accuracy = panel_of(figure, 1)
    dense = 100 * levels[levels["treatment"] == "dense"]["test_accuracy"]
    for line, treatment in spec.lines.items():
        own = (
            levels[levels["treatment"] == treatment.name].groupby("level")["test_accuracy"].agg(["mean", "min", "max"])
        )
        style = styles.treatment_style(treatment.name)
        found = [
            each
            for each in accuracy.lines
            if (each.get_color(), each.get_marker(), each.get_markerfacecolor() == "#ffffff")
            == (style.colour, style.marker, style.hollow)
        ]
        if not len(own):
            assert not found
            continue
        np.testing.assert_allclose(found[0].get_ydata(), [dense.mean(), *(100 * own["mean"])])
        bands = [
            band
            for band in accuracy.collections
            if isinstance(band, FillBetweenPolyCollection)
            and np.allclose(band.get_facecolor()[0][:3], matplotlib.colors.to_rgb(style.colour))
        ]
        same_colour = [
            other for other in spec.banded if styles.treatment_style(spec.lines[other].name).colour == style.colour
        ]
        assert bool(bands) == bool(same_colour)
        if line in spec.banded:
            edges = np.concatenate([band.get_paths()[0].vertices[:, 1] for band in bands])
            for value in 100 * own[["min", "max"]].to_numpy().ravel():
                assert np.isclose(edges, value).any()


def test_stars_are_those_of_the_table(given, drawn):
    from analysis.statistics import figure_lines

    spec = paper.FIGURE_LINES["figure4"]
    levels = select.panel(given.results.levels, select.Panel("fc", "mnist", "paper", "float32"))
    for place, measure in enumerate(curves.DRAWN_METRICS):
        lines = figure_lines.lines(levels, spec, measure)
        stars = [line for line in panel_of(drawn[0]["figure4"], place).lines if line.get_marker() == "*"]
        assert sum(len(line.get_xdata()) for line in stars) == lines["star"].sum()


@pytest.mark.slow
def test_bars_of_untrained_networks_are_those_of_the_masks_that_there_are(given):
    best = given.results.best_supermasks
    some = dataclasses.replace(given.results, best_supermasks=best[best["criterion"] == "large_final"])
    every, one = (catalogue.draw("figure6", dataclasses.replace(given, results=each)) for each in (given.results, some))
    names = ["random mask", "large_final mask", "large_final_same_sign mask"]
    assert legend_of(every.subfigs[0])[1:] == names and legend_of(one.subfigs[0]) == names[1:2]
    (bar,) = one.axes[0].patches
    assert bar.get_x() + bar.get_width() / 2 == pytest.approx(0)  # in the middle of its group


@pytest.mark.parametrize("least", (0.02, 1.2, 7, 26, 51, 80, 100))
def test_an_axis_of_kept_percentages_has_enough_numbers(least):
    axes = drawing.blank(4, 3).subplots()
    drawing.kept_axis(axes, least)
    last, first = sorted(axes.get_xlim())
    assert sum(last < place < first for place in axes.get_xticks()) >= 4


def test_the_legend_names_what_is_drawn_and_nothing_else(drawn):
    legend = legend_of(drawn[0]["figure3"])
    stars = any(line.get_marker() == "*" for axes in drawn[0]["figure3"].axes for line in axes.lines)
    wanted = [name for name in paper.PAPER_CRITERIA if name != "movement"] + ["dense network"]
    assert legend == wanted + ["better than all other lines, p = 0.05"] * stars
    assert legend_of(drawn[0]["others"])[0] == MINE.name


def test_kept_percentages_run_from_everything_to_half_a_percent():
    """At 24 rounds of fc the axis ends just below 0.5%, with round ticks and nothing cut off."""
    kept = made_up.kept_fractions("fc", 24)
    lines = pd.DataFrame(
        {
            "line": "a",
            "level": range(25),
            "kept": 100 * np.array(kept),
            "mean": 97.0,
            "min": 96.0,
            "max": 98.0,
            "star": False,
        }
    )
    with drawing.look():
        axes = drawing.blank(5, 3).subplots()
        curves.draw_lines(axes, lines, {"a": styles.treatment_style("a")}, ["a"], "test_accuracy")
        left, right = axes.get_xlim()
        labels = [tick.get_text() for tick in axes.get_xticklabels()]
    assert left > 100 and 0.4 < right < 100 * kept[24]
    assert {"100", "50", "20", "10", "5", "2", "1", "0.5"} <= set(labels)


def test_lines_that_collapse_do_not_flatten_the_others():
    lines = pd.DataFrame({"line": ["good"] * 3 + ["bad"] * 3, "level": [1, 2, 3] * 2, "kept": [50.0, 20, 5] * 2})
    lines = lines.assign(mean=[98, 98.4, 97, 98, 60, 11.0], max=98.5, star=False)
    lines["min"] = lines["mean"]
    low, high = curves.frame_of_accuracy(lines)
    assert 90 < low < 97 and 98.5 < high < 100
    alone = curves.frame_of_accuracy(lines[lines["line"] == "good"])
    assert 96 < alone[0] < 97 and alone[1] > 98.5
    near = lines.assign(mean=[98, 98.4, 97, 98, 96, 95.0], min=[98, 98.4, 97, 98, 95.5, 94.5])
    assert curves.frame_of_accuracy(near)[0] < 94.5  # where nothing collapses, nothing is cut off, bands included
    axes = drawing.blank(5, 3).subplots()
    curves.draw_lines(
        axes, lines, {name: styles.treatment_style(name) for name in ("good", "bad")}, (), "test_accuracy"
    )
    assert axes.get_ylim() == (low, high)
    assert "1 line leaves the frame, down to 11.0%" in axes.get_xlabel()


def test_supermasks_beside_both_baselines(given, drawn):
    figure = drawn[0]["figure7"]
    legend = legend_of(figure)
    assert {"large_final_same_sign", "learned mask", "trained network", "untrained, no mask"} <= set(legend)
    axes = panel_of(figure, 1)
    assert axes.get_title() == "fc on mnist, paper schedule: mask x signed constant, 3 seeds"
    own = given.results.supermasks
    own = own[(own["network"] == "fc") & (own["weights"] == "signed_constant")]
    expected = 100 * own[own["criterion"] == "large_final_same_sign"].groupby("level")["test_accuracy"].mean()
    violet = styles.criterion_style("large_final_same_sign").colour
    line = next(line for line in axes.lines if line.get_color() == violet)
    np.testing.assert_allclose(line.get_ydata(), expected)
    learned = given.results.learned_masks
    learned = learned[(learned["network"] == "fc") & (learned["weights"] == "signed_constant")]
    points = [line.get_xydata()[0] for line in axes.lines if line.get_marker() in ("<", ">")]
    means = 100 * learned.groupby("initial_logit")[["pruned_fraction", "test_accuracy"]].mean()
    expected = sorted(zip(100 - means["pruned_fraction"], means["test_accuracy"], strict=True))
    np.testing.assert_allclose(sorted(map(tuple, points)), expected)


@pytest.mark.slow
def test_of_masks_learned_in_several_ways_the_longest_is_drawn(given):
    own = given.results.learned_masks
    own = own[(own["network"] == "fc") & (own["weights"] == "initial") & (own["initial_logit"] == "0")]
    ways = [
        own.assign(iterations=10 * own["iterations"], test_accuracy=0.3, best_val_accuracy=0.3),
        own.assign(iterations=10 * own["iterations"], learning_rate=7.0, test_accuracy=0.2, best_val_accuracy=0.4),
        own[:1].assign(g="rounded", test_accuracy=0.6),
        own.assign(iterations=100 * own["iterations"], test_accuracy=0.7, status="diverged"),
    ]
    masks = pd.concat([own.assign(test_accuracy=0.9, best_val_accuracy=0.9), *ways], ignore_index=True)
    found = dataclasses.replace(given.results, learned_masks=masks)
    figure = catalogue.draw("figure7", catalogue.FigureInputs(found))
    left = panel_of(figure, 0)
    points = [line.get_ydata()[0] for line in left.lines if line.get_marker() in ("<", ">")]
    np.testing.assert_allclose(points, [20, 60])  # of two as long the one that is better on validation images
    assert {"learned mask", "learned mask, rounded"} <= set(legend_of(figure))
    assert left.get_title().endswith("1 to 3 seeds")


def test_learned_masks_alone_lie_within_the_frame(given):
    few = given.results.learned_masks.assign(pruned_fraction=0.99)
    found = dataclasses.replace(given.results, learned_masks=few, supermasks=given.results.supermasks[:0])
    axes = panel_of(catalogue.draw("figure7", catalogue.FigureInputs(found)), 0)
    assert min(axes.get_xlim()) < 1 < max(axes.get_xlim())


def test_a_line_of_one_level_does_not_set_the_frame():
    fallen = pd.DataFrame({"line": "good", "level": range(1, 6), "mean": [98.0, 97.5, 97.0, 96.0, 94.0]})
    begun = pd.DataFrame({"line": ["begun"], "level": [1], "mean": [98.5]})
    lines = pd.concat([fallen, begun], ignore_index=True)
    low, high = curves.frame_of_accuracy(lines.assign(min=lines["mean"], max=lines["mean"]))
    assert low < 94 and high > 98.5


@pytest.mark.slow
def test_a_legend_stays_on_its_page_and_off_its_panels():
    for count, length in ((10, 30), (3, 90), (120, 20)):
        page = drawing.blank(10, 3.7)
        axes = page.subplots()
        handles = [Line2D([], [], label="x" * length) for _ in range(count)]
        drawing.legend_below(page, handles, 5)
        drawing.fix_layout(page)
        (legend,) = page.legends
        extent = legend.get_window_extent()
        assert extent.width <= page.bbox.width and extent.y0 >= -1 and len(legend.get_texts()) == count
        assert extent.y1 <= axes.bbox.y0 and axes.bbox.height > 2 * page.dpi


def test_masks_against_iterations(given, drawn):
    figure = drawn[0]["mask_learning"]
    axes = panel_of(figure, 0)
    assert axes.get_title() == "fc on mnist: 3 seeds"
    own = given.results.mask_histories
    own = own[(own["network"] == "fc") & (own["weights"] == "signed_constant")]
    best = own.groupby(["initial_logit", "seed"])["validation_accuracy"].max().groupby("initial_logit").mean().idxmax()
    expected = 100 * own[own["initial_logit"] == best].groupby("iteration")["validation_accuracy"].mean()
    line = next(line for line in axes.lines if line.get_color() == styles.LEARNING["signed_constant", False].colour)
    np.testing.assert_allclose(line.get_xydata(), list(expected.items()))
    assert "signed constant" in legend_of(figure)


def test_the_title_of_mask_learning_counts_the_seeds_of_what_is_drawn(given):
    histories = given.results.mask_histories
    rescaled = histories[histories["seed"] == 0].assign(rescale=True)
    found = dataclasses.replace(given.results, mask_histories=pd.concat([histories, rescaled], ignore_index=True))
    figure = catalogue.draw("mask_learning", catalogue.FigureInputs(found))
    assert panel_of(figure, 0).get_title() == "fc on mnist: 1 to 3 seeds"


@pytest.mark.slow
def test_one_seed_two_schedules_and_no_dense_network(tmp_path):
    """The sparsest folder that can be: nothing to average, nothing to star, one level."""
    folder = made_up.write_results(tmp_path, treatments=[Treatment("random")], seeds=[4], levels=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = catalogue.draw("figure3", catalogue.figure_inputs(folder))
        drawing.content(figure, "svg")
    assert legend_of(figure) == ["random", "dense network"]  # no star is drawn
    loaded = load.load(folder)
    without = loaded.levels[loaded.levels["level"] > 0]
    only = dataclasses.replace(loaded, levels=without)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = catalogue.draw("figure3", catalogue.FigureInputs(only))
    assert legend_of(figure) == ["random"]


def test_a_title_says_that_lines_have_different_numbers_of_seeds(tmp_path):
    made_up.write_results(tmp_path, treatments=[Treatment()], seeds=[0, 1, 2], levels=1)
    folder = made_up.write_results(tmp_path, treatments=[Treatment("random")], seeds=[0], levels=1)
    figure = catalogue.draw("figure3", catalogue.figure_inputs(folder))
    assert {axes.get_title() for axes in figure.axes} == {"fc on mnist, paper schedule, 1 to 3 seeds"}


def test_what_is_not_there_is_named(tmp_path):
    material = catalogue.figure_inputs(made_up.write_results(tmp_path, treatments=(), seeds=[0]))
    for name, what in {"figure5": "large_final-rewind-hybrid", "figure7": "no learned mask", "others": "other"}.items():
        with pytest.raises(drawing.NothingToDraw, match=what):
            catalogue.draw(name, material)
    assert len(catalogue.draw("figure6", material).axes) == 2  # the planes need no results


def test_names_of_figures():
    assert [catalogue.full_name(name) for name in ("1", "S1", "figure7", "supplement")] == [
        "figure1", "figureS1", "figure7", "supplement",
    ]  # fmt: skip
    with pytest.raises(InputError, match="Unknown figure 'figure33'; did you mean 'figure3'"):
        catalogue.full_name("figure33")


def test_networks_stand_in_the_order_of_table_s1_and_dollars_are_no_formula():
    assert select.table_s1_order([("conv4", "x", "9"), ("conv2", "x", "9"), ("a", "x", "9")])[0][0] == "conv2"
    assert drawing.panel_title(("a$b", "c", "d$")) == r"a\$b on c, d\$ schedule"


def test_the_picture_of_a_run(tmp_path):
    rows = pd.DataFrame(
        [
            {"treatment": name, "seed": seed, "level": level, "kept_fraction": 0.8**level, "early_stop_iteration": 100,
             "test_accuracy": np.nan if level == 2 and seed else 90.0 + seed}
            for name in ("random-rewind-zero", "my_module+mine-rewind-zero")
            for seed in (0, 1)
            for level in (0, 1, 2)
        ]
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        path = curves.accuracy_against_kept(rows, tmp_path / "lottery.png")
    with Image.open(path) as picture:
        assert picture.width > 1000


def test_the_command(folder, tmp_path, command):
    (tmp_path / "my_plane.py").write_text("def mine(w_i, w_f):\n    return w_i * w_f\n")
    arguments = [f"--results_dir={folder}", "--figure=1,2,S1", "--format=svg,png", f"--out={tmp_path / 'drawn'}"]
    code = f"import runpy, sys; sys.path.insert(0, {str(tmp_path)!r})"
    code += "; runpy.run_module('analysis.figures', run_name='__main__')"
    done = command("", *arguments, "--criterion=my_plane:mine", code=code)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [
        f"{name}.{kind}" for name in ("figure1", "figure2", "figureS1") for kind in ("png", "svg")
    ]
    assert "my_plane:mine" in (tmp_path / "drawn" / "figure2.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--results_dir=nowhere"], "There is no folder nowhere"),
        (["--figure="], "--figure and --format each need"),
        (["--network=fcc"], "Unknown network with results 'fcc'; did you mean 'fc'?"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(arguments, message, folder, tmp_path, light_command):
    done = light_command("analysis.figures", f"--results_dir={folder}", f"--out={tmp_path / 'no'}", *arguments)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "no").exists()


def test_unknown_names_are_refused(folder):
    with pytest.raises(InputError, match="Unknown format of figures 'gif'"):
        drawing.content(drawing.blank(1, 1), "gif")
    with pytest.raises(InputError, match="did you mean 'large_final'"):
        catalogue.figure_inputs(folder, criteria=("larg_final",))
    with pytest.raises(InputError, match="Unknown figure 'figure9'"):
        catalogue.draw("figure9", catalogue.FigureInputs(None))


def test_figures_that_cannot_be_drawn_are_left_out_and_named(tmp_path, light_command):
    folder = made_up.write_results(tmp_path / "results", treatments=(), seeds=[0])
    done = light_command("analysis.figures", f"--results_dir={folder}", "--figure=3", f"--out={tmp_path / 'out'}")
    assert done.returncode == 2 and "figure3 is left out" in done.stderr
    assert "None of the figures can be drawn" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_one_figure_that_fails_loses_no_other(tmp_path):
    folder = made_up.write_results(
        tmp_path / "results", treatments=[Treatment(), Treatment("random")], levels=1, seeds=[0]
    )
    code = """
import sys
from analysis.figures import __main__ as command
from analysis.figures import catalogue
from lottery_tf import console
def broken(given):
    raise ZeroDivisionError("a fault of ours")
catalogue.FIGURES["figure1"] = catalogue.FIGURES["figure1"]._replace(draw=broken)
command.define_flags()
console.run(command.main)
"""
    flags = (f"--results_dir={folder}", f"--out={tmp_path / 'out'}", "--figure=1,3", "--format=svg")
    done = subprocess.run([sys.executable, "-c", code, *flags], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 1 and "ZeroDivisionError: a fault of ours" in done.stderr
    assert "Could not be drawn: figure1." in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["figure3.svg"]


@pytest.mark.slow
def test_importing_figures_defines_no_flags_and_loads_no_tensorflow():
    code = """
import json, sys
from absl import app, flags
before = set(flags.FLAGS)
import analysis.figures, analysis.report
print(json.dumps([sorted(set(flags.FLAGS) - before), [name for name in HEAVY if name in sys.modules]]))
""".replace("HEAVY", "('tensorflow', 'keras', 'matplotlib.pyplot', 'scipy.stats')")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout) == [[], []]


def shape_of(line):
    """What tells one line of a figure from another."""
    return line.get_color(), line.get_marker(), line.get_linestyle(), line.get_fillstyle()


@pytest.mark.parametrize("name", ["figure3", "figure4", "figure5", "lottery", "barriers", "robustness", "others"])
def test_a_legend_has_what_is_drawn_and_nothing_else(name, drawn):
    figure = drawn[0][name]
    legend = figure.legends[0]
    lines = [line for axes in figure.axes for line in axes.lines if len(line.get_xdata())]
    labels = [text.get_text() for text in legend.get_texts()]
    starred = any(line.get_marker() == "*" for line in lines)
    assert any(label.startswith("better than all") for label in labels) == starred
    fills = {line.get_fillstyle() for line in lines if line.get_marker() not in ("None", "")}
    told = {handle.get_fillstyle() for handle, label in zip(legend.legend_handles, labels, strict=True)
            if label.endswith(("in all seeds", "in some", "in none"))}  # fmt: skip
    assert told in (set(), fills)
    colours = {line.get_color() for line in lines}
    assert {handle.get_color() for handle, label in zip(legend.legend_handles, labels, strict=True)
            if not label.startswith(("better than all", "both levels", "perturbed network"))} <= colours  # fmt: skip


def test_no_artist_is_made_when_a_module_is_imported():
    """It would be made in the look of the user's matplotlibrc."""
    modules = [module for name, module in sys.modules.items() if name.startswith(("analysis.", "runs."))]
    assert len(modules) > 20
    found = [(f"{module.__name__}.{name}", value) for module in modules for name, value in vars(module).items()]
    made = [
        name
        for name, value in found
        if any(isinstance(each, Artist) for each in (value if isinstance(value, list | tuple) else [value]))
    ]
    assert not made


OTHER_SETTINGS = {
    "lines.linewidth": 30, "lines.markersize": 20, "lines.dash_capstyle": "round", "lines.color": "red",
    "font.size": 30, "axes.grid": True, "axes.facecolor": "pink", "axes.prop_cycle": matplotlib.cycler(color=["red"]),
    "legend.frameon": True, "legend.handlelength": 9, "legend.numpoints": 5, "figure.facecolor": "black",
    "savefig.bbox": "tight", "savefig.dpi": 300, "svg.fonttype": "path", "patch.linewidth": 9, "hatch.linewidth": 9,
    "text.usetex": False, "xtick.direction": "in", "ytick.right": True, "axes.spines.top": False,
    "path.sketch": (5, 9, 2),
    "mathtext.fontset": "cm", "axes.formatter.use_locale": True, "axes.xmargin": 0.4, "errorbar.capsize": 9,
}  # fmt: skip


@pytest.mark.parametrize("name", ["figure3", "figure2", "lottery", "barriers"])
def test_other_settings_of_matplotlib_change_no_picture(name, given, drawn):
    with matplotlib.rc_context(OTHER_SETTINGS):
        other = drawing.content(catalogue.draw(name, given), "svg")
    assert other == drawn[1][name]["svg"]
