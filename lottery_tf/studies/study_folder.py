"""What a study leaves beside its results: what was asked for, where it stands, its logs, its lock.

    results/studies/<studies>-<hash of the request>/
      request.json    what was asked for
      state.json      where it stands, written anew every few seconds while it runs
      .lock, .running held while it runs
      logs/           a log for each treatment of each seed, supermask ladder and learned mask

Imports no TensorFlow.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.results import files, paths, result_files
from lottery_tf.studies.planning import Plan, Request, plan
from lottery_tf.studies.tasks import ControlTask, LevelTask, SupermasksTask, Task

RUNNING = ".running"


class StudyFolder:
    """The folder of one request.

    Args:
      path: `<results_dir>/studies/<name>`.
      request: what was asked for.
    """

    def __init__(self, path: Path, request: Request):
        self.path = path
        self.request = request
        self.logs = path / "logs"

    @classmethod
    def for_request(cls, results_dir: Path, request: Request) -> StudyFolder:
        """The folder of a request, which need not be there."""
        digest = hashlib.sha256(files.json_bytes(request.record)).hexdigest()[:8]
        return cls(results_dir / paths.study_path(request.studies, digest), request)

    @classmethod
    def open(cls, path: Path) -> StudyFolder:
        """The study whose folder lies at a path; raises DamagedFile where what was asked for cannot be read."""
        request = path / "request.json"
        try:
            values = files.read_json(request)
            return cls(
                path,
                Request(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}),
            )
        except (TypeError, InputError) as error:
            raise DamagedFile(f"{request} is damaged: {str(error).rstrip('.')}.") from error

    @staticmethod
    def begun(results_dir: Path) -> list[Path]:
        """The folders of the studies that were begun in a results folder, in the order of their names.

        Raises:
          InputError: there is no such folder.
        """
        if not results_dir.is_dir():
            raise InputError(f"There is no results folder {results_dir}.")
        return [path.parent for path in sorted((results_dir / paths.STUDIES).glob("*/request.json"))]

    def make(self) -> None:
        """Makes the folder and writes what was asked for."""
        self.logs.mkdir(parents=True, exist_ok=True)
        files.replace(self.path / "request.json", files.json_bytes(self.request.record))

    def write_state(self, state: dict) -> None:
        """Writes where the study stands."""
        files.replace(self.path / "state.json", files.json_bytes(state))

    def read_state(self) -> dict:
        """What `write_state` wrote last; empty where it never did."""
        path = self.path / "state.json"
        return files.read_json(path) if path.exists() else {}

    @property
    def lock(self) -> Path:
        """Locked by the process that runs the study; another one waits."""
        return self.path / ".lock"

    @contextlib.contextmanager
    def shown_running(self) -> Iterator[None]:
        """Lets `is_running` say so; for the one that holds the lock.

        It has a lock of its own: `is_running` cannot look at a lock without taking it for an instant, in which it would
        seem to a study that begins that another one runs. This one is waited for in silence.
        """
        with open(self.path / RUNNING, "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @property
    def is_running(self) -> bool:
        """Whether a process runs the study, or waits to; a dead one's lock is gone."""
        if not (self.path / RUNNING).exists():
            return False
        with open(self.path / RUNNING) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            except OSError as error:
                if error.errno not in files.WITHOUT_LOCKS:
                    raise
        return False

    def plan(self) -> Plan:
        """What was asked for needs."""
        return plan(self.request)


def goes_far_enough(task: Task, metrics: dict) -> bool:
    """Whether a result goes as far as is wanted: a ladder that was made before may have fewer levels."""
    return not isinstance(task, SupermasksTask) or metrics["levels"] >= task.levels


def exists(results_dir: Path, task: Task) -> bool:
    """Whether a unit's result is there, by its last file alone: quick, and as a rule right."""
    return all((results_dir / key / paths.CHECKSUMS).exists() for key in task.keys)


def intact_metrics(results_dir: Path, task: Task, weights: bool) -> dict | None:
    """The metrics of a unit's result if it is there, goes as far as is wanted, and every file of it is as it was written.

    Args:
      results_dir: the folder that holds the results of all networks.
      work: the unit.
      weights: whether the weights of levels and controls have to be there.
    """
    found = [result_files.intact(results_dir / key) for key in task.keys]
    own = found[-1]
    if None in found or own is None or not goes_far_enough(task, own):
        return None
    if weights and isinstance(task, LevelTask | ControlTask) and not (results_dir / task.key / paths.WEIGHTS).exists():
        return None
    return found[-1]


def drop_weights_before(results_dir: Path, task: Task) -> None:
    """Drops the weights of the level before a level that is there, if they are not to be kept."""
    before = task.follows
    if not isinstance(before, LevelTask) or before.level == 0:
        return
    path = results_dir / before.key
    metrics = quick_metrics(results_dir, before.key)
    if metrics is not None and not metrics["keep_weights"] and (path / paths.WEIGHTS).exists():
        result_files.drop_weights(path)


def page_is_current(results_dir: Path, task: LevelTask) -> bool:
    """Whether the treatment's page for TensorBoard, which is written after each level, was written after this one."""
    level = results_dir / task.key
    try:
        finished = (level / "metrics.json").stat().st_mtime_ns
        return any(page.stat().st_mtime_ns >= finished for page in level.parent.glob(paths.EVENT_FILES))
    except FileNotFoundError:  # another command is just writing it anew
        return False


def is_child(results_dir: Path, task: LevelTask, metrics: dict) -> bool:
    """Whether a level's metrics say that it was made from what is there now of the level that it is made from."""
    parent = quick_metrics(results_dir, task.made_from.key) if task.made_from else {"fingerprint": ""}
    return parent is not None and metrics["parent"] == parent["fingerprint"]


def quick_metrics(results_dir: Path, key: str) -> dict | None:
    """A result's metrics, unchecked; None where they cannot be read."""
    try:
        return json.loads((results_dir / key / "metrics.json").read_bytes())
    except (OSError, ValueError):
        return None
