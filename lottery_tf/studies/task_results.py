"""Checks whether a results folder holds the results of tasks, complete and up to date. It imports no TensorFlow."""

from __future__ import annotations

from pathlib import Path

from lottery_tf.errors import DamagedFile
from lottery_tf.results import files, metrics_schemas, paths, result_files
from lottery_tf.results.stored_result import may_drop_weights
from lottery_tf.studies.tasks import ControlTask, HeuristicMasksTask, LevelTask, Task


def probably_finished(results_dir: Path, task: Task) -> bool:
    """Returns whether the last file of each of a task's results exists; the files are not read."""
    return all((results_dir / key / paths.CHECKSUMS).exists() for key in task.keys)


def intact_metrics(results_dir: Path, task: Task, weights: bool) -> dict | None:
    """Returns the metrics of a task's result; None if it is missing, damaged or has too few levels.

    With `weights`, levels and controls must have their weights.
    """
    found = [result_files.intact(results_dir / key) for key in task.keys]
    metrics = found[-1]
    if None in found or metrics is None or not has_enough_levels(task, metrics):
        return None
    if weights and isinstance(task, LevelTask | ControlTask) and not (results_dir / task.key / paths.WEIGHTS).exists():
        return None
    return metrics


def unchecked_metrics(results_dir: Path, key: str) -> dict | None:
    """Returns the metrics of the result at a key without checking them; None if they cannot be read."""
    try:
        return files.read_json(results_dir / key / paths.METRICS_FILE, metrics_schemas.check_metrics)
    except (OSError, DamagedFile):
        return None


def has_enough_levels(task: Task, metrics: dict) -> bool:
    """Returns whether a result has as many levels as its task; stored Supermasks may have fewer."""
    return not isinstance(task, HeuristicMasksTask) or metrics["levels"] >= task.levels


def has_current_parent(results_dir: Path, task: LevelTask, metrics: dict) -> bool:
    """Returns whether a level was made from its parent that is now in the results folder."""
    parent = unchecked_metrics(results_dir, task.made_from.key) if task.made_from else {"fingerprint": ""}
    return parent is not None and metrics["parent"] == parent["fingerprint"]


def page_is_current(results_dir: Path, task: LevelTask) -> bool:
    """Returns whether the treatment's TensorBoard page, rewritten after each level, is newer than this level."""
    level = results_dir / task.key
    try:
        finished = (level / paths.METRICS_FILE).stat().st_mtime_ns
        return any(page.stat().st_mtime_ns >= finished for page in level.parent.glob(paths.EVENT_FILES))
    except FileNotFoundError:  # another command is rewriting it at the moment
        return False


def drop_weights_before(results_dir: Path, task: Task) -> None:
    """Deletes the weights of the level before a finished level, unless all weights are kept."""
    before = task.follows
    if not isinstance(before, LevelTask) or before.level == 0:
        return
    path = results_dir / before.key
    metrics = unchecked_metrics(results_dir, before.key)
    if metrics is not None and may_drop_weights(metrics) and (path / paths.WEIGHTS).exists():
        result_files.drop_weights(path)
