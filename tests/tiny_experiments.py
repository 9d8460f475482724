"""Experiments on `tiny_dataset` with a trainer that they share."""

from shared import tiny_network

from lottery_tf.experiment import Experiment
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.results.store import ResultsFolder

SETTINGS = TrainingSettings(iterations=15, learning_rate=0.01, batch_size=40, eval_interval=5)


def experiment_with(trainer, **options):
    return Experiment(tiny_network(), trainer.dataset, SETTINGS, trainer=trainer, **options)


def on_disk(trainer, folder, **options):
    results = ResultsFolder(folder / "runs", {"data": trainer.dataset.fingerprint})
    return experiment_with(trainer, results=results, **options)
