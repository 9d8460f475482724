"""Pieces of the page: figures, tables and commands as HTML."""

import re

import pandas as pd
import pytest

from analysis.figures import drawing
from analysis.report import page

pytestmark = pytest.mark.slow


def test_numbers_in_a_figures_text_are_not_cut():
    figure = drawing.blank(4, 2)
    axes = figure.subplots()
    axes.plot([0, 1], [0.001, 0.0015])
    axes.set_title("kept0.125, p = 0.005")
    shown = page.inline("one", drawing.content(figure, "svg"), "one")
    text = "".join(re.findall(r">([^<]*)<", shown))
    assert "kept0.125, p = 0.005" in text and "0.0012" in text
    assert not re.search(r'd="[^"]*\.\d{3}', shown), "coordinates are rounded"


def test_tables_sort_by_buttons_and_mark_verdicts():
    text = page.table(pd.DataFrame({"a<b": ["holds", 2]}), "c&d", {"holds": "good"})
    assert text.count('aria-sort="none"') == 1 and "a&lt;b" in text and "c&amp;d" in text
    assert '<td class="good">holds</td>' in text


def test_a_command_breaks_between_its_words_only():
    shown = page.code(["python -m runs.lottery --network=fc '--results_dir=my results' --levels=3"])
    words = re.findall(r"<span>(.*?)</span>", shown)
    assert words[-2:] == ["&#39;--results_dir=my results&#39;", "--levels=3"] and len(words) == 6
    style = page.page("", page.paragraph(""), [])
    assert "pre span { white-space: pre; }" in style
