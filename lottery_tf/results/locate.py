"""Finds the settings and metrics of a trained network from the path of its result."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from lottery_tf.argument_checks.validation import PATH
from lottery_tf.errors import InputError
from lottery_tf.models.settings import ExperimentSettings, PruningSettings, TrainingSettings
from lottery_tf.results import files, metrics_schemas, schemas
from lottery_tf.results.paths import METRICS_FILE, SETTINGS, enclosing_experiment, experiment_folder
from lottery_tf.results.stored_result import diverged

TRAINED_KINDS = ("level", "control", "rewind")


@dataclasses.dataclass(frozen=True)
class LocatedResult:
    """A trained network in a results folder.

    Attributes:
      results_dir: the folder of all results.
      settings: the settings that the results of its experiment share.
      result_path: its path in the folder of its experiment.
      metrics: its metrics.
    """

    results_dir: Path
    settings: ExperimentSettings
    result_path: str
    metrics: dict

    @property
    def name(self) -> str:
        """Its path in the folder of all results, as it is printed."""
        return f"{experiment_folder(self.settings)}/{self.result_path}"


def locate(path: str | Path) -> LocatedResult:
    """Returns the trained network that a folder holds.

    Raises:
      InputError: the folder does not exist, holds no trained network, or its settings belong to no network of this
        project.
      DamagedFile: its metrics or settings cannot be read.
    """
    PATH("the path of a result", path)
    path = Path(os.path.realpath(path))  # `Path.resolve` would fail on a loop of links
    experiment = enclosing_experiment(path)
    if experiment is None or not (path / METRICS_FILE).exists():
        raise InputError(
            f"{path} is not a result in a results folder; give a folder such as "
            ".../seed-0/large_final-rewind-zero/level-07."
        )
    metrics = files.read_json(path / METRICS_FILE, metrics_schemas.check_metrics)
    if metrics.get("kind") not in TRAINED_KINDS or diverged(metrics):
        raise InputError(f"{path} holds no finished training of a network; give the folder of one.")
    settings, results_dir = _settings(experiment / SETTINGS), experiment.parents[1]
    if results_dir / (folder := experiment_folder(settings)) != experiment:
        raise InputError(f"{experiment} was moved; its path in the results folder must be {folder}.")
    return LocatedResult(results_dir, settings, path.relative_to(experiment).as_posix(), metrics)


def _settings(path: Path) -> ExperimentSettings:
    found = files.read_json(path, schemas.Settings)
    try:
        training = found["training"]
        drops = training.get("learning_rate_drops")
        training = TrainingSettings(**training | {"learning_rate_drops": drops and tuple(drops)})
        labels = {name: found[name] for name in ("network", "dataset", "schedule")}
        return ExperimentSettings(**labels, training=training, pruning=PruningSettings(**found["pruning"]),
                           dropout=found.get("dropout"))  # fmt: skip
    except (KeyError, TypeError, InputError) as error:
        raise InputError(f"{path} does not hold the settings of an experiment of this project ({error}).") from error
