"""The folder of a study: its request, its state, its logs and its locks.

    results/studies/<studies>-<hash of the request>/
      request.json    the request
      state.json      the progress of the study, rewritten every few seconds while it runs
      .lock, .running locked while the study runs
      logs/           a log for each treatment and seed, each set of Supermasks and each learned mask

Importing this module does not import TensorFlow.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from lottery_tf.errors import InputError
from lottery_tf.results import files, parsing, paths, schemas
from lottery_tf.studies.planning import Plan, Request, plan
from lottery_tf.studies.tasks import Task
from lottery_tf.system import file_locks


class StudyFolder:
    """The folder of one study.

    Attributes:
      logs: the folder of the logs; see `Task.log_name`.
    """

    def __init__(self, path: Path, request: Request):
        self.path = path
        self.request = request
        self.logs = path / paths.LOGS

    @classmethod
    def for_request(cls, results_dir: Path, request: Request) -> StudyFolder:
        """Returns the folder of a request, which need not exist."""
        digest = hashlib.sha256(files.json_bytes(request.record)).hexdigest()[:8]
        return cls(results_dir / paths.study_path(request.studies, digest), request)

    @classmethod
    def open(cls, path: Path) -> StudyFolder:
        """Returns the study in a folder; raises DamagedFile if its request cannot be read."""
        request = path / paths.REQUEST
        try:
            return cls(path, Request(**files.read_json(request, schemas.RequestFile)))
        except (TypeError, InputError) as error:
            raise parsing.damaged(request, error) from error

    @staticmethod
    def all_in(results_dir: Path) -> list[Path]:
        """Returns the folders of all studies in a results folder, sorted by name.

        Raises:
          InputError: there is no such folder.
        """
        if not results_dir.is_dir():
            raise InputError(f"There is no results folder {results_dir}.")
        return [path.parent for path in sorted((results_dir / paths.STUDIES).glob(f"*/{paths.REQUEST}"))]

    def make(self) -> None:
        """Makes the folder and writes the request."""
        self.logs.mkdir(parents=True, exist_ok=True)
        files.replace(self.path / paths.REQUEST, files.json_bytes(self.request.record))

    def write_state(self, state: dict) -> None:
        """Writes the progress of the study."""
        files.replace(self.path / paths.STATE, files.json_bytes(state))

    def read_state(self) -> dict:
        """Returns the state that was written last; empty if there is none."""
        path = self.path / paths.STATE
        return files.read_json(path, schemas.State) if path.exists() else {}

    def log_path(self, task: Task) -> Path:
        """Returns the path of the log that a task writes to."""
        return self.logs / paths.log_path(task.folder, task.log_name)

    @property
    def lock(self) -> Path:
        """The file that the process which runs the study locks; other processes wait for it."""
        return self.path / paths.STUDY_LOCK

    @contextlib.contextmanager
    def shown_running(self) -> Iterator[None]:
        """Makes `is_running` true within the context; the process that holds `lock` enters it.

        It uses a second lock, because `is_running` tests a lock by taking it for an instant. If that were `lock`, a
        study that starts in this instant would report that another process runs it.
        """
        with open(self.path / paths.STUDY_RUNNING, "w") as file:
            file_locks.take(file)
            yield

    @property
    def is_running(self) -> bool:
        """Whether a process runs the study; the system releases the lock of a process that died."""
        return file_locks.is_locked(self.path / paths.STUDY_RUNNING)

    def plan(self) -> Plan:
        """Returns the plan of the request."""
        return plan(self.request)
