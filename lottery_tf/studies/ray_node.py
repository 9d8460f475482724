"""The code that runs on the nodes of a Ray cluster: a worker with its own results folder, and its clean-up."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import shutil
import time
from pathlib import Path
from typing import Any

from lottery_tf.command_line.console import SURROUNDINGS
from lottery_tf.datasets.dataset import Dataset
from lottery_tf.results import files, paths, result_files, walk
from lottery_tf.studies.tasks import Task
from lottery_tf.studies.worker import Ending, Outcome, Worker, WorkerSettings
from lottery_tf.system import processes
from lottery_tf.system.origin import COMMAND
from lottery_tf.system.temporary_folders import private_folder, sweep, temporary_folder

Files = dict[str, bytes]  # name, or path relative to the results folder -> content

LEAVING_SECONDS = 5.0  # a stopped worker ends within this time


@dataclasses.dataclass(frozen=True)
class Returned:
    """The values that a node returns when a task has ended.

    Attributes:
      outcome: how the task ended.
      results: the files of each new result, by the result's key and the file's name.
      pages: the treatment's TensorBoard page, by its path.
      log: lines for the log.
    """

    outcome: Outcome
    results: dict[str, Files]
    pages: Files
    log: list[str]


class NodeWorker:
    """A Ray actor: a worker on a node with its own results folder there.

    `scratch` is the name of the folder in which nodes keep unfinished trainings.
    """

    def __init__(self, threads: int, settings: WorkerSettings, scratch: str, number: int):
        self._threads, self._settings, self._scratch_name, self._slot = threads, settings, scratch, number
        self._log: list[str] = []
        self._dataset: Dataset | Any = None
        self._shared = self._root = Path()
        self._worker: Worker | Any = None

    @functools.cached_property
    def _scratch(self) -> Path:
        """The node's folder of unfinished trainings and temporary files. The first use starts TensorFlow."""
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # several processes may share a GPU
        os.environ.update(SURROUNDINGS | {COMMAND: self._settings.command})
        scratch = private_folder(self._scratch_name)
        # When this process has ended, `clean_node` or the next actor on this node removes the temporary folder.
        self._temporary = contextlib.ExitStack()
        processes.set_temporary_folder(self._temporary.enter_context(temporary_folder(scratch)))
        processes.start_tensorflow(self._threads)
        return scratch

    def _enter(self, task: Task, dataset: Dataset) -> None:
        """Changes to a folder for these settings and data only, which holds no results of other settings."""
        settings = files.json_bytes(task.settings_on_disk | {"data": dataset.fingerprint})
        self._dataset = dataset
        self._shared = self._scratch / files.sha256(settings)[:16]
        root = self._shared / f"slot-{self._slot}"
        if self._root != root:
            self._root = root
            self._worker = Worker(
                root,
                lambda name, network: self._dataset,
                self._settings,
                on_line=lambda task, line: self._log.append(line),
            )

    def perform(self, task: Task, earlier: list[dict], inputs: dict[str, Files], dataset: Dataset) -> Returned:
        """Does a task with the results that it needs, and returns its outcome and results."""
        self._log.clear()
        self._enter(task, dataset)
        experiment = self._root / task.folder
        experiment.mkdir(parents=True, exist_ok=True)
        for left_behind in walk.result_folders(experiment):
            shutil.rmtree(left_behind)
        self._take_over_checkpoints(task)
        for key, contents in inputs.items():
            result_files.write_files(self._root / key, contents)
        outcome = self._worker.perform(task, earlier)
        returned = self._returned(task, outcome, inputs, experiment)
        # An unfinished training is kept for the next try.
        for folder in (
            experiment.glob(paths.SEED_FOLDERS)
            if outcome.ending is Ending.FINISHED
            else walk.result_folders(experiment)
        ):
            shutil.rmtree(folder)
        return returned

    def _take_over_checkpoints(self, task: Task) -> None:
        """Moves the unfinished training of this task here, if an actor that died has left it on this node."""
        partial = paths.partial_path(Path(task.key))
        for left_behind in list(self._shared.glob(f"*/{partial}")):
            if left_behind != self._root / partial:
                (self._root / partial).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(left_behind, self._root / partial)

    def _returned(self, task: Task, outcome: Outcome, inputs: dict[str, Files], experiment: Path) -> Returned:
        """Returns a task's outcome with the files of its results, its TensorBoard pages and its log."""
        found = walk.result_folders(experiment)
        made = {str(path.relative_to(self._root)): path for path in found}
        # The task's own result comes last, because it marks the results as complete.
        results = {
            key: read_files(made[key]) for key in sorted(made, key=lambda key: key == task.key) if key not in inputs
        }
        pages = {
            str(path.relative_to(self._root)): path.read_bytes()
            for path in experiment.rglob(paths.EVENT_FILES)
            if path.parent not in found and not paths.is_partial(path.parent)
        }
        return Returned(outcome, results, pages, self._log)


def read_files(path: Path) -> Files:
    """Returns the files of a result by their names."""
    return {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}


def clean_node(scratch: str) -> None:
    """Removes what stopped workers have left in a node's folder, except trainings that can be continued."""
    folder, end = private_folder(scratch), time.monotonic() + LEAVING_SECONDS
    while sweep(folder):
        if time.monotonic() > end:
            return  # another study uses the folder
        time.sleep(0.1)
    for each in folder.iterdir():
        if not any(each.rglob(paths.CHECKPOINT.format(part="*"))):
            shutil.rmtree(each)
    with contextlib.suppress(OSError):  # the folder is not empty if it holds such trainings
        folder.rmdir()
