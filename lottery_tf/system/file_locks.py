"""Locks files between processes. The system releases the lock of a process that dies."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from lottery_tf.errors import InputError, naming_file

log = logging.getLogger(__name__)

# The errors of flock on a file system without locks.
WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Locks a file within the context; first waits, with a warning, while another process holds the lock.

    Raises:
      InputError: the file system has no locks.
    """
    with open(path, "a+b", buffering=0) as file:
        with naming_file(path):
            _announced(file, path)
        yield


def _announced(file: io.RawIOBase, path: Path) -> None:
    """Takes the lock of an open lock file and writes the number of this process to it."""
    try:
        if not take_if_free(file):
            file.seek(0)
            number = file.read(20) or b""  # empty if the owner has just taken the lock and not yet written it
            owner = f"process {number.decode()}" if number.isdigit() else "another process"
            log.warning("%s is in use by %s; waiting for it.", path.stem.removeprefix("."), owner)
            take(file)
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
        raise InputError(
            f"{path.parent} is on a file system without locks (flock: {error.strerror}). Locks are needed so that two "
            "commands do not do the same work; use a folder on another file system."
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()).encode())


def take(file: io.IOBase) -> None:
    """Locks an open file until it is closed; first waits while another process holds the lock."""
    fcntl.flock(file, fcntl.LOCK_EX)


def take_if_free(file: io.IOBase) -> bool:
    """Locks an open file until it is closed and returns True; returns False if another process holds the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_locked(path: Path) -> bool:
    """Returns whether another process holds a lock; False on a file system without locks."""
    if not path.exists():
        return False
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return isinstance(error, BlockingIOError)
    return False
