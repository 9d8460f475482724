"""The errors that a user can mend: the command lines print these as one sentence, without a traceback."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
LIMITS = {  # what a system answers where one of its limits is reached -> what to do about it
    errno.EMFILE: "Raise the limit on open files (ulimit -n), or do less at once",
    errno.ENFILE: "Do less at once",
    errno.EFBIG: "Raise the limit on the size of a file (ulimit -f)",
    errno.ENOMEM: "Free some memory, or do less at once",
    errno.EAGAIN: "Raise the limit on processes (ulimit -u), or do less at once",
}
OF_FILES = (  # further errors that TensorFlow reports of a file, in words
    errno.EACCES, errno.EIO, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EPERM, errno.EROFS, errno.ESTALE,
)  # fmt: skip
KEPT = "What was finished is kept"
AGAIN = "run the same command again"


class InputError(ValueError):
    """Something given to the program cannot be used; the message says what was given and what was wanted."""


class DamagedFile(ValueError):
    """A stored file is cut, changed or unreadable; the message names it."""


def is_full(error: BaseException) -> bool:
    """Whether an error says that the disk is full; TensorFlow's errors have no number, only words."""
    return any(os.strerror(number) in str(error) for number in FULL)


def sentence(error: BaseException) -> str | None:
    """What to say of an error that a user can mend, in place of a traceback; None for any other error.

    >>> sentence(PermissionError(13, "Permission denied", "results/fc")), sentence(KeyError("fc"))
    ('results/fc: Permission denied.', None)
    >>> sentence(MemoryError())
    'Memory ran out. What was finished is kept; free some memory, or do less at once, and run the same command again.'
    """
    if isinstance(error, InputError | DamagedFile):
        return str(error)
    if is_full(error):
        return f"The disk is full: {error}. {KEPT}; free some space and {AGAIN}."
    number, what = _number(error), _told(error)
    if number in LIMITS:
        return f"{what}. {KEPT}. {LIMITS[number]}, and {AGAIN}."
    # TensorFlow's class is told by its name, without importing it.
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
        return f"Memory ran out{what and f' ({what})'}. {KEPT}; free some memory, or do less at once, and {AGAIN}."
    if number is None or (number != errno.ENOENT and getattr(error, "filename", "") is None):
        return None  # without the name of a file (or of the temporary folders that are missing) it says too little
    return f"{what}."


def _number(error: BaseException) -> int | None:
    """The number of a system's error; TensorFlow tells it in words."""
    if isinstance(error, OSError):
        return error.errno
    if not type(error).__module__.startswith("tensorflow"):
        return None
    return next((number for number in (*LIMITS, *OF_FILES) if os.strerror(number) in str(error)), None)


def _told(error: BaseException) -> str:
    """An error's first line, with the names of its files before it."""
    if isinstance(error, OSError) and error.errno is not None:
        names = " and ".join(str(name) for name in (error.filename, error.filename2) if name is not None)
        return f"{names}: {error.strerror}" if names else str(error.strerror)
    return next(iter(str(error).splitlines()), "").rstrip(".")


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Has a system's error within name a file: one of opening has a name, one of reading or writing has none."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise
