"""The errors that a user can mend: the command lines print these as one sentence, without a traceback."""


class InputError(ValueError):
    """Something given to the program cannot be used; the message says what was given and what was wanted."""


class DamagedFile(ValueError):
    """A stored file is cut, changed or unreadable; the message names it."""
