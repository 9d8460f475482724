"""Starts every command, and reports its errors. Importing this module does not import TensorFlow.

A command is a module with a docstring, flags and a function `main`. It ends with

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
from tqdm import tqdm

from lottery_tf.command_line import command_flags
from lottery_tf.errors import InputError, is_full, user_message
from lottery_tf.system.origin import COMMAND

log = logging.getLogger("runs")

SURROUNDINGS = {  # environment variable -> its value in a command and its processes; it overrides the user's value
    "MPLBACKEND": "agg",  # draws to files; the backend of a notebook cannot be imported elsewhere
    "KERAS_BACKEND": "tensorflow",
    "TF_USE_LEGACY_KERAS": "0",
}


class LinesAboveBars(logging.StreamHandler):
    """Writes log messages to standard error, above progress bars instead of into them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a message."""
        with tqdm.external_write_mode():
            super().emit(record)


def run(main: Callable[..., int | None], words: bool = False) -> None:
    """Parses the flags and calls `main`; prints errors that a user can correct as one sentence.

    `main` may return an exit status. With `words`, it is called with a list of the words that are not flags.
    """

    def guarded(arguments: list[str]) -> int:
        absl_logging.set_verbosity(absl_logging.WARNING)
        for each in (log, logging.getLogger("lottery_tf.training")):
            each.setLevel(logging.INFO)
        logging.root.removeHandler(absl_logging.get_absl_handler())
        logging.root.addHandler(LinesAboveBars())
        try:
            if arguments[1:] and not words:
                raise InputError(command_flags.refusal(arguments[1]))
            status = main(*([arguments[1:]] if words else [])) or 0
            sys.stdout.flush()
            return status
        except KeyboardInterrupt:
            print("\nInterrupted. Finished results are kept; run the same command again to continue.", file=sys.stderr)
            return 130
        except Exception as error:
            message = user_message(error)
            if message is None:
                raise
            print(message, file=sys.stderr)
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
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # buffered output would raise the error again
        sys.exit(128 + signal.SIGPIPE if gone else 1)


def pin_surroundings() -> None:
    """Makes a command and its processes independent of the user's settings for other programs.

    Keras and matplotlib read settings from files when they are imported. `processes.start_tensorflow` sets those of
    Keras, and `analysis.figures.drawing.look` those of matplotlib.
    """
    os.environ.update(SURROUNDINGS)
    own = command_flags.call(command_flags.command_name())
    os.environ[COMMAND] = f"{own} {shlex.join(sys.argv[1:])}".rstrip()
    if hasattr(sys.stdout, "reconfigure"):
        # A character that the terminal's encoding lacks is printed as its number, so that it does not end a training.
        sys.stdout.reconfigure(errors="backslashreplace")


def _nobody_reads() -> bool:
    """Returns whether standard output is a pipe whose reader (`head`, for example) has closed it."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))
