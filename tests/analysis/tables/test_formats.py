"""Tables as CSV, Markdown and LaTeX."""

import csv
import io
import math

import pandas as pd
import pytest

from analysis.tables.formats import FORMATS, Table, to_csv, to_latex, to_markdown

FRAME = pd.DataFrame({"a|b": ["x_1 & 50%", "-"], "n": [1, 2], "mean": [0.1 + 0.2, math.nan]})


def test_csv_has_every_digit():
    rows = list(csv.reader(io.StringIO(to_csv(FRAME))))
    assert rows == [["a|b", "n", "mean"], ["x_1 & 50%", "1", repr(0.1 + 0.2)], ["-", "2", ""]]


def test_markdown_has_as_many_cells_in_each_line():
    lines = to_markdown(FRAME).splitlines()
    assert {line.replace("\\|", "").count("|") for line in lines} == {4}
    assert set(lines[1]) == {"|", "-"}
    assert len({len(line) for line in lines}) == 1


def test_latex_escapes_what_it_would_read_otherwise():
    text = to_latex(FRAME)
    assert r"x\_1 \& 50\% & 1 &" in text
    assert text.count(r"\\") == 3
    assert to_latex(pd.DataFrame({"~^\\": ["[1, 2]"]})).splitlines()[2:5:2] == [
        r"\textasciitilde{}\textasciicircum{}\textbackslash{} \\",
        r"{}[1, 2] \\",
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_several_tables_in_one_file(name):
    table = Table("Two & more", FRAME, FRAME.astype(str))
    text = FORMATS[name].write([table, table])
    assert text.count("x") >= 2
    assert text.endswith("\n")
    assert name == "csv" or text.count("Two") == 2
