"""From the path of a result to what it is and to the settings that it was made with, which lie in the folders above it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from lottery_tf.errors import InputError
from lottery_tf.models.settings import PruningSettings, RunSettings, TrainingSettings
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results import files
from lottery_tf.results.paths import DENSE
from lottery_tf.results.store import StoredResult

if TYPE_CHECKING:
    from lottery_tf.experiment import Experiment

SETTINGS = "settings.json"
TRAINED_KINDS = ("level", "control", "rewind")


@dataclasses.dataclass(frozen=True)
class LocatedResult:
    """Where a result lies.

    Attributes:
      results_dir: the folder of all results.
      settings: what the runs beside it have in common.
      place: the result within them.
      metrics: its numbers.
    """

    results_dir: Path
    settings: RunSettings
    result_path: str
    metrics: dict

    @property
    def name(self) -> str:
        """What to call it: its place below the folder of all results."""
        return f"{self.settings.folder}/{self.result_path}"

    def with_weights(self, experiment: Experiment) -> StoredResult:
        """The result with its weights; where they were dropped it is trained again by its experiment."""
        found = experiment.results.peek(self.result_path, weights=True)
        return found or TRAIN_AGAIN[self.metrics["kind"]](experiment, self.metrics)


def locate(path: str | Path) -> LocatedResult:
    """Finds out what a folder of a results folder holds.

    Raises:
      InputError: no such folder, or no trained network in it; settings that are none of this project's networks.
      DamagedFile: its numbers or settings cannot be read.
    """
    path = Path(path).resolve()
    root = next((folder for folder in path.parents if (folder / SETTINGS).exists()), None)
    if root is None or not (path / "metrics.json").exists():
        raise InputError(
            f"{path} is no result of a results folder, such as .../seed-0/large_final-rewind-zero/level-07."
        )
    metrics = files.read_json(path / "metrics.json")
    if metrics.get("kind") not in TRAINED_KINDS or metrics.get("status") != "finished":
        raise InputError(f"{path} holds no finished training of a network; a line joins two of them.")
    settings = _settings(files.read_json(root / SETTINGS), root)
    results_dir = root.parents[1]
    if results_dir / settings.folder != root:
        raise InputError(f"{root} was moved: its runs are those of {settings.folder}, below the folder of all results.")
    return LocatedResult(results_dir, settings, path.relative_to(root).as_posix(), metrics)


def _settings(found: dict, root: Path) -> RunSettings:
    try:
        training = found["training"]
        drops = training.get("learning_rate_drops")
        training = TrainingSettings(**training | {"learning_rate_drops": drops and tuple(drops)})
        labels = {name: found[name] for name in ("network", "dataset", "schedule")}
        return RunSettings(**labels, training=training, pruning=PruningSettings(**found["pruning"]),
                           dropout=found.get("dropout"))  # fmt: skip
    except (KeyError, TypeError) as error:
        raise InputError(f"{root / SETTINGS} holds no settings of a run of this project ({error}).") from error


def _treatment(metrics: dict) -> Treatment:
    names = [field.name for field in dataclasses.fields(Treatment)]
    return Treatment(**{name: metrics[name] for name in names if name in metrics})


def _level_again(experiment: Experiment, metrics: dict) -> StoredResult:
    if metrics["criterion"] == DENSE:
        return experiment.dense(metrics["seed"], weights=True)
    return experiment.level(_treatment(metrics), metrics["seed"], metrics["level"])


def _control_again(experiment: Experiment, metrics: dict) -> StoredResult:
    where = (metrics["seed"], metrics["level"], metrics["control"], metrics["draw"])
    return experiment.control(_treatment(metrics), *where)


def _rewind_point_again(experiment: Experiment, metrics: dict) -> StoredResult:
    return experiment.rewind_point(metrics["seed"], metrics["iterations"])


TrainAgain = Callable[["Experiment", dict], StoredResult]
TRAIN_AGAIN: dict[str, TrainAgain] = dict(
    zip(TRAINED_KINDS, (_level_again, _control_again, _rewind_point_again), strict=True)
)
