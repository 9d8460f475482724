"""Table S1 and the settings of a run."""

import pytest

from lottery_tf.errors import InputError
from lottery_tf.settings import run_settings

TABLE_S1 = {  # network: (learning rate, iterations, pruned per round of conv / dense / output layers)
    "fc": (1.2e-3, 50_380, (0.1, 0.2, 0.1)),
    "conv2": (2e-4, 20_250, (0.1, 0.2, 0.1)),
    "conv4": (3e-4, 25_500, (0.1, 0.2, 0.1)),
    "conv6": (3e-4, 30_000, (0.15, 0.2, 0.1)),
}


@pytest.mark.parametrize("network", TABLE_S1)
def test_table_s1(network):
    settings = run_settings(network, "mnist" if network == "fc" else "cifar10")
    training, pruning = settings.training, settings.pruning
    assert (training.learning_rate, training.iterations) == TABLE_S1[network][:2]
    assert (pruning.conv, pruning.dense, pruning.output) == TABLE_S1[network][2]
    assert (training.batch_size, training.optimizer, training.eval_interval) == (60, "adam", 100)


@pytest.mark.parametrize(
    ("schedule", "iterations"), [("paper", 50_380), ("half", 25_190), ("quarter", 12_595), ("tenth", 5_038), ("77", 77)]
)
def test_schedules(schedule, iterations):
    settings = run_settings("fc", "mnist", schedule)
    assert settings.training.iterations == iterations
    assert settings.folder == f"fc-mnist/{schedule}"


def test_none_stands_for_the_tables_value():
    settings = run_settings("fc", "mnist", learning_rate=0.5, batch_size=None)
    assert (settings.training.learning_rate, settings.training.batch_size) == (0.5, 60)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "conv3"}, "Unknown network 'conv3'; did you mean 'conv"),
        ({"dataset": "minst"}, "Unknown data set 'minst'; did you mean 'mnist'"),
        ({"schedule": "hlaf"}, "Unknown schedule .* 'hlaf'; did you mean 'half'"),
        ({"schedule": "0"}, "iterations is 0; it must be at least 1"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"eval_interval": -1}, "eval_interval is -1"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"dense_pruned_fraction": 1.0}, "dense_pruned_fraction is 1.0; it must lie between 0 and 1"),
        ({"conv_pruned_fraction": 0.0}, "conv_pruned_fraction is 0.0"),
        ({"output_pruned_fraction": -0.5}, "output_pruned_fraction is -0.5"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        run_settings(**changes)
