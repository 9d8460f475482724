"""The errors that a user can mend: the command lines print these as one sentence, without a traceback."""

from __future__ import annotations

import errno
import os


class InputError(ValueError):
    """Something given to the program cannot be used; the message says what was given and what was wanted."""


class DamagedFile(ValueError):
    """A stored file is cut, changed or unreadable; the message names it."""


def is_full(error: Exception) -> bool:
    """Whether an error says that the disk is full; TensorFlow's errors have no number, only words."""
    return any(os.strerror(number) in str(error) for number in (errno.ENOSPC, errno.EDQUOT))
