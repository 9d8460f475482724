"""Tables of text: where columns stand, and what stands for several numbers."""

import pytest

from lottery_tf.command_line.text_tables import mean_and_range, text_table, with_range

NAN = float("nan")


def test_every_column_ends_or_begins_at_one_place():
    rows = [("layer", "share", "why"), ("a", "5 %", "first"), ("dense_1", "-", ""), ("b", "-1,234.5", "last one")]
    assert text_table(rows).split("\n") == [
        "layer       share  why",
        "a             5 %  first",
        "dense_1         -",
        "b        -1,234.5  last one",
    ]


def test_a_column_with_one_word_among_its_numbers_is_no_column_of_numbers():
    assert text_table([("n",), (1,), (1000,), ("none",)]).split("\n") == ["n", "1", "1000", "none"]
    assert text_table([("n",), (1,), (1000,)]).split("\n") == ["   n", "   1", "1000"]


def test_numbers_are_printed_as_they_were_written():
    """Where the heading is a number, too, a library that reads numbers would drop zeros."""
    assert text_table([("0.50", "1e3"), ("1.50", "2e3"), ("007", "nan")]).split("\n") == [
        "0.50  1e3",
        "1.50  2e3",
        " 007  nan",
    ]


def test_all_lines_are_indented_and_none_ends_in_spaces():
    rows = [("name", "n"), ("", "1"), ("b", "")]
    assert text_table(rows, indent="  ").split("\n") == ["  name  n", "        1", "  b"]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1, 2, 6], "3.00 [1.00, 6.00]"),
        ([6, None, 1, NAN, 2], "3.00 [1.00, 6.00]"),
        ([0.5, 0.5], "0.50"),
        (iter([0.25, 0.75]), "0.50 [0.25, 0.75]"),
        ([None, NAN], "-"),
        ([0], "0.00"),
    ],
)
def test_several_numbers_are_their_mean_and_range(values, text):
    assert mean_and_range(values) == text


def test_numbers_are_multiplied_and_printed_with_the_digits_asked_for():
    assert mean_and_range([0.5, 0.125], digits=".1f", factor=100) == "31.2 [12.5, 50.0]"
    assert with_range(1234.5, -1, 1e6, digits=",.0f") == "1,234 [-1, 1,000,000]"
