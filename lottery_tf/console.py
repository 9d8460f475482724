"""How every command starts, and how it says what went wrong. Imports no TensorFlow.

A command is a module with a docstring, flags, and a function `main`; it ends with

    if __name__ == "__main__":
        console.run(main)
"""

from __future__ import annotations

import logging
import os
import select
import shlex
import signal
import sys
from collections.abc import Callable

from absl import app
from absl import logging as absl_logging

from lottery_tf import command_flags
from lottery_tf.errors import InputError, is_full, sentence
from lottery_tf.origin import COMMAND

log = logging.getLogger("runs")

SURROUNDINGS = {  # environment variable -> what it is for a command and its processes, whatever the user has set
    "MPLBACKEND": "agg",  # figures are files; the backend of a notebook cannot even be imported elsewhere
    "KERAS_BACKEND": "tensorflow",
    "TF_USE_LEGACY_KERAS": "0",
}


def run(main: Callable[..., int | None], words: bool = False) -> None:
    """Parses the flags and calls `main`; says in one sentence what a user can mend.

    Args:
      main: what the command does; returns the exit status if it is not 0.
      words: whether the command line has words that are not flags; `main` is then called with a list of them.
    """

    def guarded(arguments: list[str]) -> int:
        absl_logging.set_verbosity(absl_logging.WARNING)
        for each in (log, logging.getLogger("lottery_tf.training")):
            each.setLevel(logging.INFO)
        absl_logging.get_absl_handler().setFormatter(None)
        try:
            if arguments[1:] and not words:
                raise InputError(command_flags.refusal(arguments[1]))
            status = main(*([arguments[1:]] if words else [])) or 0
            sys.stdout.flush()
            return status
        except KeyboardInterrupt:
            print("\nInterrupted. What was finished is kept; run the same command again to go on.", file=sys.stderr)
            return 130
        except Exception as error:
            told = sentence(error)
            if told is None:
                raise
            print(told, file=sys.stderr)
            return 1 if is_full(error) else 2

    pin_surroundings()
    try:
        try:
            app.run(guarded, flags_parser=command_flags.parse)
        finally:
            sys.stdout.flush()
    except OSError as error:
        gone = isinstance(error, BrokenPipeError) and _nobody_reads()
        if not gone and not is_full(error):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left of it would fail again
        sys.exit(128 + signal.SIGPIPE if gone else 1)


def pin_surroundings() -> None:
    """Makes a command and its processes independent of what its user has set for other programs.

    Two settings are read from files when their libraries are imported: `processes.start_tensorflow` pins Keras's, and
    `analysis.figures.drawing.look` matplotlib's.
    """
    os.environ.update(SURROUNDINGS)
    own = command_flags.call(command_flags.command_name())
    os.environ[COMMAND] = f"{own} {shlex.join(sys.argv[1:])}".rstrip()
    if hasattr(sys.stdout, "reconfigure"):
        # A sign that the terminal's encoding lacks is shown as its number: no reason to end after an hour's training.
        sys.stdout.reconfigure(errors="backslashreplace")


def _nobody_reads() -> bool:
    """Whether what is printed goes into a pipe whose reader, `head` for example, has read enough."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))
