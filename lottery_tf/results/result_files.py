"""The files of one result: its folder is there whole or not at all, and every file can be checked.

    metrics.json            the numbers
    history.csv             the readings of the training, where there was one
    mask.npz                the mask, a bit a weight
    weights.npz             start/... and final/... (gone where weights were dropped)
    events.out.tfevents...  for TensorBoard
    checksums.json          SHA-256 of the files above but the last kind

A result is written in its `.partial` folder, where its training keeps its checkpoint, flushed to disk and renamed. No
pickle is ever loaded.
"""

from __future__ import annotations

import csv
import fnmatch
import io
import json
import logging
import os
from pathlib import Path

import numpy as np

from lottery_tf.errors import DamagedFile
from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import Weights
from lottery_tf.results import files
from lottery_tf.results.paths import CHECKPOINT, CHECKSUMS, EVENT_FILES, HISTORY, MASK, METRICS, PARTIAL, WEIGHTS
from lottery_tf.results.stored_result import HISTORY_COLUMNS, StoredResult

log = logging.getLogger(__name__)

LEFT_OVER = (CHECKPOINT.format(part="*"), files.TEMPORARY.format(name="*", process="*"))  # by a training
OWN_FILES = (METRICS, HISTORY, MASK, WEIGHTS, CHECKSUMS, EVENT_FILES, *LEFT_OVER)


def write_result(path: Path, result: StoredResult) -> None:
    """Writes a result's folder, whole or not at all."""
    contents = {METRICS: files.json_bytes(result.metrics), MASK: files.npz_bytes(masks.pack_mask(result.mask))}
    if result.history is not None:
        contents[HISTORY] = _csv_bytes(result.history)
    if result.final is not None:
        weights = {f"start/{name}": value for name, value in result.start.items()}
        weights |= {f"final/{name}": value for name, value in result.final.items()}
        contents[WEIGHTS] = files.npz_bytes(weights)
    contents[CHECKSUMS] = files.json_bytes({name: files.sha256(content) for name, content in contents.items()})
    write_files(path, contents)


def write_files(path: Path, contents: dict[str, bytes]) -> None:
    """Makes a result's folder of its files, whole or not at all.

    Args:
      path: where the result lies; what is there is replaced.
      contents: its files by their names, `checksums.json` among them. What else lies in the result's `.partial` folder
        (its events for TensorBoard) becomes part of it, but for the checkpoint.
    """
    partial = partial_folder(path)
    for name, content in contents.items():
        files.replace(partial / name, content)
    for left_over in LEFT_OVER:
        for path_left in partial.glob(left_over):
            path_left.unlink(missing_ok=True)
    remove_result(path)
    os.rename(partial, path)
    files.flush_folder(path.parent)


def partial_folder(path: Path) -> Path:
    """The folder of a result in training, made if it does not exist."""
    partial = path.with_name(path.name + PARTIAL)
    if partial.is_symlink() and not partial.exists():
        partial.unlink()  # it leads nowhere
    partial.mkdir(parents=True, exist_ok=True)
    return partial


def remove_result(path: Path) -> None:
    """Removes a result, if there is one. What somebody else put into its folder moves to its `.partial` folder.

    A link is removed, not what it leads to, which may be on another disk and be used by others.
    """
    if path.is_symlink():
        path.unlink()
    if not path.exists():
        return
    remove_own_files(path)
    for each in list(path.iterdir()):
        _move(each, partial_folder(path))
    path.rmdir()


def remove_own_files(folder: Path) -> None:
    """Removes the files of a result from a folder, if there is one; what somebody else put there stays."""
    found = folder.iterdir() if folder.is_dir() else ()
    for path in list(found):
        if any(fnmatch.fnmatch(path.name, pattern) for pattern in OWN_FILES) and not path.is_dir():
            path.unlink()


def _move(path: Path, folder: Path) -> None:
    """Moves something to a folder; it gets another name where that is taken."""
    targets = (folder / name for name in (path.name, *(f"{path.name}.{n}" for n in range(1, 1000))))
    path.rename(next(target for target in targets if not os.path.lexists(target)))


def drop_weights(path: Path) -> None:
    """Deletes a result's weights, which are the bulk of it; its mask and numbers stay."""
    sums = files.read_json(path / CHECKSUMS)
    if sums.pop(WEIGHTS, None):
        files.replace(path / CHECKSUMS, files.json_bytes(sums))
    # Even where the checksum is gone: a process may have been killed between the two.
    (path / WEIGHTS).unlink(missing_ok=True)


def read_result(path: Path, weights: bool) -> StoredResult | None:
    """A result, every file of it checked; None where its weights are asked for and were dropped.

    Raises:
      DamagedFile: a file is missing, or is not as it was written.
    """
    contents = _verified_files(path)
    metrics = json.loads(contents[METRICS])
    mask = masks.unpack_mask(files.load_npz(path / MASK, contents[MASK]))
    history = _parse_csv(contents[HISTORY]) if HISTORY in contents else None
    if not weights:
        return StoredResult(mask, metrics, history)
    if WEIGHTS not in contents:
        return None
    arrays = files.load_npz(path / WEIGHTS, contents[WEIGHTS])
    return StoredResult(mask, metrics, history, _below("start/", arrays), _below("final/", arrays))


def read_metrics(path: Path) -> dict:
    """A result's metrics, that file alone checked; raises DamagedFile where it is not as it was written."""
    return json.loads(_verified(path, METRICS))


def read_history(path: Path) -> np.ndarray:
    """A result's history: (rows, 5) float64 array with `HISTORY_COLUMNS`; raises DamagedFile where there is none."""
    return _parse_csv(_verified(path, HISTORY))


def intact(path: Path) -> dict | None:
    """The metrics of a result whose every file is as it was written; None where it is absent or damaged.

    What is damaged is named in the log and left where it is: reading it for use removes it.
    """
    if not path.exists():
        return None
    try:
        return json.loads(_verified_files(path)[METRICS])
    except DamagedFile as error:
        log.warning("%s It is made again.", error)
        return None


def _verified(path: Path, name: str) -> bytes:
    return files.verified(path / name, files.read_json(path / CHECKSUMS))


def _verified_files(path: Path) -> dict[str, bytes]:
    """The content of every file of a result that has a checksum; raises DamagedFile where one does not match."""
    sums = files.read_json(path / CHECKSUMS)
    try:
        return {name: files.verified(path / name, sums) for name in {*sums, METRICS, MASK}}
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
