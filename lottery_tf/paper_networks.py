"""Makes the experiment of one of the paper's networks, with a results folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import FilePath
from lottery_tf.datasets.dataset import Dataset
from lottery_tf.experiment import Experiment
from lottery_tf.models import networks
from lottery_tf.models.settings import ExperimentSettings
from lottery_tf.results.paths import experiment_folder
from lottery_tf.results.store import ResultsFolder


@checked
def paper_experiment(settings: ExperimentSettings, dataset: Dataset, results_dir: FilePath, **options) -> Experiment:
    """Makes the experiment of one of the paper's networks, with a results folder.

    Args:
      settings: the network and all other settings that its levels share.
      dataset: the images.
      results_dir: the folder that holds the results of all networks.
      **options: further arguments of `Experiment`.
    """
    image_shape = dataset.train.images.shape[1:]
    return Experiment(
        networks.build(settings.network, image_shape, networks.classes_of(settings.dataset), settings.dropout),
        dataset,
        settings.training,
        settings.pruning,
        results=ResultsFolder(
            Path(results_dir) / experiment_folder(settings),
            dataclasses.asdict(settings) | {"data": dataset.fingerprint},
        ),
        labels={
            "network": settings.network,
            "dataset": settings.dataset,
            "schedule": settings.schedule,
            "precision": settings.training.precision,
        },
        **options,
    )
