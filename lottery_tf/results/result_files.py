"""Writes and reads the files of one result. Its folder is written atomically, and every file has a checksum.

    metrics.json            the numbers
    history.csv             the readings of the training, if there was one
    mask.npz                the mask, one bit for each weight
    weights.npz             start/... and final/... (missing if the weights were deleted)
    events.out.tfevents...  for TensorBoard
    checksums.json          SHA-256 of the files above, except the event files

A result is written in its `.partial` folder, which also holds the checkpoint of its training. The folder is then
flushed to disk and renamed. No pickle is ever loaded.
"""

from __future__ import annotations

import csv
import fnmatch
import io
import logging
import os
from pathlib import Path

import numpy as np

from lottery_tf.errors import DamagedFile
from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import Weights
from lottery_tf.results import files, parsing
from lottery_tf.results.paths import (
    CHECKPOINT,
    CHECKSUMS,
    EVENT_FILES,
    HISTORY,
    MASK,
    METRICS_FILE,
    WEIGHTS,
    partial_path,
)
from lottery_tf.results.schemas import check_checksums
from lottery_tf.results.stored_result import HISTORY_COLUMNS, StoredResult

log = logging.getLogger(__name__)

LEFT_OVER = (CHECKPOINT.format(part="*"), files.TEMPORARY.format(name="*", process="*"))  # files that a training leaves
WRITTEN = (METRICS_FILE, HISTORY, MASK, WEIGHTS, CHECKSUMS)
OWN_FILES = (*WRITTEN, EVENT_FILES, *LEFT_OVER)


def write_result(path: Path, result: StoredResult) -> None:
    """Writes a result's folder completely or not at all."""
    contents = {METRICS_FILE: files.json_bytes(result.metrics), MASK: files.npz_bytes(masks.pack_mask(result.mask))}
    if result.history is not None:
        contents[HISTORY] = _csv_bytes(result.columns, result.history)
    if result.final is not None:
        weights = {f"start/{name}": value for name, value in result.start.items()}
        weights |= {f"final/{name}": value for name, value in result.final.items()}
        contents[WEIGHTS] = files.npz_bytes(weights)
    contents[CHECKSUMS] = files.json_bytes({name: files.sha256(content) for name, content in contents.items()})
    write_files(path, contents)


def write_files(path: Path, contents: dict[str, bytes]) -> None:
    """Writes a result's folder from the contents of its files, completely or not at all.

    `contents` are the files by name, including `checksums.json`. Other files in the result's `.partial` folder
    (TensorBoard events) become part of the result, except the checkpoint.
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
    """Returns the folder of a result that is being trained; makes it if it does not exist."""
    partial = partial_path(path)
    if partial.is_symlink() and not partial.exists():
        partial.unlink()  # a broken link
    partial.mkdir(parents=True, exist_ok=True)
    return partial


def remove_result(path: Path) -> None:
    """Removes a result, if there is one. Files of others in its folder are moved to its `.partial` folder.

    If the folder is a link, only the link is removed, because its target may be used by others.
    """
    if path.is_symlink():
        path.unlink()
    if not path.exists():
        return
    if not path.is_dir():
        _move(path, partial_folder(path))
        return
    remove_own_files(path)
    for each in list(path.iterdir()):
        _move(each, partial_folder(path))
    path.rmdir()


def remove_own_files(folder: Path) -> None:
    """Removes the files of a result from a folder, if it exists; files of others stay."""
    found = folder.iterdir() if folder.is_dir() else ()
    for path in list(found):
        if any(fnmatch.fnmatch(path.name, pattern) for pattern in OWN_FILES) and not path.is_dir():
            path.unlink()


def _move(path: Path, folder: Path) -> None:
    """Moves a file to a folder; it gets another name if its own is taken there, or wanted for a file of a result."""
    targets = (folder / name for name in (path.name, *(f"{path.name}.{n}" for n in range(1, 1000))))
    path.rename(next(target for target in targets if not (os.path.lexists(target) or target.name in WRITTEN)))


def drop_weights(path: Path) -> None:
    """Deletes a result's weights, which take most of its space; keeps its mask and metrics."""
    sums = _checksums(path)
    if WEIGHTS in sums:
        del sums[WEIGHTS]
        files.replace(path / CHECKSUMS, files.json_bytes(sums))
    # Also if the checksum is missing already: a process may have been killed between the two steps.
    (path / WEIGHTS).unlink(missing_ok=True)


def read_result(path: Path, weights: bool) -> StoredResult | None:
    """Returns a result after checking every file; None if its weights are needed and were deleted.

    Raises:
      DamagedFile: a file is missing, or differs from what was written.
    """
    contents = _verified_files(path)
    metrics = parsing.metrics(path / METRICS_FILE, contents[METRICS_FILE])
    mask = parsing.mask(path / MASK, contents[MASK])
    columns: tuple[str, ...] = HISTORY_COLUMNS
    history = None
    if HISTORY in contents:
        columns, history = parsing.history(path / HISTORY, contents[HISTORY])
    start = final = None
    if weights and WEIGHTS in contents:
        arrays = parsing.arrays(path / WEIGHTS, contents[WEIGHTS])
        start, final = _below("start/", arrays), _below("final/", arrays)
    parsing.check_agreement(path, metrics, mask, start, final)
    return None if weights and WEIGHTS not in contents else StoredResult(mask, metrics, history, start, final, columns)


def read_metrics(path: Path) -> dict:
    """Returns a result's metrics, checking only their file; raises DamagedFile if it differs from what was written."""
    return parsing.metrics(path / METRICS_FILE, _verified(path, METRICS_FILE))


def read_history(path: Path) -> list[dict[str, float]]:
    """Returns the rows of a result's history by the names of its columns; raises DamagedFile without one."""
    columns, history = parsing.history(path / HISTORY, _verified(path, HISTORY))
    return [dict(zip(columns, row, strict=True)) for row in history.tolist()]


def intact(path: Path) -> dict | None:
    """Returns the metrics of a result after checking every file; None if the result is missing or damaged.

    A damaged result is logged and stays in place; `store.ResultsFolder.read` removes it later.
    """
    if not path.exists():
        return None
    try:
        found = read_result(path, weights=False)
        return None if found is None else found.metrics
    except DamagedFile as error:
        log.warning("%s It is made again.", error)
        return None


def _verified(path: Path, name: str) -> bytes:
    return files.verified(path / name, _checksums(path))


def _checksums(path: Path) -> dict:
    return files.read_json(path / CHECKSUMS, check_checksums)


def _verified_files(path: Path) -> dict[str, bytes]:
    """Returns the content of every file of a result; raises DamagedFile if a checksum does not match."""
    sums = _checksums(path)
    try:
        return {name: files.verified(path / name, sums) for name in {*sums, METRICS_FILE, MASK}}
    except DamagedFile:
        # Without a lock, another process may delete the weights while they are read.
        if _checksums(path) == sums:
            raise
    return _verified_files(path)


def _below(prefix: str, arrays: dict[str, np.ndarray]) -> Weights:
    return {key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)}


def _csv_bytes(columns: tuple[str, ...], history: np.ndarray) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([int(row[0]), *map(float, row[1:])] for row in history)
    return file.getvalue().encode()
