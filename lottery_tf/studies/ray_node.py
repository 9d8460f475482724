"""What runs on the nodes of a Ray cluster: a worker with a results folder of its own, and what cleans up after it."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import shutil
import time
from pathlib import Path
from typing import Any

from lottery_tf import processes
from lottery_tf.console import SURROUNDINGS
from lottery_tf.data import Dataset
from lottery_tf.origin import COMMAND
from lottery_tf.results import files, paths, result_files, walk
from lottery_tf.studies.tasks import Task
from lottery_tf.studies.worker import Ending, Outcome, Worker, WorkerSettings
from lottery_tf.temporary_folders import private_folder, sweep, temporary_folder

Files = dict[str, bytes]  # by their names, or by their paths relative to the results folder

LEAVING_SECONDS = 5.0  # within which a worker that was told to end is gone


@dataclasses.dataclass(frozen=True)
class Returned:
    """What comes back from a node when a task has ended.

    Attributes:
      outcome: how the task ended.
      results: the files of each new result, by its key and then by their names.
      pages: a treatment's page for TensorBoard, by its path.
      log: lines for the log.
    """

    outcome: Outcome
    results: dict[str, Files]
    pages: Files
    log: list[str]


class NodeWorker:
    """An actor: a worker on a node, with its own results folder there.

    Args:
      threads: how many threads it computes with.
      settings: what all tasks have in common.
      scratch: the name of the folder in which nodes keep unfinished trainings.
      number: the slot's.
    """

    def __init__(self, threads: int, settings: WorkerSettings, scratch: str, number: int):
        self._threads, self._settings, self._scratch_name, self._number = threads, settings, scratch, number
        self._log: list[str] = []
        self._dataset: Dataset | Any = None
        self._shared = self._root = Path()
        self._worker: Worker | Any = None

    @functools.cached_property
    def _scratch(self) -> Path:
        """The node's folder of unfinished trainings; TensorFlow, whose temporary files lie there too, is started."""
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # several may share a GPU
        os.environ.update(SURROUNDINGS | {COMMAND: self._settings.command})
        scratch = private_folder(self._scratch_name)
        # When this process is gone, `clean_node` removes the folder, or the next actor on this node.
        self._temporary = contextlib.ExitStack()
        processes.set_temporary_folder(self._temporary.enter_context(temporary_folder(scratch)))
        processes.start_tensorflow(self._threads)
        return scratch

    def _enter(self, task: Task, dataset: Dataset) -> None:
        """Works in a folder for these settings and data only, in which no results of other ones can be found."""
        settings = files.json_bytes(task.settings_on_disk | {"data": dataset.fingerprint})
        self._dataset = dataset
        self._shared = self._scratch / files.sha256(settings)[:16]
        if self._root != (root := self._shared / f"slot-{self._number}"):
            self._root = root
            self._worker = Worker(
                root,
                lambda name, network: self._dataset,
                self._settings,
                on_line=lambda task, line: self._log.append(line),
            )

    def perform(self, task: Task, earlier: list[dict], inputs: dict[str, Files], dataset: Dataset) -> Returned:
        """Does a task, with the results that it needs, and returns what came of it."""
        self._log.clear()
        self._enter(task, dataset)
        run = self._root / task.folder
        run.mkdir(parents=True, exist_ok=True)
        for left_behind in walk.result_folders(run):
            shutil.rmtree(left_behind)
        self._take_over_checkpoints(task)
        for key, contents in inputs.items():
            result_files.write_files(self._root / key, contents)
        outcome = self._worker.perform(task, earlier)
        returned = self._returned(task, outcome, inputs, run)
        # An unfinished training stays, for the next try.
        for folder in run.glob(paths.SEED_FOLDERS) if outcome.ending is Ending.FINISHED else walk.result_folders(run):
            shutil.rmtree(folder)
        return returned

    def _take_over_checkpoints(self, task: Task) -> None:
        """Moves here what an actor that died left of this task's training on this node."""
        partial = task.key + paths.PARTIAL
        for left_behind in list(self._shared.glob(f"*/{partial}")):
            if left_behind != self._root / partial:
                (self._root / partial).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(left_behind, self._root / partial)

    def _returned(self, task: Task, outcome: Outcome, inputs: dict[str, Files], run: Path) -> Returned:
        found = walk.result_folders(run)
        made = {str(path.relative_to(self._root)): path for path in found}
        # The task's own result comes last: it says that all are there.
        results = {
            key: read_files(made[key]) for key in sorted(made, key=lambda key: key == task.key) if key not in inputs
        }
        pages = {
            str(path.relative_to(self._root)): path.read_bytes()
            for path in run.rglob(paths.EVENT_FILES)
            if path.parent not in found and path.parent.suffix != paths.PARTIAL
        }
        return Returned(outcome, results, pages, self._log)


def read_files(path: Path) -> Files:
    """The files of a result by their names."""
    return {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}


def clean_node(scratch: str) -> None:
    """Removes what workers that were stopped left in a node's folder, but for trainings that can be resumed."""
    folder, end = private_folder(scratch), time.monotonic() + LEAVING_SECONDS
    while sweep(folder):
        if time.monotonic() > end:
            return  # another study is at work there
        time.sleep(0.1)
    for each in folder.iterdir():
        if not any(each.rglob(paths.CHECKPOINT.format(part="*"))):
            shutil.rmtree(each)
    with contextlib.suppress(OSError):  # it holds such trainings
        folder.rmdir()
