"""Table S1 as a table."""

from analysis.tables.table_s1 import table_s1


def test_table_s1_is_the_settings():
    found = table_s1().set_index("")
    assert list(found) == ["fc", "conv2", "conv4", "conv6"]
    weights = ["266,200", "4,300,992 / 38,592", "2,425,024 / 259,776", "2,261,184 / 1,144,512"]
    assert found.loc["all / convolutional weights"].tolist() == weights
    assert found.loc["iterations / batch", "fc"] == "50,380 / 60"
    assert found.loc["pruned a round", "conv6"] == "conv 15%, dense 20%, output 10%"
    assert found.loc["convolutional layers", "conv4"] == "64, 64, pool, 128, 128, pool"
