"""Stores results in memory, or in a folder where later commands find them and locks prevent double work."""

from __future__ import annotations

import contextlib
import copy
import json
import logging
from pathlib import Path

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import FilePath
from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.models.settings import SETTINGS_ADDED_LATER
from lottery_tf.old_names import old_arguments
from lottery_tf.results import files, result_files, schemas
from lottery_tf.results.paths import SETTINGS, SETTINGS_LOCK, lock_path
from lottery_tf.results.record import check_record, in_words
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.results.walk import result_folders
from lottery_tf.system import file_locks

log = logging.getLogger(__name__)


@old_arguments(place="result_path")
@checked
class MemoryResults:
    """Stores results in memory, for use from Python without a folder."""

    def __init__(self):
        self._results: dict[str, StoredResult] = {}
        self._records: dict[str, dict] = {}

    def record(self, name: str, wanted: dict) -> None:
        """Keeps the record of an experiment; raises InputError if the results belong to another experiment."""
        wanted = _as_json(wanted)
        check_record(self._records.setdefault(name, wanted), wanted, "The memory given as `results`")

    def unrecorded_level(self, name: str) -> None:
        """Returns None, because all results in memory have a record."""

    def lock(self, result_path: str) -> contextlib.AbstractContextManager[None]:
        """Does nothing, because no other process can reach these results."""
        return contextlib.nullcontext()

    def read(self, result_path: str, weights: bool) -> StoredResult | None:
        """Returns a result; None if it does not exist, or if its weights are needed and it has none."""
        found = self._results.get(result_path)
        return None if found is None or (weights and found.final is None) else found

    def peek(self, result_path: str, weights: bool) -> StoredResult | None:
        """Returns the same as `read`."""
        return self.read(result_path, weights)

    def write(self, result_path: str, result: StoredResult) -> None:
        """Stores a result."""
        self._results[result_path] = result

    def drop_weights(self, result_path: str) -> None:
        """Deletes a result's weights; keeps its mask and metrics."""
        if result_path not in self._results:
            raise InputError(f"There is no result {result_path!r}.")
        self._results[result_path] = self._results[result_path].without_weights()

    def folder(self, result_path: str) -> None:
        """Returns None, because there is no folder."""

    def partial(self, result_path: str) -> None:
        """Returns None, because there is no folder."""


@old_arguments(place="result_path")
@checked
class ResultsFolder:
    """Stores results that share their settings in a folder.

    Args:
      path: the folder; it is made if it does not exist. `results.paths` builds those of the commands.
      settings: the settings that all results in it share, as JSON values.

    Raises:
      InputError: the folder holds results made with other settings.
    """

    def __init__(self, path: FilePath, settings: dict):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        wanted = _as_json(settings)
        found = _with_later_settings(self._read_or_write(SETTINGS, wanted), wanted)
        if differ := differences(found, wanted):
            raise InputError(
                f"{self.path} holds results made with other settings: {in_words(differ)}. Choose another "
                "--results_dir, or use the settings of the folder."
            )

    def _read_or_write(self, name: str, wanted: dict) -> dict:
        """Returns the content of a JSON file of the folder; writes the wanted content first if there is none."""
        path = self.path / name
        with file_locks.locked(self.path / SETTINGS_LOCK):
            if not path.exists():
                files.replace(path, files.json_bytes(wanted))
            try:
                return files.read_json(path, schemas.Settings if name == SETTINGS else schemas.Record)
            except DamagedFile as error:
                raise InputError(
                    f"{error} If the results beside it were made with the settings of this command, delete this file; "
                    "it is then written anew."
                ) from error

    def record(self, name: str, wanted: dict) -> None:
        """Writes the record of an experiment into the folder, or compares it with the record in the folder.

        Raises:
          InputError: the folder holds results of another experiment; the message shows the differences.
        """
        wanted = _as_json(wanted)
        check_record(self._read_or_write(name, wanted), wanted, self.path)

    def unrecorded_level(self, name: str) -> StoredResult | None:
        """Returns a level, without its weights, if the folder has levels but no record of this name; else None."""
        if (self.path / name).exists():
            return None
        for path in result_folders(self.path):
            level = self.peek(str(path.relative_to(self.path)), weights=False)
            if level is not None and level.metrics["kind"] == "level":
                return level
        return None

    def folder(self, result_path: str) -> Path:
        """Returns the folder of a result, or of a treatment's results."""
        return self.path / result_path

    def lock(self, result_path: str) -> contextlib.AbstractContextManager[None]:
        """Locks a result, or a treatment's results; waits while another process holds the lock."""
        path = self.folder(result_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        return file_locks.locked(lock_path(path))

    def read(self, result_path: str, weights: bool) -> StoredResult | None:
        """Returns a result; None if it does not exist, is damaged, or lacks weights that are needed.

        A damaged result is logged and removed, so that it is trained again. So the result or its treatment must be
        locked.
        """
        path = self.folder(result_path)
        # The name of an unfinished result's folder ends in `.partial`; see `result_files.write_files`.
        if not path.exists():
            return None
        try:
            return result_files.read_result(path, weights)
        except DamagedFile as error:
            log.warning("%s It is trained again.", error)
            result_files.remove_result(path)
            return None

    def peek(self, result_path: str, weights: bool) -> StoredResult | None:
        """Returns a result like `read`, but needs no lock and removes nothing: another process may be writing it."""
        with contextlib.suppress(DamagedFile):
            return result_files.read_result(self.folder(result_path), weights)
        return None

    def write(self, result_path: str, result: StoredResult) -> None:
        """Stores a result, completely or not at all."""
        result_files.write_result(self.folder(result_path), result)

    def drop_weights(self, result_path: str) -> None:
        """Deletes a result's weights, which take most of its space; keeps its mask and metrics."""
        result_files.drop_weights(self.folder(result_path))

    def partial(self, result_path: str) -> Path:
        """Returns the folder of a result that is being trained; makes it if it does not exist."""
        return result_files.partial_folder(self.folder(result_path))


def _as_json(settings: dict) -> dict:
    """Converts settings as if they were written to a file and read; tuples become lists, for example."""
    return json.loads(files.json_bytes(settings))


def _with_later_settings(found: dict, wanted: dict) -> dict:
    """Adds settings that did not exist when the folder was made, with the values that were used then."""
    complete = copy.deepcopy(found)
    for path, value in SETTINGS_ADDED_LATER.items():
        group, _, name = path.partition(".")
        if name in wanted.get(group, {}) and isinstance(complete.get(group), dict):
            complete[group].setdefault(name, value)
    return complete


def differences(found: dict, wanted: dict, prefix: str = "") -> list[tuple[str, object, object]]:
    """Returns the differences between two trees of settings: the setting's name, the found and the wanted value.

    >>> differences({"training": {"batch_size": 60}}, {"training": {"batch_size": 30}})
    [('training.batch_size', 60, 30)]
    """
    rows = []
    for key in sorted(found.keys() | wanted.keys()):
        a, b = found.get(key), wanted.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            rows += differences(a, b, f"{prefix}{key}.")
        elif a != b:
            rows.append((prefix + key, a, b))
    return rows
