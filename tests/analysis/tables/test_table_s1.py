"""Table S1: the settings that the paper prints."""

import math

import pytest

from analysis.tables.table1 import published
from analysis.tables.table_s1 import kernel_shapes, table_s1
from lottery_tf.models.table_s1 import NETWORKS


def test_the_settings_are_those_that_the_paper_prints():
    rows = published().query("place in ['Table S1', 'Section S3'] and network != ''")
    printed = {(row.network, row.quantity): row.value for row in rows.itertuples()}
    for name in {network for network, _ in printed}:
        table = NETWORKS[name]
        sizes = [math.prod(shape) for shape in kernel_shapes(table)]
        ours = {
            "weights": sum(sizes),
            "convolutional weights": sum(sizes[: len(table.conv)]),
            "iterations": table.iterations,
            "batch size": table.batch_size,
            "learning rate of Adam": table.learning_rate,
            "pruned a round, convolutional": 100 * table.conv_pruned_fraction,
            "pruned a round, dense": 100 * table.dense_pruned_fraction,
            "learning rate of masks": table.mask_learning_rate,
            "iterations of masks": table.mask_iterations,
            **{f"channels of convolution {i}": count for i, count in enumerate(table.conv, 1)},
            **{f"units of dense layer {i}": count for i, count in enumerate(table.dense, 1)},
        }
        for (network, quantity), value in printed.items():
            if network == name:
                # Counts are printed rounded to two digits or to thousands.
                assert ours[quantity] == pytest.approx(value, rel=0.05 if "weights" in quantity else 0.02), quantity


def test_table_s1_is_the_settings():
    found = table_s1().set_index("")
    assert list(found) == ["fc", "conv2", "conv4", "conv6"]
    weights = ["266,200", "4,300,992 / 38,592", "2,425,024 / 259,776", "2,261,184 / 1,144,512"]
    assert found.loc["all / convolutional weights"].tolist() == weights
    assert found.loc["iterations / batch", "fc"] == "50,380 / 60"
    assert found.loc["pruned a round", "conv6"] == "conv 15%, dense 20%, output 10%"
    assert found.loc["convolutional layers", "conv4"] == "64, 64, pool, 128, 128, pool"
