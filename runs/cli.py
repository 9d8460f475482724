"""What all command lines share: how one starts, and how an error is told."""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
from collections.abc import Callable

from absl import app
from absl import logging as absl_logging

from lottery_tf.errors import DamagedFile, InputError
from lottery_tf.files import is_full
from lottery_tf.processes import start_tensorflow

__all__ = ["log", "run", "start_tensorflow"]

log = logging.getLogger("runs")


def run(main: Callable[..., int | None], words: bool = False) -> None:
    """Parses the flags and calls `main`; errors that a user can mend are told in one sentence.

    Args:
      main: what the command does; returns the exit status if it is not 0.
      words: whether the command line has words that are no flags; `main` is then called with a list of them.
    """

    def guarded(arguments: list[str]) -> int:
        absl_logging.set_verbosity(absl_logging.WARNING)
        log.setLevel(logging.INFO)
        absl_logging.get_absl_handler().setFormatter(None)
        try:
            if arguments[1:] and not words:
                raise InputError(f"Arguments are given as flags; {arguments[1]!r} is none.")
            status = main(*([arguments[1:]] if words else [])) or 0
            sys.stdout.flush()
            return status
        except (InputError, DamagedFile) as error:
            print(error, file=sys.stderr)
            return 2
        except (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
            print(error, file=sys.stderr)
            return 2
        except Exception as error:
            if not is_full(error):
                raise
            print(
                f"The disk is full: {error}. What was finished is kept; free some space and run the same command again.",
                file=sys.stderr,
            )
            return 1
        except KeyboardInterrupt:
            print("\nInterrupted. What was finished is kept; run the same command again to go on.", file=sys.stderr)
            return 130

    try:
        try:
            app.run(guarded)
        finally:
            sys.stdout.flush()
    except OSError as error:
        gone = isinstance(error, BrokenPipeError) and _nobody_reads()
        if not gone and not is_full(error):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left of it would fail again
        sys.exit(128 + signal.SIGPIPE if gone else 1)


def _nobody_reads() -> bool:
    """Whether what is printed goes into a pipe whose reader, `head` for example, has read enough."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))
