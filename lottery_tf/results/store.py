"""The results folder: each finished training is there whole or not at all, can be checked, and is found again.

    results/<network>-<dataset>/<schedule>/
      settings.json                       what all runs below have in common
      seed-0/dense/                       level 0, which all treatments of the seed share
      seed-0/<treatment>/level-07/
        metrics.json, history.csv         the numbers
        mask.npz                          the mask, a bit a weight
        weights.npz                       start/... and final/... (dropped where only what is needed is kept)
        events.out.tfevents...            for TensorBoard
        checksums.json                    SHA-256 of the files above but the last kind
      seed-0/<treatment>/level-08.partial/  a level in training, with its checkpoint

A level is written in its `.partial` folder, flushed to disk and renamed. Nothing here imports TensorFlow, and no
pickle is ever loaded.
"""

from __future__ import annotations

import contextlib
import copy
import csv
import dataclasses
import hashlib
import io
import json
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.models.settings import SETTINGS_ADDED_LATER
from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import Ticket, Weights
from lottery_tf.results import files
from lottery_tf.results.paths import CHECKPOINT, CHECKSUMS, PARTIAL, WEIGHTS

log = logging.getLogger(__name__)


HISTORY_COLUMNS = ("iteration", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


@dataclasses.dataclass(frozen=True)
class StoredResult:
    """One finished piece of work: a level of a treatment, a learned mask, supermasks that were found.

    Attributes:
      mask: the mask.
      metrics: the numbers by name, JSON values only; "kind" says what it is, and the columns of `analysis.export` for
        that kind are among them.
      history: (rows, 5) float64 array with `HISTORY_COLUMNS`; training columns are means since the row before. None
        where nothing was trained.
      start: every weight before training; None where the weights were dropped.
      final: every weight at the end of training; None where the weights were dropped.
    """

    mask: masks.Mask
    metrics: dict
    history: np.ndarray | None = None
    start: Weights | None = None
    final: Weights | None = None

    @property
    def ticket(self) -> Ticket:
        """What was trained; only where the weights are still there."""
        return Ticket(self.start, self.mask)

    def without_weights(self) -> StoredResult:
        """The same result with its mask and numbers only."""
        return dataclasses.replace(self, start=None, final=None)


def fingerprint(final: Weights, mask: masks.Mask) -> str:
    """A hash of a level's final weights and mask; the next level records whose child it is."""
    digest = hashlib.sha256()
    for arrays in (final, mask):
        for name in sorted(arrays):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(arrays[name]))
    return digest.hexdigest()[:16]


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
        wanted, stored = json.loads(files.json_bytes(settings)), self.path / "settings.json"
        with files.locked(self.path / ".settings.lock"):
            if not stored.exists():
                files.replace(stored, files.json_bytes(wanted))
            try:
                found = files.read_json(stored)
            except DamagedFile as error:
                raise InputError(
                    f"{error} If the results beside it were made with the settings of this command, delete it: it is "
                    "written anew."
                ) from error
        if differ := differences(_with_later_settings(found, wanted), wanted):
            raise InputError(
                f"{self.path} holds results made with other settings: "
                + "; ".join(f"{name} is {a} there, {b} here" for name, a, b in differ)
                + ". Choose another --results_dir, or give the settings that it was made with."
            )

    def folder(self, result_path: str) -> Path:
        """Where a result, or a treatment's results, lie."""
        return self.path / result_path

    def lock(self, result_path: str) -> contextlib.AbstractContextManager[None]:
        """Holds a place; waits while another process does. Released when its owner dies."""
        path = self.folder(result_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        return files.locked(path.parent / f".{path.name}.lock")

    def read(self, result_path: str, weights: bool) -> StoredResult | None:
        """A result, or None where it is not there, is damaged, or lacks the weights that are asked for.

        What is damaged is named in the log and removed, so that it is trained again: the place, or the treatment that it
        is of, has to be locked.
        """
        path = self.folder(result_path)
        if not path.exists():
            return None
        try:
            return _read_result(path, weights)
        except DamagedFile as error:
            log.warning("%s It is trained again.", error)
            shutil.rmtree(path)
            return None

    def peek(self, result_path: str, weights: bool) -> StoredResult | None:
        """What `read` gives, for one who holds no lock: what seems damaged may be somebody's work, and is left alone."""
        with contextlib.suppress(DamagedFile):
            return _read_result(self.folder(result_path), weights)

    def write(self, result_path: str, result: StoredResult) -> None:
        """Stores a result whole: files, checksums, one rename."""
        path = self.folder(result_path)
        contents = {
            "metrics.json": files.json_bytes(result.metrics),
            "mask.npz": files.npz_bytes(masks.pack(result.mask)),
        }
        if result.history is not None:
            contents["history.csv"] = _csv_bytes(result.history)
        if result.final is not None:
            weights = {f"start/{name}": value for name, value in result.start.items()}
            weights |= {f"final/{name}": value for name, value in result.final.items()}
            contents[WEIGHTS] = files.npz_bytes(weights)
        contents[CHECKSUMS] = files.json_bytes({name: files.sha256(content) for name, content in contents.items()})
        write_files(path, contents)

    def drop_weights(self, result_path: str) -> None:
        """Deletes a result's weights, which are the bulk of it; its mask and numbers stay."""
        drop_weights(self.folder(result_path))

    def partial(self, result_path: str) -> Path:
        """The folder of a result in training, made if it does not exist."""
        return _partial(self.folder(result_path))


def _partial(path: Path) -> Path:
    partial = path.with_name(path.name + PARTIAL)
    partial.mkdir(parents=True, exist_ok=True)
    return partial


def write_files(path: Path, contents: dict[str, bytes]) -> None:
    """Makes a result's folder of its files, whole or not at all.

    Args:
      path: where the result lies; what is there is replaced.
      contents: its files by their names, `checksums.json` among them. What lies in the result's `.partial` folder
        besides (its events for TensorBoard) becomes part of it, but for the checkpoint.
    """
    partial = _partial(path)
    for name, content in contents.items():
        files.replace(partial / name, content)
    for left_over in (CHECKPOINT.format(part="*"), files.TEMPORARY.format(name="*", process="*")):
        for path_left in partial.glob(left_over):
            path_left.unlink(missing_ok=True)
    if path.exists():
        shutil.rmtree(path)
    os.rename(partial, path)
    files.flush_folder(path.parent)


def drop_weights(path: Path) -> None:
    """Deletes the weights of the result at a path; its mask and numbers stay."""
    sums = files.read_json(path / CHECKSUMS)
    if sums.pop(WEIGHTS, None):
        files.replace(path / CHECKSUMS, files.json_bytes(sums))
    # Even where the checksum is gone: a process may have been killed between the two.
    (path / WEIGHTS).unlink(missing_ok=True)


def intact(path: Path) -> dict | None:
    """The metrics of a result whose every file is as it was written; None where it is absent or damaged.

    What is damaged is named in the log and left where it is: reading it for use removes it.
    """
    if not path.exists():
        return None
    try:
        return json.loads(_verified_files(path)["metrics.json"])
    except DamagedFile as error:
        log.warning("%s It is made again.", error)
        return None


def finished(root: str | Path, kind: str | None = "level") -> Iterator[dict]:
    """The metrics of every finished result of a kind below a results folder, in the order of their paths.

    A damaged result is named in the log and passed over.

    Args:
      root: a results folder, or any folder within one.
      kind: what the metrics call "kind"; None gives those of every kind.

    Raises:
      InputError: there is no such folder.
    """
    for _, metrics in finished_with_folders(root, kind):
        yield metrics


def finished_with_folders(root: str | Path, kind: str | None = "level") -> Iterator[tuple[Path, dict]]:
    """The folder and the metrics of every finished result; see `finished`."""
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"There is no results folder {root}.")
    for path in result_folders(root):
        try:
            metrics = json.loads(files.verified(path / "metrics.json", files.read_json(path / CHECKSUMS)))
        except DamagedFile as error:
            log.warning("%s It is left out.", error)
            continue
        except PermissionError as error:
            _cannot_read(error)
            continue
        if kind in (None, metrics["kind"]):
            yield path, metrics


def result_folders(root: Path) -> list[Path]:
    """The folders of finished results below a folder, in order."""
    return [path for path in folders_with(root, CHECKSUMS) if path.suffix != PARTIAL]


def folders_with(root: Path, name: str, deeper: bool = True) -> list[Path]:
    """The folders that hold a file of some name, from a folder on downwards, in order.

    Links are followed, each folder is read once. Others may be at work there: a folder that is gone when its turn comes,
    for a training that ends renames its own, is passed over; one that cannot be read is named in the log.

    Args:
      root: where to begin.
      name: the file's.
      deeper: whether to look below a folder that holds one.
    """
    found, seen = [], set()
    for folder, below, names in os.walk(root, followlinks=True, onerror=_cannot_read):
        if (real := os.path.realpath(folder)) in seen:
            below.clear()
            continue
        seen.add(real)
        below.sort(key=lambda each, folder=folder: (os.path.islink(os.path.join(folder, each)), each))
        if name in names:
            found.append(Path(folder))
            if not deeper:
                below.clear()
    return sorted(found)


def _cannot_read(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        log.warning("%s cannot be read (%s). It is left out.", error.filename, error.strerror)


def read_history(path: Path) -> np.ndarray:
    """The history of a finished result: (rows, 5) float64 array with `HISTORY_COLUMNS`.

    Raises:
      DamagedFile: it is not as it was written, or was never there.
    """
    return _parse_csv(files.verified(path / "history.csv", files.read_json(path / CHECKSUMS)))


def _read_result(path: Path, weights: bool) -> StoredResult | None:
    """A result, every file of it checked; None where the weights that are asked for were dropped."""
    contents = _verified_files(path)
    metrics = json.loads(contents["metrics.json"])
    mask = masks.unpack(files.load_npz(path / "mask.npz", contents["mask.npz"]))
    history = _parse_csv(contents["history.csv"]) if "history.csv" in contents else None
    if not weights:
        return StoredResult(mask, metrics, history)
    if WEIGHTS not in contents:
        return None
    arrays = files.load_npz(path / WEIGHTS, contents[WEIGHTS])
    return StoredResult(mask, metrics, history, _below("start/", arrays), _below("final/", arrays))


def _verified_files(path: Path) -> dict[str, bytes]:
    """The content of every file of a result that has a checksum; raises DamagedFile where one does not match."""
    sums = files.read_json(path / CHECKSUMS)
    try:
        return {name: files.verified(path / name, sums) for name in {*sums, "metrics.json", "mask.npz"}}
    except DamagedFile:
        # Where nothing is locked, the weights may be dropped while they are read.
        if files.read_json(path / CHECKSUMS) == sums:
            raise
    return _verified_files(path)


def _below(prefix: str, arrays: dict[str, np.ndarray]) -> Weights:
    return {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}


def _csv_bytes(history: np.ndarray) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(HISTORY_COLUMNS)
    writer.writerows([int(row[0]), *map(float, row[1:])] for row in history)
    return file.getvalue().encode()


def _parse_csv(content: bytes) -> np.ndarray:
    rows = list(csv.reader(io.StringIO(content.decode())))[1:]
    return np.array(rows, np.float64).reshape(-1, len(HISTORY_COLUMNS))


def _with_later_settings(found: dict, wanted: dict) -> dict:
    """Stored settings with the values of those that are newer than the folder, where they are wanted."""
    complete = copy.deepcopy(found)
    for path, value in SETTINGS_ADDED_LATER.items():
        group, _, name = path.partition(".")
        if name in wanted.get(group, {}) and isinstance(complete.get(group), dict):
            complete[group].setdefault(name, value)
    return complete


def differences(found: dict, wanted: dict, prefix: str = "") -> list[tuple[str, object, object]]:
    rows = []
    for key in sorted(found.keys() | wanted.keys()):
        a, b = found.get(key), wanted.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            rows += differences(a, b, f"{prefix}{key}.")
        elif a != b:
            rows.append((prefix + key, a, b))
    return rows
