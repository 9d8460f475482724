"""The settings of the paper's networks, as the papers print them."""

import math

import pytest

from analysis.tables.table1 import published
from analysis.tables.table_s1 import kernel_shapes
from lottery_tf.models.networks import FAMILIES
from lottery_tf.models.settings import AUGMENTATIONS, OPTIMIZERS
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning.ranking import SCOPES


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


EPOCHS = {"fc": (55_000, 55), "conv2": (45_000, 27), "conv4": (45_000, 34), "conv6": (45_000, 40)}  # images, epochs


@pytest.mark.parametrize("name", EPOCHS)
def test_trainings_are_whole_epochs_and_three_times_as_many_with_dropout(name):
    """The last partial batch of an epoch is dropped."""
    (images, epochs), table = EPOCHS[name], NETWORKS[name]
    assert table.iterations == epochs * (images // table.batch_size)
    assert table.dropout_iterations == (None if name == "fc" else 3 * table.iterations)


def test_every_name_in_the_table_is_one_that_there_is():
    for table in NETWORKS.values():
        assert table.family in FAMILIES and table.optimizer in OPTIMIZERS and table.scope in SCOPES
        assert table.augmentation is None or table.augmentation in AUGMENTATIONS
