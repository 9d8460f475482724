"""The tables of results by name: each is on a page, and its columns are levels that there are."""

import functools
import re

import made_up
import pytest
from shared import ROOT

from analysis.readme_tables.catalogue import README_TABLES
from lottery_tf.studies import paper

OF_LEVELS = [name for name, table in README_TABLES.items() if isinstance(table, functools.partial) and "kept" in
             table.keywords]  # fmt: skip


def test_each_table_is_on_a_page_and_each_on_a_page_is_a_table():
    pages = [path.read_text() for path in (ROOT / "README.md", ROOT / "analysis" / "measured" / "README.md")]
    assert {name for text in pages for name in re.findall("<!-- table: (.*) -->", text)} == {*README_TABLES}


@pytest.mark.parametrize("name", OF_LEVELS)
def test_the_columns_of_a_table_of_levels_are_rounds_of_pruning(name):
    given = README_TABLES[name].keywords
    levels = {round(100 * share, 2) for share in made_up.kept_fractions(given["key"].network, paper.LEVELS)}
    assert {*given["kept"]} <= levels
