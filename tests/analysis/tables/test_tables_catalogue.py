"""Tables of figures and of Supermasks: the text agrees with the numbers."""

import pandas as pd
import pytest

from analysis.results.select import Panel, panel
from analysis.tables import catalogue
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.studies import paper

FC = Panel("fc", "mnist", "paper", "float32")


def test_the_shown_table_is_the_numbers(results):
    table = catalogue.figure_table(panel(results.levels, FC), paper.FIGURE_LINES["figure3"])
    assert ("*" in table.caption) == table.shown.map(lambda cell: cell.endswith("*")).any(axis=None)
    assert table.shown["level"].tolist() == ["0", "1", "2", "3"]
    assert table.shown["kept, %"].tolist()[1] == "80.04"
    numbers = table.numbers.set_index(["line", "level"])
    row = numbers.loc[("large_final", 3)]
    expected = f"{row['mean']:.2f} [{row['min']:.2f}, {row['max']:.2f}], n = 3"
    assert table.shown["large_final"].iloc[3].removesuffix(" *") == expected
    assert table.shown["movement"].iloc[1] == "-"


def test_supermask_lines_begin_untrained(results):
    for weights in SUPERMASK_WEIGHTS:
        found = catalogue.supermask_table(panel(results.supermasks, FC), weights).numbers
        assert list(dict.fromkeys(found["line"])) == [
            mask_source.criterion for mask_source in paper.HEURISTIC_MASK_SOURCES
        ]
        own = results.supermasks[results.supermasks["weights"] == weights]
        expected = 100 * own.pivot_table(index="criterion", columns="level", values="test_accuracy", aggfunc="mean")
        means = found.pivot(index="line", columns="level", values="mean")
        pd.testing.assert_frame_equal(
            means[[1, 2, 3]], expected.loc[means.index, [1, 2, 3]], check_names=False, check_exact=False
        )
        assert means[0].unique() == pytest.approx(expected.loc["untrained_baseline", 0])
