"""From the path of a result to what it is, and to the settings that it was made with."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from lottery_tf.errors import InputError
from lottery_tf.models.settings import PruningSettings, RunSettings, TrainingSettings
from lottery_tf.results import files
from lottery_tf.results.paths import METRICS, SETTINGS

TRAINED_KINDS = ("level", "control", "rewind")


@dataclasses.dataclass(frozen=True)
class LocatedResult:
    """A trained network in a results folder.

    Attributes:
      results_dir: the folder of all results.
      settings: what the results of its run have in common.
      result_path: its path in the folder of its run.
      metrics: its numbers.
    """

    results_dir: Path
    settings: RunSettings
    result_path: str
    metrics: dict

    @property
    def name(self) -> str:
        """What to call it: its path in the folder of all results."""
        return f"{self.settings.folder}/{self.result_path}"


def locate(path: str | Path) -> LocatedResult:
    """Finds out which trained network a folder holds.

    Raises:
      InputError: no such folder, no trained network in it, or settings that are none of this project's networks.
      DamagedFile: its numbers or settings cannot be read.
    """
    path = Path(os.path.realpath(path))  # which does not mind a loop of links
    run = next((folder for folder in path.parents if (folder / SETTINGS).exists()), None)
    if run is None or not (path / METRICS).exists():
        raise InputError(
            f"{path} is no result of a results folder, such as .../seed-0/large_final-rewind-zero/level-07."
        )
    metrics = files.read_json(path / METRICS)
    if metrics.get("kind") not in TRAINED_KINDS or metrics.get("status") != "finished":
        raise InputError(f"{path} holds no finished training of a network; a line joins two of them.")
    settings, results_dir = _settings(run / SETTINGS), run.parents[1]
    if results_dir / settings.folder != run:
        raise InputError(f"{run} was moved: its runs are those of {settings.folder}, below the folder of all results.")
    return LocatedResult(results_dir, settings, path.relative_to(run).as_posix(), metrics)


def _settings(path: Path) -> RunSettings:
    found = files.read_json(path)
    try:
        training = found["training"]
        drops = training.get("learning_rate_drops")
        training = TrainingSettings(**training | {"learning_rate_drops": drops and tuple(drops)})
        labels = {name: found[name] for name in ("network", "dataset", "schedule")}
        return RunSettings(**labels, training=training, pruning=PruningSettings(**found["pruning"]),
                           dropout=found.get("dropout"))  # fmt: skip
    except (KeyError, TypeError) as error:
        raise InputError(f"{path} holds no settings of a run of this project ({error}).") from error
