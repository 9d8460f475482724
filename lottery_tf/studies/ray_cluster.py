"""Whether a Ray cluster answers, by a plain connection: Ray itself would try for minutes. Imports no Ray."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Iterator

from lottery_tf import processes
from lottery_tf.errors import InputError

ANSWER_SECONDS = 3.0  # within which a cluster accepts a connection
GOING_SECONDS = 2.0  # within which a cluster is gone once a part of it is
ATTEMPTS = 3  # refused connections, a second apart, after which a cluster counts as gone
GONE = "The Ray cluster at {} is gone. What was finished is kept; once one runs again, run the same command to go on."


def check_answers(address: str) -> None:
    """Raises InputError if nothing listens at a host and port; addresses of other kinds are for Ray to look up."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise InputError(f"No Ray cluster answers at {address!r} ({error}).") from error


def is_gone(address: str) -> bool:
    """Whether nothing listens at an address any more."""
    for _ in range(ATTEMPTS):
        try:
            check_answers(address)
        except InputError:
            time.sleep(1)
        else:
            return False
    return True


@contextlib.contextmanager
def watched(address: str) -> Iterator[None]:
    """Prints why this process ends if Ray kills it because the cluster is gone."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with processes.block_terminal_signals():
        context.Process(target=_watch, args=(theirs, address), daemon=True).start()
    theirs.close()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            ours.send("an orderly end")


def _watch(connection, address: str) -> None:
    if os.fork():  # Ray kills the children of a process along with it, but not its grandchildren
        os._exit(0)
    try:
        connection.recv()
    except EOFError:
        time.sleep(GOING_SECONDS)
        if is_gone(address):
            print(GONE.format(address), file=sys.stderr)
