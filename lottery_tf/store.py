"""The results folder: each trained level is there whole or not at all, can be checked, and is found again.

    results/<network>-<dataset>/<schedule>/
      settings.json                       what all runs below have in common
      seed-0/dense/                       level 0, which all treatments of the seed share
      seed-0/<treatment>/level-07/
        metrics.json, history.csv         the numbers
        mask.npz                          the mask, a bit a weight
        weights.npz                       start/... and final/... (dropped where only what is needed is kept)
        events.out.tfevents...            for TensorBoard
        checksums.json                    SHA-256 of the files above but the last kind
      seed-0/<treatment>/level-08.partial/  a level in training, with its snapshot

A level is written in its `.partial` folder, flushed to disk and renamed. Nothing here imports TensorFlow, and no
pickle is ever loaded.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import hashlib
import io
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lottery_tf import files, masks
from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.settings import RunSettings
from lottery_tf.treatments import State, Ticket

log = logging.getLogger(__name__)

HISTORY_COLUMNS = ("iteration", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
DENSE = "dense"


@dataclasses.dataclass(frozen=True)
class Level:
    """One trained level.

    Attributes:
      ticket: what was trained: the mask and, unless the weights were dropped, the starting values.
      final: every weight at the end of training; None where the weights were dropped.
      history: (rows, 5) float64 array with `HISTORY_COLUMNS`; training columns are means since the row before.
      metrics: the level's numbers by name, JSON values only; the columns of `analysis.export` among them.
    """

    ticket: Ticket
    final: State | None
    history: np.ndarray
    metrics: dict

    @property
    def has_weights(self) -> bool:
        """Whether the starting and final weights are still there."""
        return self.final is not None

    def without_weights(self) -> Level:
        """The same level with its mask and numbers only."""
        return dataclasses.replace(self, ticket=Ticket({}, self.ticket.mask), final=None)


def fingerprint(final: State, mask: masks.Mask) -> str:
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
        self._levels: dict[tuple, Level] = {}

    @contextlib.contextmanager
    def lock(self, seed: int, treatment: str) -> Iterator[None]:
        """Nobody else can reach these results: nothing to lock."""
        yield

    def read(self, seed: int, treatment: str, level: int, weights: bool) -> Level | None:
        """A level, or None where it is not there (or not with its weights, where those are asked for)."""
        found = self._levels.get((seed, treatment, level))
        return found if found and (found.has_weights or not weights) else None

    def write(self, seed: int, treatment: str, level: int, trained: Level) -> None:
        """Keeps a level."""
        self._levels[seed, treatment, level] = trained

    def drop_weights(self, seed: int, treatment: str, level: int) -> None:
        """Forgets a level's weights; its mask and numbers stay."""
        self._levels[seed, treatment, level] = self._levels[seed, treatment, level].without_weights()

    def treatment_folder(self, seed: int, treatment: str) -> None:
        """None: there is no folder for a treatment."""

    def partial(self, seed: int, treatment: str, level: int) -> None:
        """None: there is no folder for a level in training."""


class ResultsFolder:
    """The results of one network, data set and schedule below a folder.

    Args:
      root: the folder of `--results_dir`; made if it does not exist.
      settings: what all runs have in common.
      data_fingerprint: `Dataset.fingerprint` of the data they are trained on.

    Raises:
      InputError: the folder holds results made with other settings or other data.
    """

    def __init__(self, root: str | Path, settings: RunSettings, data_fingerprint: str):
        self.path = Path(root) / settings.folder
        self._agree_on_settings(json.loads(json.dumps(dataclasses.asdict(settings) | {"data": data_fingerprint})))

    def _agree_on_settings(self, wanted: dict) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        path = self.path / "settings.json"
        with files.locked(self.path / ".settings.lock"):
            if not path.exists():
                files.replace(path, files.json_bytes(wanted))
                return
            found = files.read_json(path)
        if differences := _differences(found, wanted):
            raise InputError(
                f"{self.path} holds results made with other settings: "
                + "; ".join(f"{name} is {a} there, {b} here" for name, a, b in differences)
                + ". Choose another --results_dir, or give the settings that it was made with."
            )

    def folder(self, seed: int, treatment: str, level: int) -> Path:
        """Where a level lies."""
        within = self.treatment_folder(seed, treatment)
        return within if treatment == DENSE else within / f"level-{level:02}"

    def treatment_folder(self, seed: int, treatment: str) -> Path:
        """Where the levels of a treatment lie."""
        return self.path / f"seed-{seed}" / treatment

    def lock(self, seed: int, treatment: str) -> contextlib.AbstractContextManager[None]:
        """Holds one treatment of one seed; waits while another process does. Released when its owner dies."""
        folder = self.path / f"seed-{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        return files.locked(folder / f".{treatment}.lock")

    def read(self, seed: int, treatment: str, level: int, weights: bool) -> Level | None:
        """A level, or None where it is not there, is damaged, or lacks the weights that are asked for.

        What is damaged is named in the log and set aside, so that the level is trained again.
        """
        path = self.folder(seed, treatment, level)
        if not path.exists():
            return None
        try:
            return _read_level(path, weights)
        except DamagedFile as error:
            log.warning("%s This level is trained again.", error)
            shutil.rmtree(path)
            return None

    def write(self, seed: int, treatment: str, level: int, trained: Level) -> None:
        """Stores a level whole: files, checksums, one rename."""
        path, partial = self.folder(seed, treatment, level), self.partial(seed, treatment, level)
        contents = {
            "metrics.json": files.json_bytes(trained.metrics),
            "history.csv": _csv_bytes(trained.history),
            "mask.npz": files.npz_bytes(masks.pack(trained.ticket.mask)),
            "weights.npz": files.npz_bytes(
                {f"start/{name}": value for name, value in trained.ticket.start.items()}
                | {f"final/{name}": value for name, value in trained.final.items()}
            ),
        }
        for name, content in contents.items():
            files.replace(partial / name, content)
        files.replace(
            partial / "checksums.json", files.json_bytes({name: files.sha256(c) for name, c in contents.items()})
        )
        (partial / Snapshot.FILE).unlink(missing_ok=True)
        if path.exists():
            shutil.rmtree(path)
        os.rename(partial, path)
        files.flush_folder(path.parent)

    def drop_weights(self, seed: int, treatment: str, level: int) -> None:
        """Deletes a level's weights, which are the bulk of it; its mask and numbers stay."""
        path = self.folder(seed, treatment, level)
        sums = files.read_json(path / "checksums.json")
        if sums.pop("weights.npz", None):
            files.replace(path / "checksums.json", files.json_bytes(sums))
            (path / "weights.npz").unlink(missing_ok=True)

    def partial(self, seed: int, treatment: str, level: int) -> Path:
        """The folder of a level in training, made if it does not exist."""
        path = self.folder(seed, treatment, level)
        partial = path.with_name(path.name + ".partial")
        partial.mkdir(parents=True, exist_ok=True)
        return partial


class Snapshot:
    """A training's state on disk, so that a long level is taken up where it was interrupted.

    Args:
      folder: the level's `.partial` folder.
      every_seconds: the least time between two snapshots.
    """

    FILE = "snapshot.npz"

    def __init__(self, folder: Path, every_seconds: float):
        self._path = folder / self.FILE
        self._every = every_seconds
        self._last = time.monotonic()

    def load(self) -> dict[str, np.ndarray] | None:
        """The last state saved; None where there is none or it is damaged."""
        if not self._path.exists():
            return None
        try:
            content = files.read_bytes(self._path)
            body, digest = content[:-32], content[-32:]
            if hashlib.sha256(body).digest() != digest:
                raise DamagedFile(f"{self._path} is damaged: its checksum does not match.")
            return files.load_npz(self._path, body)
        except DamagedFile as error:
            log.warning("%s The level starts from its beginning.", error)
            return None

    def save_if_due(self, arrays) -> None:
        """Saves the arrays that calling `arrays` gives, if the last snapshot is old enough."""
        if time.monotonic() - self._last < self._every:
            return
        body = files.npz_bytes(arrays(), compress=False)
        files.replace(self._path, body + hashlib.sha256(body).digest())
        self._last = time.monotonic()


def finished_levels(root: str | Path) -> Iterator[dict]:
    """The metrics of every finished level below a results folder, in the order of their paths.

    A damaged level is named in the log and passed over.

    Raises:
      InputError: there is no such folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"There is no results folder {root}.")
    for sums in sorted(root.rglob("checksums.json")):
        if sums.parent.suffix == ".partial":
            continue
        try:
            yield _read_metrics(sums.parent)
        except DamagedFile as error:
            log.warning("%s It is left out.", error)


def _read_metrics(path: Path) -> dict:
    sums = files.read_json(path / "checksums.json")
    return json.loads(files.verified(path / "metrics.json", sums))


def _read_level(path: Path, weights: bool) -> Level | None:
    """A level, every file of it checked; None where the weights that are asked for were dropped."""
    sums = files.read_json(path / "checksums.json")
    contents = {name: files.verified(path / name, sums) for name in {*sums, "metrics.json", "history.csv", "mask.npz"}}
    metrics = json.loads(contents["metrics.json"])
    history = _parse_csv(contents["history.csv"])
    mask = masks.unpack(files.load_npz(path / "mask.npz", contents["mask.npz"]))
    if not weights:
        return Level(Ticket({}, mask), None, history, metrics)
    if "weights.npz" not in contents:
        return None
    arrays = files.load_npz(path / "weights.npz", contents["weights.npz"])
    return Level(Ticket(_below("start/", arrays), mask), _below("final/", arrays), history, metrics)


def _below(prefix: str, arrays: dict[str, np.ndarray]) -> State:
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


def _differences(found: dict, wanted: dict, prefix: str = "") -> list[tuple[str, object, object]]:
    rows = []
    for key in sorted(found.keys() | wanted.keys()):
        a, b = found.get(key), wanted.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            rows += _differences(a, b, f"{prefix}{key}.")
        elif a != b:
            rows.append((prefix + key, a, b))
    return rows
