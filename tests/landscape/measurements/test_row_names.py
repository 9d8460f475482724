"""Names in the rows of measurements, against the published measurements, which users read with them."""

import csv

import pytest
from shared import ROOT

from lottery_tf.landscape.measurements import row_names


@pytest.mark.parametrize(("column", "names"), [("pruned_by", row_names.PRUNED_BY), ("method", row_names.METHODS)])
def test_published_measurements_have_these_names(column, names):
    with open(ROOT / "analysis" / "measured" / "landscape" / "limits.csv", newline="") as file:
        assert {row[column] for row in csv.DictReader(file)} == {*names}
