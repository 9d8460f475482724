"""Table S1 and the settings of an experiment."""

import pytest

from lottery_tf.errors import InputError
from lottery_tf.models.settings import experiment_settings
from lottery_tf.results.paths import experiment_folder

TABLE_S1 = {  # network: (learning rate, iterations, pruned per round of conv / dense / output layers)
    "fc": (1.2e-3, 50_380, (0.1, 0.2, 0.1)),
    "conv2": (2e-4, 20_250, (0.1, 0.2, 0.1)),
    "conv4": (3e-4, 25_500, (0.1, 0.2, 0.1)),
    "conv6": (3e-4, 30_000, (0.15, 0.2, 0.1)),
}


@pytest.mark.parametrize("network", TABLE_S1)
def test_table_s1(network):
    settings = experiment_settings(network, "mnist" if network == "fc" else "cifar10")
    training, pruning = settings.training, settings.pruning
    assert (training.learning_rate, training.iterations) == TABLE_S1[network][:2]
    assert (pruning.conv, pruning.dense, pruning.output) == TABLE_S1[network][2]
    assert (training.batch_size, training.optimizer, training.eval_interval) == (60, "adam", 100)


DEEP = {  # network: (iterations, batch, drops), Frankle & Carbin
    "resnet20": (30_000, 128, (20_000, 25_000)),
    "vgg19": (112_000, 64, (56_000, 84_000)),
}


@pytest.mark.parametrize("network", DEEP)
def test_the_deeper_networks_of_frankle_and_carbin(network):
    settings = experiment_settings(network, "cifar10")
    training, pruning = settings.training, settings.pruning
    assert (training.iterations, training.batch_size, training.learning_rate_drops) == DEEP[network]
    assert (training.optimizer, training.learning_rate, training.weight_decay) == ("momentum", 0.1, 1e-4)
    assert (training.augmentation, training.warmup_iterations) == ("flip_and_crop", None)
    assert (pruning.conv, pruning.output) == (0.2, 0.0)


def test_drops_are_shortened_with_the_schedule_and_given_ones_are_not():
    assert experiment_settings("vgg19", "cifar10", "1600").training.learning_rate_drops == (800, 1200)
    assert experiment_settings("vgg19", "cifar10", "1600", learning_rate_drops=(9,)).training.learning_rate_drops == (
        9,
    )
    assert experiment_settings("vgg19", "cifar10", "1600", warmup_iterations=70).training.warmup_iterations == 70


@pytest.mark.parametrize(
    ("network", "rate", "iterations"),
    [("conv2", 3e-4, 60_750), ("conv4", 2e-4, 76_500), ("conv6", 2e-4, 90_000), ("fc", 1.2e-3, 50_380)],
)
def test_dropout_takes_three_times_as_long(network, rate, iterations):
    settings = experiment_settings(network, "cifar10", dropout=0.5)
    assert (settings.dropout, settings.training.learning_rate, settings.training.iterations) == (0.5, rate, iterations)
    assert experiment_settings(network, "cifar10", dropout=0.5, learning_rate=0.1).training.learning_rate == 0.1


def test_nought_stands_for_none():
    assert experiment_settings("conv2", "cifar10", dropout=0.0, warmup_iterations=0) == experiment_settings(
        "conv2", "cifar10"
    )


@pytest.mark.parametrize(
    ("schedule", "iterations"), [("paper", 50_380), ("half", 25_190), ("quarter", 12_595), ("tenth", 5_038), ("77", 77)]
)
def test_schedules(schedule, iterations):
    settings = experiment_settings("fc", "mnist", schedule)
    assert settings.training.iterations == iterations
    assert experiment_folder(settings) == f"fc-mnist/{schedule}"


def test_none_stands_for_the_tables_value():
    settings = experiment_settings("fc", "mnist", learning_rate=0.5, batch_size=None)
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
        ({"dense_pruned_fraction": 1.0}, "dense_pruned_fraction is 1.0; it must be at least 0 .* and below 1"),
        ({"conv_pruned_fraction": 1.5}, "conv_pruned_fraction is 1.5"),
        ({"output_pruned_fraction": -0.5}, "output_pruned_fraction is -0.5"),
        ({"warmup_iterations": -1}, "warmup_iterations is -1; it must be at least 1"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0; it must be a finite number above 0"),
        ({"learning_rate": 1e39}, r"learning_rate is 1e\+39; it must be a finite number in float32"),
        ({"learning_rate": 10**400}, "it must be a finite number in float32"),
        ({"learning_rate_drops": (5, 0)}, r"learning_rate_drops\[1\] is 0; it must be at least 1"),
        ({"augmentation": "turn"}, "Unknown augmentation 'turn'. Valid: flip_and_crop"),
        ({"dropout": 1.0}, "dropout is 1.0; it must lie between 0 and 1"),
        ({"network": "vgg19", "dropout": 0.5}, "dropout is 0.5, but 'vgg19' has no hidden dense layer"),
    ],
)
def test_what_cannot_be_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        experiment_settings(**changes)
