"""The tables of results in Markdown files: made anew, checked, and nothing else of the file changed."""

import pytest
from measured_files import MEASURED
from shared import ROOT

from analysis.readme_tables.__main__ import README_TABLES, with_new_tables
from analysis.results.load import load
from lottery_tf.errors import InputError

PAGE = """# Mine
<!-- table: mine -->
old
<!-- end of table -->
after it
<!-- table: other -->
<!-- end of table -->
"""


def test_the_tables_are_those_that_the_command_writes(light_command, tmp_path):
    copy, text = tmp_path / "README.md", (MEASURED / "README.md").read_text()
    results = load(MEASURED)
    for whole in (text, (ROOT / "README.md").read_text()):
        assert with_new_tables(whole, results) == whole
    last_cell = text.index(" |\n<!-- end of table -->")
    copy.write_text(text[:last_cell] + "9" + text[last_cell:])
    done = light_command("analysis.readme_tables", f"--results_dir={MEASURED}", f"--files={copy}", "--check")
    assert (done.returncode, "run this command without --check" in done.stderr) == (2, True)
    assert with_new_tables(copy.read_text(), results) == text != copy.read_text()


def test_only_what_is_between_the_two_lines_is_made_anew(monkeypatch):
    monkeypatch.setitem(README_TABLES, "mine", lambda results: iter([["a|b", results], ["1", ""]]))
    monkeypatch.setitem(README_TABLES, "other", lambda results: iter([["one"]]))
    assert (
        with_new_tables(PAGE, "what was found")
        == """# Mine
<!-- table: mine -->
| a\\|b | what was found |
|---|---|
| 1 | |
<!-- end of table -->
after it
<!-- table: other -->
| one |
|---|
<!-- end of table -->
"""
    )


def test_a_table_that_there_is_not_is_refused():
    with pytest.raises(InputError, match="Unknown table 'ticket'; did you mean 'tickets'"):
        with_new_tables("<!-- table: ticket -->\n<!-- end of table -->", None)


def test_a_file_that_there_is_not_is_refused(light_command, tmp_path):
    done = light_command("analysis.readme_tables", f"--results_dir={MEASURED}", f"--files={tmp_path / 'page.md'}")
    assert (done.returncode, done.stderr) == (2, f"There is no file {tmp_path / 'page.md'}.\n")
