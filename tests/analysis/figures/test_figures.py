"""All figures of a made-up folder: their files, texts and legends, the command, and clear errors."""

import dataclasses
import json
import re
import subprocess
import sys
import warnings
from pathlib import Path

import made_up
import matplotlib
import pytest
from figure_parts import MINE, legend_of

from analysis.figures import catalogue, drawing
from analysis.results import load
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.studies import paper

ROOT = Path(__file__).parents[3]


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


def test_the_legend_names_what_is_drawn_and_nothing_else(drawn):
    legend = legend_of(drawn[0]["figure3"])
    stars = any(line.get_marker() == "*" for axes in drawn[0]["figure3"].axes for line in axes.lines)
    wanted = [name for name in paper.PAPER_CRITERIA if name != "movement"] + ["dense network"]
    assert legend == wanted + ["better than all other lines, p = 0.05"] * stars
    assert legend_of(drawn[0]["others"])[0] == MINE.name


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
from lottery_tf.command_line import console
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
