"""Temporary folders of this user alone, which are gone at the end: one that is killed leaves them to the next.

Others may write to the system's temporary folder too, so what lies there is trusted only where it is this user's.
Imports no TensorFlow.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from lottery_tf.errors import InputError, naming

PREFIX = "lottery_tf-arrays-"
LOCK = ".lock"  # held by the owner; the system releases it when the owner dies


@contextlib.contextmanager
def temporary_folder(parent: Path | None = None) -> Iterator[Path]:
    """Makes a temporary folder and removes it at the end; removes those of dead owners first.

    Args:
      parent: where it is made; None: in the system's temporary folder.
    """
    parent = parent or Path(tempfile.gettempdir())
    sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    try:
        with open(folder / "unlocked", "w") as lock:
            with naming(folder):
                lock.write(str(os.getpid()))
                lock.flush()  # of a disk that is full this tells at once
                # It gets its name once it is held: an unheld lock of that name would be taken for a dead owner's.
                fcntl.flock(lock, fcntl.LOCK_EX)
            (folder / "unlocked").rename(folder / LOCK)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> int:
    """Removes this user's folders of dead owners from a folder; returns how many have living ones."""
    living = 0
    for path in parent.glob(f"{PREFIX}*/{LOCK}"):
        with contextlib.suppress(OSError):  # just removed, or on a file system without locks
            if not (_is_own(path.parent, stat.S_ISDIR) and _is_own(path, stat.S_ISREG)):
                continue
            with open(path) as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    living += 1
                else:
                    shutil.rmtree(path.parent)
    return living


def private_folder(name: str) -> Path:
    """A folder in the system's temporary folder that keeps its name, made if it does not exist, for this user alone.

    Others can guess the name, and could have put something of theirs in its place.

    Raises:
      InputError: it is a link, another user's, or open to others.
    """
    path = Path(tempfile.gettempdir()) / f"lottery_tf-{os.getuid()}-{name}"
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    if not _is_own(path, stat.S_ISDIR) or path.stat().st_mode & 0o077:
        raise InputError(f"{path} is no folder of this user alone: remove it, or let TMPDIR name another folder.")
    return path


def _is_own(path: Path, is_kind: Callable[[int], bool]) -> bool:
    """Whether a path is this user's and of a kind that `stat` tells; a link is neither file nor folder."""
    found = path.lstat()
    return is_kind(found.st_mode) and found.st_uid == os.getuid()
