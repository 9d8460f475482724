"""What all command lines share: how one starts, and how an error is told."""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Callable

from absl import app
from absl import logging as absl_logging

from lottery_tf.errors import DamagedFile, InputError

log = logging.getLogger("runs")


def run(main: Callable[[], None]) -> None:
    """Parses the flags and calls `main`; errors that a user can mend are told in one sentence."""

    def guarded(arguments: list[str]) -> int:
        log.setLevel(logging.INFO)
        absl_logging.get_absl_handler().setFormatter(None)
        try:
            if arguments[1:]:
                raise InputError(f"Arguments are given as flags; {arguments[1]!r} is none.")
            main()
        except (InputError, DamagedFile) as error:
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
