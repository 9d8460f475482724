"""Files that are there whole or not at all, can be checked, and hold no pickle; and locks that die with their owner."""

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
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from lottery_tf.errors import DamagedFile, InputError, naming

log = logging.getLogger(__name__)


# What flock answers on a file system that has no locks.
WITHOUT_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL)

TEMPORARY = ".{name}.{process}.tmp"  # a file that is being written; a killed process leaves it behind


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds a lock file; waits while another process holds it. The system releases the lock of a process that dies.

    Raises:
      InputError: the file system has no locks.
    """
    with open(path, "a+b", buffering=0) as file:
        with naming(path):
            _take(file, path)
        yield


def _take(file: io.RawIOBase, path: Path) -> None:
    """Takes the lock of an open lock file and writes the number of this process to it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        number = file.read(20) or b""  # not written yet where the owner has only just got the lock
        owner = f"process {number.decode()}" if number.isdigit() else "another process"
        log.warning("%s is being worked on by %s; waiting for it.", path.stem.removeprefix("."), owner)
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
        raise InputError(
            f"{path.parent} lies on a file system without locks (flock: {error.strerror}). Locks keep two commands "
            "from doing the same work: use a folder on another file system."
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()).encode())


def is_locked(path: Path) -> bool:
    """Whether another process holds a lock file; False where the file system has no locks, so that nobody can."""
    if not path.exists():
        return False
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError as error:
            return isinstance(error, BlockingIOError)
    return False


def verified(path: Path, sums: dict) -> bytes:
    """The content of a file whose SHA-256 stands in `sums` under its name; raises DamagedFile for any other content."""
    content = read_bytes(path)
    if sha256(content) != sums.get(path.name):
        raise DamagedFile(f"{path} is damaged: its checksum does not match.")
    return content


def read_bytes(path: Path) -> bytes:
    """The content of a file that has to be there; raises DamagedFile where it is not."""
    try:
        with naming(path):
            return path.read_bytes()
    except FileNotFoundError:
        raise DamagedFile(f"{path} is missing.") from None


def read_json(path: Path) -> dict:
    """The JSON object in a file; raises DamagedFile for anything else."""
    text = read_bytes(path)
    try:
        content = json.loads(text)
    except ValueError as error:
        raise DamagedFile(f"{path} is damaged: {error}.") from error
    if not isinstance(content, dict):
        raise DamagedFile(f"{path} is damaged: it holds no JSON object.")
    return content


def load_npz(path: Path, content: bytes) -> dict[str, np.ndarray]:
    """The arrays in the content of an `.npz` file; `path` only serves to name it. Pickled objects are refused."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            return dict(file)
    except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DamagedFile(f"{path} is damaged: {error}.") from error


def npz_bytes(arrays: Mapping[str, np.ndarray], compress: bool = True) -> bytes:
    """The content of an `.npz` file; the same arrays give the same bytes."""
    file = io.BytesIO()
    save: Callable[..., None] = np.savez_compressed if compress else np.savez
    save(file, **arrays)
    return file.getvalue()


def json_bytes(value: dict) -> bytes:
    """A JSON object as text, one entry a line; NumPy's numbers are taken as Python's."""
    return (json.dumps(value, indent=1, allow_nan=False, default=_plain) + "\n").encode()


def _plain(value: np.generic) -> bool | int | float:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{value!r} cannot be written as JSON.")


def finite(value: float) -> float | None:
    """A number as JSON has it: None for one that is not finite."""
    return float(value) if math.isfinite(value) else None


def sha256(content: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def replace(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all."""
    temporary = path.with_name(TEMPORARY.format(name=path.name, process=os.getpid()))
    try:
        with naming(path):
            with open(temporary, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def flush_folder(path: Path) -> None:
    """Makes a rename in the folder last through a power cut, where the file system can do that for folders."""
    handle = os.open(path, os.O_RDONLY)
    try:
        with naming(path):
            os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(handle)
