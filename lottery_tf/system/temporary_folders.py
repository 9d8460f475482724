"""Temporary folders that only this user can access.

A process removes its own at its end, and those of processes that were killed. Others can write to the system's
temporary folder too, so what is there is trusted only if it belongs to this user.
Imports no TensorFlow.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from lottery_tf.errors import InputError, naming_file
from lottery_tf.system import file_locks

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
            with naming_file(folder):
                lock.write(str(os.getpid()))
                lock.flush()  # fails at once if the disk is full
                # Renamed only when it is locked: an unlocked `.lock` would look like that of a dead owner.
                file_locks.take(lock)
            (folder / "unlocked").rename(folder / LOCK)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(parent: Path) -> int:
    """Removes this user's folders whose owner died; returns the number still in use."""
    living = 0
    for path in parent.glob(f"{PREFIX}*/{LOCK}"):
        with contextlib.suppress(OSError):  # just removed, or on a file system without locks
            if not (_is_own(path.parent, stat.S_ISDIR) and _is_own(path, stat.S_ISREG)):
                continue
            with open(path) as lock:
                owner_died = file_locks.take_if_free(lock)
                if owner_died:
                    shutil.rmtree(path.parent)
                else:
                    living += 1
    return living


def private_folder(name: str) -> Path:
    """Returns a folder with a fixed name that only this user can access; makes it if it does not exist.

    It is in the system's temporary folder. Another user could have made it first, so owner and mode are checked.

    Raises:
      InputError: it is a link, another user's, or open to others.
    """
    path = Path(tempfile.gettempdir()) / f"lottery_tf-{os.getuid()}-{name}"
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    if not _is_own(path, stat.S_ISDIR) or path.stat().st_mode & 0o077:
        raise InputError(f"{path} is not a private folder of this user: remove it, or set TMPDIR to another folder.")
    return path


def _is_own(path: Path, is_kind: Callable[[int], bool]) -> bool:
    """Returns whether a path is this user's and of the wanted kind (a test of `stat`), without following links."""
    found = path.lstat()
    return is_kind(found.st_mode) and found.st_uid == os.getuid()
