"""What all figures share: axes, legends, titles, and one look whatever is set for others."""

import os
import subprocess
import sys

import matplotlib
import pytest
from shared import ROOT

from analysis.figures import drawing


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
