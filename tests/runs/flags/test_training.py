"""Flags that set how networks are trained and pruned, against the settings that they come to."""

import contextlib
import dataclasses

from absl import flags

from lottery_tf.command_line import derived_flags
from lottery_tf.models.settings import TrainingSettings, experiment_settings
from lottery_tf.models.table_s1 import NETWORKS
from runs.flags import training


@contextlib.contextmanager
def defined(define, *arguments, **options):
    """Flags that are gone afterwards."""
    holders = define(*arguments, **options)
    try:
        yield holders
    finally:
        flags.FLAGS.unparse_flags()
        for holder in holders.values():
            delattr(flags.FLAGS, holder.name)


def test_without_a_flag_every_network_has_its_own_settings():
    with defined(training.define_changes) as changes:
        flags.FLAGS(["command"])
        for network in NETWORKS:
            assert experiment_settings(network, "cifar10", 100, **derived_flags.values(changes)) == experiment_settings(
                network, "cifar10", 100
            )


def test_each_flag_changes_its_setting():
    given = {"conv_pruned_fraction": 0.5, "output_pruned_fraction": 0.0, "learning_rate": 0.01, "batch_size": 9,
             "dropout": 0.5, "optimizer": "sgd", "precision": "mixed_bfloat16", "warmup_iterations": 7}  # fmt: skip
    with defined(training.define_changes) as changes:
        flags.FLAGS(["command", *(f"--{name}={value}" for name, value in given.items())])
        found = experiment_settings("conv2", "cifar10", 100, **derived_flags.values(changes))
    usual = experiment_settings("conv2", "cifar10", 100)
    own = {name: value for name, value in given.items() if hasattr(usual.training, name)}
    assert len(own) == 5 and found.training == dataclasses.replace(usual.training, **own)
    assert found.pruning == dataclasses.replace(usual.pruning, conv=0.5, output=0.0) and found.dropout == 0.5


def test_every_setting_of_a_training_is_a_flag_but_those_that_are_left_out():
    names = {field.name for field in dataclasses.fields(TrainingSettings)}
    with defined(training.define_training, "Mine.", but=("batch_size",)) as holders:
        assert {*holders} == names - {"iterations", "batch_size"} == {holder.name for holder in holders.values()}
        assert flags.FLAGS["learning_rate"].help.endswith(" Mine."), "the network decides"
        assert not flags.FLAGS["eval_interval"].help.endswith(" Mine.")
