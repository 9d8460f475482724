"""All finished results below a folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.results.paths import CHECKSUMS, PARTIAL
from lottery_tf.results.result_files import read_metrics

log = logging.getLogger(__name__)


def finished(root: str | Path, kind: str | None = "level") -> Iterator[dict]:
    """The metrics of every finished result of a kind below a folder, in the order of their paths.

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
            metrics = read_metrics(path)
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

    Links are followed, and each folder is read once. A folder that is gone when its turn comes is passed over: others
    may be at work there, and a training that ends renames its own. One that cannot be read is named in the log.

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
        # Links last: of a folder and links to it, the folder counts.
        below[:] = [each for _, each in sorted((os.path.islink(os.path.join(folder, each)), each) for each in below)]
        if name in names:
            found.append(Path(folder))
            if not deeper:
                below.clear()
    return sorted(found)


def _cannot_read(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        log.warning("%s cannot be read (%s). It is left out.", error.filename, error.strerror)
