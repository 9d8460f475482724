"""Errors that a user can correct. Commands print their message without a traceback."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
ERRNO_ADVICE = {  # errno when a limit of the system is reached -> what to do about it
    errno.EMFILE: "Raise the limit on open files (ulimit -n), or do less at once",
    errno.ENFILE: "Do less at once",
    errno.EFBIG: "Raise the limit on the size of a file (ulimit -f)",
    errno.ENOMEM: "Free some memory, or do less at once",
    errno.EAGAIN: "Raise the limit on processes (ulimit -u), or do less at once",
}
OF_FILES = (  # further errors that TensorFlow reports of a file, as text
    errno.EACCES, errno.EIO, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EPERM, errno.EROFS, errno.ESTALE,
)  # fmt: skip
IS_KEPT = "What was finished is kept"
AGAIN = "run the same command again"


class InputError(ValueError):
    """Something given to the program cannot be used; the message says what was given and what was wanted."""


class DamagedFile(ValueError):
    """A stored file is cut, changed or unreadable; the message names it."""


def is_full(error: BaseException) -> bool:
    """Returns whether an error says that the disk is full; TensorFlow's errors have no errno, only text."""
    return any(os.strerror(number) in str(error) for number in FULL)


def user_message(error: BaseException) -> str | None:
    """Returns the message for an error that a user can correct; None for any other error.

    >>> user_message(PermissionError(13, "Permission denied", "results/fc")), user_message(KeyError("fc"))
    ('results/fc: Permission denied.', None)
    >>> user_message(MemoryError())
    'Memory ran out. What was finished is kept; free some memory, or do less at once, and run the same command again.'
    """
    if isinstance(error, InputError | DamagedFile):
        return str(error)
    if is_full(error):
        return f"The disk is full: {error}. {IS_KEPT}; free some space and {AGAIN}."
    number, what = _errno(error), first_line(error)
    if number in ERRNO_ADVICE:
        return f"{what}. {IS_KEPT}. {ERRNO_ADVICE[number]}, and {AGAIN}."
    # TensorFlow's class is recognized by its name, so that TensorFlow is not imported.
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return f"Memory ran out{what and f' ({what})'}. {IS_KEPT}; free some memory, or do less at once, and {AGAIN}."
    if number is None or (number != errno.ENOENT and getattr(error, "filename", "") is None):
        return None  # the error names no file, so it would not help a user
    return f"{what}."


def _errno(error: BaseException) -> int | None:
    """Returns the errno of a system error; TensorFlow reports it only as text."""
    if isinstance(error, OSError):
        return error.errno
    if not type(error).__module__.startswith("tensorflow"):
        return None
    return next((number for number in (*ERRNO_ADVICE, *OF_FILES) if os.strerror(number) in str(error)), None)


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message, with the names of its files before it."""
    if isinstance(error, OSError) and error.errno is not None:
        names = " and ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
        return f"{names}: {error.strerror}" if names else str(error.strerror)
    return next(iter(str(error).splitlines()), "").rstrip(".")


@contextlib.contextmanager
def naming_file(path: Path) -> Iterator[None]:
    """Adds the path to an OSError raised within, because errors of reading and writing lack it."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
