"""Experiments on the digits with a trainer that they share."""

from lottery_tf.experiment import Experiment
from lottery_tf.models import networks
from lottery_tf.models.settings import TrainingSettings

SETTINGS = TrainingSettings(iterations=20, learning_rate=1e-3, batch_size=40, eval_interval=10)


def experiment_with(trainer, **options):
    return Experiment(networks.build("fc"), trainer.dataset, SETTINGS, trainer=trainer, **options)
