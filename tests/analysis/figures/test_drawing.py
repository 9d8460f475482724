"""What all figures share: axes, legends, titles, and a style that a user's settings do not change."""

import os
import subprocess
import sys

import matplotlib
import pytest
from matplotlib.artist import Artist
from matplotlib.lines import Line2D
from shared import ROOT

from analysis.figures import drawing
from analysis.results import select


def test_a_figure_is_the_same_picture_whatever_stands_in_a_matplotlibrc():
    def drawn():
        with drawing.look():
            figure = drawing.blank(2, 1)
            figure.subplots().plot([1, 2], [3, 4], label="a")
            return drawing.content(drawing.fix_layout(figure), "png")

    usual = drawn()
    others = {"axes.facecolor": "red", "font.family": "monospace", "savefig.transparent": True, "lines.linestyle": ":"}
    with matplotlib.rc_context(others):
        assert drawn() == usual
        assert matplotlib.rcParams["axes.facecolor"] == "red", "a user's setting was changed"


@pytest.mark.slow
@pytest.mark.parametrize("module", ["analysis.figures", "analysis.report"])
def test_a_backend_that_matplotlib_does_not_know_ends_no_command(module, tmp_path):
    words = [sys.executable, "-m", module, f"--results_dir={tmp_path / 'none'}", f"--out={tmp_path / 'out'}"]
    done = subprocess.run(words, cwd=ROOT, env=os.environ | {"MPLBACKEND": "foo"}, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr
    assert str(tmp_path / "none") in done.stderr


@pytest.mark.parametrize("least", (0.02, 1.2, 7, 26, 51, 80, 100))
def test_an_axis_of_kept_percentages_has_enough_numbers(least):
    axes = drawing.blank(4, 3).subplots()
    drawing.kept_axis(axes, least)
    last, first = sorted(axes.get_xlim())
    assert sum(last < place < first for place in axes.get_xticks()) >= 4


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


def test_networks_stand_in_the_order_of_table_s1_and_dollars_are_no_formula():
    assert select.table_s1_order([("conv4", "x", "9"), ("conv2", "x", "9"), ("a", "x", "9")])[0][0] == "conv2"
    assert drawing.panel_title(("a$b", "c", "d$")) == r"a\$b on c, d\$ schedule"


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
