"""Finds all finished results below a folder."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import FilePath
from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.results.paths import CHECKSUMS, is_partial
from lottery_tf.results.result_files import read_metrics

log = logging.getLogger(__name__)


@checked
def finished(root: FilePath, kind: str | None = "level") -> Iterator[dict]:
    """Yields the metrics of every finished result of a kind below a folder, in the order of their paths.

    Damaged results are logged and left out.

    Args:
      root: a results folder, or any folder in one.
      kind: the value of "kind" in the metrics; None: results of every kind.

    Raises:
      InputError: the folder does not exist.
    """
    for _, metrics in finished_with_folders(root, kind):
        yield metrics


def finished_with_folders(root: FilePath, kind: str | None = "level") -> Iterator[tuple[Path, dict]]:
    """Yields the folder and the metrics of every finished result; see `finished`."""
    root = Path(root)
    if not root.is_dir():
        raise InputError(f"There is no results folder {root}.")
    for path in result_folders(root):
        try:
            metrics = read_metrics(path)
        except DamagedFile as error:
            log.warning("%s It is left out.", error)
            continue
        except OSError as error:
            _cannot_read(error)
            continue
        if kind in (None, metrics["kind"]):
            yield path, metrics


def result_folders(root: Path) -> list[Path]:
    """Returns the folders of finished results below a folder, sorted."""
    return [path for path in folders_with(root, CHECKSUMS) if not is_partial(path)]


def folders_with(root: Path, name: str, deeper: bool = True) -> list[Path]:
    """Returns the folders, from `root` downwards, that hold a file with a given name, sorted.

    Links are followed, and each folder is read once. A folder that disappears during the search is left out, because
    another process may rename it when a training ends. A folder that cannot be read is logged.

    `deeper` searches below such a folder too.
    """
    found, seen = [], set()
    for folder, below, names in os.walk(root, followlinks=True, onerror=_cannot_read):
        if (real := os.path.realpath(folder)) in seen:
            below.clear()
            continue
        seen.add(real)
        # Links come last, so that a folder is found under its own name, and not under that of a link to it.
        below[:] = [each for _, each in sorted((os.path.islink(os.path.join(folder, each)), each) for each in below)]
        if name in names:
            found.append(Path(folder))
            if not deeper:
                below.clear()
    return sorted(found)


def _cannot_read(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        log.warning("%s cannot be read (%s). It is left out.", error.filename, error.strerror)
