"""Sections: their order, their anchors, and a section of a user's own."""

import made_up
import pytest
from page_reader import Reader

from analysis.figures import catalogue
from analysis.report import page, parts, report, sections
from lottery_tf.pruning.treatments import Treatment

pytestmark = pytest.mark.slow

EMPTY = {"others", "precision"}  # sections without results: other treatments, results in two precisions


def test_every_section_has_its_place(written, read):
    text = written.read_text()
    for section in sections.SECTIONS:
        if section.anchor not in EMPTY:
            assert f'href="#{section.anchor}"' in text and section.anchor in read.identifiers
    assert not EMPTY & {*read.identifiers}
    for name in ("figure1", "figure2", "figure3", "figure4", "figureS1", "figure6", "figure7"):
        assert name in read.identifiers
        assert (written.parent / "figures" / f"{name}.pdf").stat().st_size > 1000
    assert not {"figure5", "supplement"} & {*read.identifiers}, "they have no line of their own"
    assert "Not drawn: there is no trained level of large_final-rewind-init" in text


def test_a_section_is_an_entry_of_a_table(root, tmp_path):
    mine = sections.Section(
        "mine", "A section of one's own", "What it says.", (lambda made: page.paragraph(f"<{made.root.name}>"),)
    )
    empty = sections.Section("nothing", "A section without content", "", (lambda made: page.paragraph(""),))
    text = report.write(root, tmp_path, sections=(mine, empty)).read_text()
    assert (
        f"<p>&lt;{root.name}&gt;</p>" in text and "What it says." in text and "nothing" not in Reader(text).identifiers
    )


def test_what_holds_is_a_sentence_where_there_are_not_enough_data_for_anything(tmp_path):
    folder = made_up.write_results(tmp_path / "results", treatments=[Treatment()], levels=1, seeds=[0])
    made = parts.Report(folder, tmp_path / "out", catalogue.figure_inputs(folder))
    text = sections.summary_part(made)
    assert not made.failed and "There are not enough data for any claim." in text and "the other claims" not in text
