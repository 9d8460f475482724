"""Parts of a report: figures and tables with what is behind them, and what becomes of parts that fail."""

import dataclasses

import made_up
import pytest
from markupsafe import Markup
from page_reader import Reader

from analysis.figures import catalogue
from analysis.report import commands, figure_sources, parts, report, sections
from analysis.results import columns, load
from lottery_tf.pruning.treatments import Treatment

ENTRIES = list(figure_sources.MEASURED)


@pytest.fixture
def made(root, tmp_path):
    return parts.Report(root, tmp_path / "out", catalogue.figure_inputs(root))


def broken(given):
    raise ZeroDivisionError("a <fault> of ours")


@pytest.mark.slow
def test_what_fails_is_named_in_its_place_and_the_rest_is_written(root, tmp_path, monkeypatch):
    monkeypatch.setitem(catalogue.FIGURES, "figure3", catalogue.FIGURES["figure3"]._replace(draw=broken))
    monkeypatch.setitem(parts.tables.TABLES, "table1", lambda found, rule: broken(found))
    keep = tuple(section for section in sections.SECTIONS if section.anchor in ("summary", "criteria", "supermasks"))
    made = report.prepare(root, tmp_path, sections=keep)
    read = Reader(report.write_page(made, (*keep, sections.Section("mine", "Mine", "", (broken,)))).read_text())
    text = "".join(read.text)
    assert not read.unbalanced and {"figure1", "figure2", "figure7", "summary"} <= {*read.identifiers}
    for what in ("Figure 3: Mask criteria", "The table table1", "Mine"):
        assert f"{what} could not be made: ZeroDivisionError: a <fault> of ours" in text
    assert made.failed == ["Figure 3: Mask criteria", "The table table1", "Mine"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["limit", "spectrum"])
def test_one_kind_of_measurement_alone_makes_a_page(kind, tmp_path):
    folder = made_up.write_results(tmp_path / "results", treatments=[Treatment()], levels=2, landscape=[Treatment()])
    given = catalogue.figure_inputs(folder)
    empty = {columns.FRAMES[each]: getattr(given.results, columns.FRAMES[each])[:0] for each in columns.LANDSCAPE}
    kept = {columns.FRAMES[each]: getattr(given.results, columns.FRAMES[each]) for each in (kind, "spectrum")}
    alone = dataclasses.replace(given, results=dataclasses.replace(given.results, **empty | kept))
    made = parts.Report(folder, tmp_path / "out", alone)
    text = parts.landscape_part(made)
    assert not made.failed and 'id="flatness"' in text
    assert "Right: the curvature" not in text, "no ray is drawn"


@pytest.mark.slow
def test_where_nothing_is_measured_that_is_said_once(tmp_path):
    treatments = (Treatment(), Treatment("random"))
    folder = made_up.write_results(tmp_path / "results", treatments=treatments, levels=3, landscape=treatments)
    found = load.load(folder)
    empty = {columns.FRAMES[kind]: getattr(found, columns.FRAMES[kind])[:0] for kind in columns.LANDSCAPE}
    text = parts.landscape_part(
        parts.Report(tmp_path, tmp_path, catalogue.FigureInputs(dataclasses.replace(found, **empty)))
    )
    assert "None of this is measured yet" in text and "Not drawn" not in text
    for measure in {commands.MEASURED_BY[kind] for kind in figure_sources.MEASURED.values()}:
        assert text.count(f"<span>--measure={measure}</span>") == 1
    some = dataclasses.replace(found, **empty | {"lines": found.lines})
    text = parts.landscape_part(parts.Report(tmp_path, tmp_path, catalogue.FigureInputs(some)))
    assert text.count("<figure ") == 2 and text.count("Not drawn") == len(ENTRIES) - 2


def test_a_part_that_fails_is_named_and_a_full_disk_is_no_part(made):
    assert parts.part_or_error("This", made, lambda: Markup("<p>it</p>")) == "<p>it</p>" and not made.failed
    text = parts.part_or_error("That", made, lambda: broken(made))
    assert "That could not be made: ZeroDivisionError: a &lt;fault&gt; of ours" in text and made.failed == ["That"]

    def full():
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        parts.part_or_error("Other", made, full)
    assert made.failed == ["That"]


def test_the_title_of_a_figure_begins_with_its_number():
    assert parts.heading_of("figure3") == f"Figure 3: {catalogue.FIGURES['figure3'].title}"
    assert parts.heading_of("limits") == catalogue.FIGURES["limits"].title


def test_the_figure_at_the_top_is_not_drawn_again(made):
    text = parts.figure_part("figure4", dataclasses.replace(made, main="figure4"))
    assert "This figure is shown at the top of the page." in text and "<svg" not in text
    assert not made.out.exists(), "nothing was written"


def test_a_table_is_written_beside_the_page_and_linked(made):
    text = parts.table_part("table1", made)
    assert not made.failed and 'href="tables/table1.csv"' in text
    assert "fc,mnist,paper,float32,mask x initial," in (made.out / "tables" / "table1.csv").read_text()
    assert "There are no results for precision." in parts.table_part("precision", made)
    assert parts.precision_part(made) == "" and not (made.out / "tables" / "precision.csv").exists()
