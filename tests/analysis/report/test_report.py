"""The page of a made-up folder: complete, self-contained, escaped; of unfinished folders and exported files."""

import dataclasses
import re
import subprocess
import sys

import made_up
import pandas as pd
import pytest
from page_reader import Reader
from shared import ROOT

from analysis import export
from analysis.claims.verdicts import Verdict
from analysis.figures import catalogue, drawing
from analysis.report import coverage, figure_sources, report, sections
from analysis.results import load
from analysis.statistics.stars import StarRule
from lottery_tf.errors import InputError
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results import files
from lottery_tf.studies import paper

pytestmark = pytest.mark.slow  # draws whole reports


def test_the_page_is_well_formed_and_every_identifier_is_there_once(read):
    assert not read.unbalanced and not read.open
    assert len(set(read.identifiers)) == len(read.identifiers)
    anchors = {link[1:] for link in read.links if link.startswith("#")}
    assert anchors <= set(read.identifiers)


def test_the_page_needs_no_network_and_links_to_files_that_are_there(read, written):
    for link in read.links:
        assert link.startswith(("#", "data:image/png")) or (written.parent / link).is_file(), link
    outside = re.findall(r"""(?:src|href)=["']https?:|@import|url\((?!#)""", written.read_text())
    assert not outside
    assert "default-src 'none'" in written.read_text()


def test_what_is_missing_is_said(read):
    text = "".join(read.text)
    assert "fc on mnist, paper schedule: small_final; large_init;" in text
    assert "Missing lines: 7" in text
    assert "left out: no dense network kept its weights" in text


def test_coverage_counts_trainings(root):
    rows = coverage.figure_lines(load.load(root)).set_index("figure")
    assert rows.loc["figure3", "lines with results"] == "2 of 9"
    # large_final: 3 seeds x 2 levels; random: 2 and 1 levels, and one that diverged at once
    assert rows.loc["figure3", "trainings"] == f"{6 + 4} of {9 * 24 * 5}"
    assert rows.loc["figure3", "diverged"] == 1
    assert rows.loc["figure5", "missing lines"] == "init; hybrid"
    masks = coverage.supermasks(load.load(root)).iloc[0]
    assert masks["heuristic masks"] == "3 of 11 criteria" and masks["learned masks"] == 3


def test_figures_take_their_colours_from_the_page(written):
    text = written.read_text()
    assert "var(--c0f96e1, #0f96e1)" in text  # large_final
    assert text.count("--c0f96e1: #0f96e1;") == 1 and "--c0f96e1: #1189c6;" in text
    style = text[text.index("<style>") : text.index("</style>")]
    assert "@media screen and (prefers-color-scheme: dark)" in style and "@media print" in style


def test_tables_and_their_csv_files_hold_the_same_numbers(written):
    found = pd.read_csv(written.parent / "tables" / "figure3.csv")
    row = found[(found["line"] == "large_final") & (found["level"] == 2) & (found["measure"] == "test_accuracy")].iloc[
        0
    ]
    assert row["n"] == 3 and f"{row['mean']:.2f} [{row['min']:.2f}, {row['max']:.2f}]" in written.read_text()
    assert pd.read_csv(written.parent / "tables" / "claims.csv")["verdict"].isin([*Verdict]).all()


def test_exported_files_give_a_report_and_say_what_they_lack(root, tmp_path):
    export.write_all(root, tmp_path / "exported")
    keep = tuple(section for section in sections.SECTIONS if section.anchor in ("criteria", "origin"))
    path = report.write(tmp_path / "exported", tmp_path / "out", sections=keep)
    text = "".join(Reader(path.read_text()).text)
    assert "left out: exported files hold no weights" in text
    assert "do not record the settings, times and versions" in text


def test_what_comes_from_data_is_escaped(root, tmp_path):
    """Names in exported files are anybody's text."""
    export.write_all(root, tmp_path / "exported")
    levels = pd.read_csv(tmp_path / "exported" / "levels.csv", keep_default_na=False)
    levels.loc[levels["criterion"] == "random", "criterion"] = "my:<script>alert(1)</script>"
    levels["schedule"] = '$a$ & "b" <i>'
    levels.to_csv(tmp_path / "exported" / "levels.csv", index=False)
    keep = [section for section in sections.SECTIONS if section.anchor in ("coverage", "criteria", "others")]
    path = report.write(tmp_path / "exported", tmp_path / "out", sections=tuple(keep))
    text = path.read_text()
    assert "<script>alert" not in text and "<i>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    read = Reader(text)
    assert not read.unbalanced and "others" in read.identifiers


def test_precisions_are_compared_where_there_are_two(root, tmp_path):
    (only,) = [section for section in sections.SECTIONS if section.anchor == "precision"]
    made = report.prepare(root, tmp_path, sections=(only,))
    assert "precision" not in Reader(report.write_page(made, (only,)).read_text()).identifiers
    levels = made.given.results.levels
    half = levels.assign(precision="mixed_bfloat16", test_accuracy=levels["test_accuracy"] - 0.01)
    both = dataclasses.replace(made.given.results, levels=pd.concat([levels, half], ignore_index=True))
    made = dataclasses.replace(made, given=dataclasses.replace(made.given, results=both))
    read = Reader(report.write_page(made, (only,)).read_text())
    assert "precision" in read.identifiers and "-1.00" in "".join(read.text)
    assert set(pd.read_csv(tmp_path / "tables" / "precision.csv")["difference"].round(9)) == {-1}


def test_the_commands_on_the_page_say_what_was_asked_for(root, tmp_path):
    planes = tuple(section for section in sections.SECTIONS if section.anchor in ("criteria", "origin"))
    path = report.write(root, tmp_path, sections=planes, criteria=("movement",), rule=StarRule("welch"))
    commands = [line for line in "".join(Reader(path.read_text()).text).splitlines() if "analysis." in line]
    assert sum("--criterion=movement" in line for line in commands) == 2  # the page's own and that of Figure 2
    assert any("--figure=figure3" in line and "--test=welch" in line for line in commands)


def test_a_report_of_nothing_is_refused(root, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("precious")
    for given, out, message in (
        (tmp_path / "empty", tmp_path / "out", "holds no finished results"),
        (tmp_path / "nowhere", tmp_path / "out", "There is no folder"),
        (root, tmp_path / "file", "is a file; --out has to name a folder"),
    ):
        with pytest.raises(InputError, match=message):
            report.write(given, out)
    assert not (tmp_path / "out").exists() and (tmp_path / "file").read_text() == "precious"


def test_the_command(tmp_path, command, light_command):
    folder = made_up.write_results(tmp_path / "results", treatments=[Treatment()], levels=1, seeds=[0])
    done = command("analysis.report", f"--results_dir={folder}", f"--out={tmp_path / 'out'}", "--test=wilcoxon")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / "index.html").read_text()
    assert "--test=wilcoxon" in text
    refused = light_command("analysis.report", "--results_dir=nowhere", f"--out={tmp_path / 'no'}")
    assert refused.returncode == 2 and refused.stderr == "There is no folder nowhere.\n"


def test_a_page_that_cannot_be_written_is_an_error(root, tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        report.write(root, tmp_path)


def test_names_that_are_no_formula_are_shown_as_text(tmp_path):
    """matplotlib reads what stands between two dollars as a formula, and cannot read these."""
    folder = made_up.write_results(
        tmp_path / "results",
        treatments=[Treatment(), Treatment("random"), Treatment(mask1="reinit"), Treatment(rounds="oneshot")],
        levels=2,
        mask_sources=paper.HEURISTIC_MASK_SOURCES[:9:8],
        learned=made_up.LEARNED[:1],
        landscape=[Treatment(), Treatment("random")],
    )
    export.write_all(folder, tmp_path / "exported")
    bad = {
        ",random,": r",my:$\bad$,",
        "fc,mnist": r"$\net{$,$\data$",
        ",paper,": r",$\s^$,",
        "dense_1/kernel": r"$\l{$",
    }
    for path in (tmp_path / "exported").iterdir():
        text = path.read_text()
        for name, other in bad.items():
            text = text.replace(name, other)
        path.write_text(text)
    given = catalogue.figure_inputs(tmp_path / "exported")
    for name in ("others", "figure6", "figure7", "lottery", *figure_sources.MEASURED):
        shown = drawing.content(catalogue.draw(name, given), "svg").decode()
        assert r"$\net{$ on $\data$" in shown.replace("\n", " ") or name == "figure6"
    assert r"my:$\bad$" in drawing.content(catalogue.draw("barriers", given), "svg").decode()


def test_help_imports_no_figure():
    """That would take a second more."""
    code = "import sys, analysis.report.__main__; print([name for name in sys.modules if 'report.report' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"
