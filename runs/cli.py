"""What all command lines share: how one starts, and how an error is told."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator

from absl import app
from absl import logging as absl_logging

from lottery_tf.errors import DamagedFile, InputError

log = logging.getLogger("runs")


def run(main: Callable[..., None], words: bool = False) -> None:
    """Parses the flags and calls `main`; errors that a user can mend are told in one sentence.

    Args:
      main: what the command does.
      words: whether the command line has words that are no flags; `main` is then called with a list of them.
    """

    def guarded(arguments: list[str]) -> int:
        absl_logging.set_verbosity(absl_logging.WARNING)
        log.setLevel(logging.INFO)
        absl_logging.get_absl_handler().setFormatter(None)
        try:
            if arguments[1:] and not words:
                raise InputError(f"Arguments are given as flags; {arguments[1]!r} is none.")
            main(*([arguments[1:]] if words else []))
        except (InputError, DamagedFile) as error:
            print(error, file=sys.stderr)
            return 2
        except (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
            print(error, file=sys.stderr)
            return 2
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            print(
                f"The disk is full: {error}. What was finished is kept; free some space and run the same command again.",
                file=sys.stderr,
            )
            return 1
        except KeyboardInterrupt:
            print("\nInterrupted. What was finished is kept; run the same command again to go on.", file=sys.stderr)
            return 130
        return 0

    app.run(guarded)


def start_tensorflow(threads: int = 0) -> None:
    """Imports TensorFlow, which takes seconds, without the lines that its libraries print meanwhile.

    Args:
      threads: how many threads it computes with; 0: one for each core.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _quiet():
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.config.list_logical_devices()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Swallows the lines that TensorFlow's libraries print on standard error while they load, unless that fails."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as swallowed:
        os.dup2(swallowed.fileno(), 2)
        try:
            yield
        except BaseException:
            swallowed.seek(0)
            os.write(stderr, swallowed.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
