"""Where results are kept: in memory, or in a folder where they are found again and nobody does the same work twice."""

from __future__ import annotations

import contextlib
import copy
import json
import logging
from pathlib import Path

from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.models.settings import SETTINGS_ADDED_LATER
from lottery_tf.results import files, result_files
from lottery_tf.results.paths import SETTINGS
from lottery_tf.results.stored_result import StoredResult

log = logging.getLogger(__name__)


class MemoryResults:
    """Results kept in memory only, for use from Python without a folder."""

    def __init__(self):
        self._results: dict[str, StoredResult] = {}

    def lock(self, result_path: str) -> contextlib.AbstractContextManager[None]:
        """Nobody else can reach these results: nothing to lock."""
        return contextlib.nullcontext()

    def read(self, result_path: str, weights: bool) -> StoredResult | None:
        """A result, or None where it is not there (or not with its weights, where those are asked for)."""
        found = self._results.get(result_path)
        return None if found is None or (weights and found.final is None) else found

    def peek(self, result_path: str, weights: bool) -> StoredResult | None:
        """The same as `read`."""
        return self.read(result_path, weights)

    def write(self, result_path: str, result: StoredResult) -> None:
        """Keeps a result."""
        self._results[result_path] = result

    def drop_weights(self, result_path: str) -> None:
        """Forgets a result's weights; its mask and numbers stay."""
        self._results[result_path] = self._results[result_path].without_weights()

    def folder(self, result_path: str) -> None:
        """None: there is no folder."""

    def partial(self, result_path: str) -> None:
        """None: there is no folder for a result in training."""


class ResultsFolder:
    """Results with common settings, below a folder.

    Args:
      path: the folder, `<results_dir>/<network>-<dataset>/<schedule>`; made if it does not exist.
      settings: what all results in it have in common, JSON values only.

    Raises:
      InputError: the folder holds results made with other settings.
    """

    def __init__(self, path: str | Path, settings: dict):
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        wanted = json.loads(files.json_bytes(settings))
        found = _with_later_settings(self._settings_on_disk(wanted), wanted)
        if differ := differences(found, wanted):
            raise InputError(
                f"{self.path} holds results made with other settings: "
                + "; ".join(f"{name} is {a} there, {b} here" for name, a, b in differ)
                + ". Choose another --results_dir, or give the settings that it was made with."
            )

    def _settings_on_disk(self, wanted: dict) -> dict:
        """The folder's settings; a folder without settings gets those that are wanted."""
        path = self.path / SETTINGS
        with files.locked(self.path / ".settings.lock"):
            if not path.exists():
                files.replace(path, files.json_bytes(wanted))
            try:
                return files.read_json(path)
            except DamagedFile as error:
                raise InputError(
                    f"{error} If the results beside it were made with the settings of this command, delete it: it is "
                    "written anew."
                ) from error

    def folder(self, result_path: str) -> Path:
        """Where a result, or a treatment's results, lie."""
        return self.path / result_path

    def lock(self, result_path: str) -> contextlib.AbstractContextManager[None]:
        """Holds a result, or a treatment's results; waits while another process does. Released when its owner dies."""
        path = self.folder(result_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        return files.locked(path.parent / f".{path.name}.lock")

    def read(self, result_path: str, weights: bool) -> StoredResult | None:
        """A result, or None where it is not there, is damaged, or lacks the weights that are asked for.

        A damaged result is named in the log and removed, so that it is trained again: it, or its treatment, has to be
        locked.
        """
        path = self.folder(result_path)
        # A result's folder gets its name when it is whole (`result_files.write_files`); during training it is called
        # `.partial`.
        if not path.exists():
            return None
        try:
            return result_files.read_result(path, weights)
        except DamagedFile as error:
            log.warning("%s It is trained again.", error)
            result_files.remove_result(path)
            return None

    def peek(self, result_path: str, weights: bool) -> StoredResult | None:
        """What `read` gives, without a lock: what seems damaged may be another process at work, and is left alone."""
        with contextlib.suppress(DamagedFile):
            return result_files.read_result(self.folder(result_path), weights)
        return None

    def write(self, result_path: str, result: StoredResult) -> None:
        """Stores a result, whole or not at all."""
        result_files.write_result(self.folder(result_path), result)

    def drop_weights(self, result_path: str) -> None:
        """Deletes a result's weights, which are the bulk of it; its mask and numbers stay."""
        result_files.drop_weights(self.folder(result_path))

    def partial(self, result_path: str) -> Path:
        """The folder of a result in training, made if it does not exist."""
        return result_files.partial_folder(self.folder(result_path))


def _with_later_settings(found: dict, wanted: dict) -> dict:
    """The folder's settings, completed.

    A setting that did not exist when the folder was made gets the value that was in force then.
    """
    complete = copy.deepcopy(found)
    for path, value in SETTINGS_ADDED_LATER.items():
        group, _, name = path.partition(".")
        if name in wanted.get(group, {}) and isinstance(complete.get(group), dict):
            complete[group].setdefault(name, value)
    return complete


def differences(found: dict, wanted: dict, prefix: str = "") -> list[tuple[str, object, object]]:
    """Where two trees of settings differ: the setting's name, what is found, what is wanted.

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
