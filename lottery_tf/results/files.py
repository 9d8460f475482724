"""Writes files atomically, and reads and checks them without pickle."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import math
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lottery_tf.errors import DamagedFile, InputError, naming_file
from lottery_tf.results import parsing

TEMPORARY = ".{name}.{process}.tmp"  # the name of a file while it is written; a killed process leaves it behind


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
