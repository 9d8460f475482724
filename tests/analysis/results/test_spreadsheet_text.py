"""Texts that a spreadsheet would run as formulas, against the characters that begin one."""

import hypothesis
import hypothesis.strategies as st
import pytest

from analysis.results.spreadsheet_text import escaped, unescaped

BEGIN_FORMULAS = "=+-@\t\r\n＝＋－＠"  # the list of OWASP's page on CSV injection, with the wide characters
TEXTS = st.text(st.sampled_from(f"{BEGIN_FORMULAS}'0.ea("))


@hypothesis.given(TEXTS)
def test_what_a_spreadsheet_would_run_is_quoted_and_read_back(text):
    cell = escaped(text)
    assert unescaped(cell) == text and cell in (text, f"'{text}")
    if len(cell) > 1 and cell[0] in BEGIN_FORMULAS:
        float(cell)  # only numbers are left as they are


@pytest.mark.parametrize("begin", BEGIN_FORMULAS)
def test_each_character_that_begins_a_formula(begin):
    assert escaped(f"{begin}cmd()") == f"'{begin}cmd()"


@pytest.mark.parametrize(
    "cell", ["large_final", "-0.5", "+1e-3", "-inf", "-", "=", "", "'quoted'", -0.5, 3, None, True]
)
def test_numbers_and_other_texts_stay_as_they_are(cell):
    assert escaped(cell) is cell
    if isinstance(cell, str):
        assert unescaped(cell) == cell
