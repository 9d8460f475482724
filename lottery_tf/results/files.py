"""Writes files atomically, reads and checks them without pickle, and locks files until their owner ends."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import logging
import math
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lottery_tf.errors import DamagedFile, InputError, naming_file
from lottery_tf.results import parsing

log = logging.getLogger(__name__)


# The errors of flock on a file system without locks.
WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)

TEMPORARY = ".{name}.{process}.tmp"  # the name of a file while it is written; a killed process leaves it behind


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Locks a file within the context; first waits while another process holds the lock.

    The system releases the lock of a process that dies.

    Raises:
      InputError: the file system has no locks.
    """
    with open(path, "a+b", buffering=0) as file:
        with naming_file(path):
            _take(file, path)
        yield


def _take(file: io.RawIOBase, path: Path) -> None:
    """Takes the lock of an open lock file and writes the number of this process to it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        number = file.read(20) or b""  # empty if the owner has just taken the lock and not yet written it
        owner = f"process {number.decode()}" if number.isdigit() else "another process"
        log.warning("%s is in use by %s; waiting for it.", path.stem.removeprefix("."), owner)
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
        raise InputError(
            f"{path.parent} is on a file system without locks (flock: {error.strerror}). Locks are needed so that two "
            "commands do not do the same work; use a folder on another file system."
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()).encode())


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


def verified(path: Path, sums: dict) -> bytes:
    """Returns the content of a file; raises DamagedFile if its SHA-256 differs from that in `sums` under its name."""
    content = read_bytes(path)
    if sha256(content) != sums.get(path.name):
        raise DamagedFile(f"{path} is damaged: its checksum does not match.")
    return content


def read_bytes(path: Path) -> bytes:
    """Returns the content of a file; raises DamagedFile if it is missing, too large or not a file."""
    most = {".json": parsing.MOST_JSON_BYTES, ".csv": parsing.MOST_TABLE_BYTES}.get(
        path.suffix, parsing.MOST_ARRAY_BYTES
    )
    try:
        with naming_file(path):
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise DamagedFile(f"{path} is not a file.")  # a pipe would wait for ever
            if found.st_size > most:
                raise DamagedFile(f"{path} is damaged: it has {found.st_size:,} bytes, more than {most:,}.")
            return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise DamagedFile(f"{path} is missing.") from None
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise DamagedFile(f"{path} is a link that leads back to itself.") from None


def read_json(path: Path, schema: Any) -> dict:
    """Returns the JSON object in a file; raises DamagedFile if it does not match the schema (of `schemas`)."""
    return parsing.json_object(path, read_bytes(path), schema)


def npz_bytes(arrays: Mapping[str, np.ndarray], compress: bool = True) -> bytes:
    """Returns the content of an `.npz` file with these arrays; equal arrays give equal bytes."""
    file = io.BytesIO()
    save: Callable[..., None] = np.savez_compressed if compress else np.savez
    save(file, **arrays)
    return file.getvalue()


def json_bytes(value: dict) -> bytes:
    """Returns a JSON object as text with one entry on each line; NumPy numbers are converted to Python numbers.

    Raises:
      InputError: a value that JSON does not have.
    """
    try:
        return (json.dumps(value, indent=1, allow_nan=False, default=_plain) + "\n").encode()
    except (TypeError, ValueError) as error:  # of another type, or not finite, or holding itself
        raise InputError(f"{value!r:.200} cannot be written as JSON: {error}.") from error


def _plain(value: np.generic) -> bool | int | float:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r:.100} is of the type {type(value).__name__}")


def finite(value: float) -> float | None:
    """Returns a number for JSON: the number itself, or None if it is not finite."""
    return float(value) if math.isfinite(value) else None


def sha256(content: bytes) -> str:
    """Returns the SHA-256 of some bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def replace(path: Path, content: bytes) -> None:
    """Writes a file atomically: completely or not at all."""
    temporary = path.with_name(TEMPORARY.format(name=path.name, process=os.getpid()))
    try:
        with naming_file(path):
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def flush_folder(path: Path) -> None:
    """Makes a rename in a folder survive a power cut, if the file system supports that for folders."""
    handle = os.open(path, os.O_RDONLY)
    try:
        with naming_file(path):
            os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(handle)
