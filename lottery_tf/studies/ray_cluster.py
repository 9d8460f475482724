"""Checks whether a Ray cluster answers, by a plain connection, because Ray itself would try for minutes.

Importing this module does not import Ray.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Iterator

from lottery_tf.errors import InputError
from lottery_tf.system import processes

ANSWER_SECONDS = 3.0  # a cluster accepts a connection within this time
GOING_SECONDS = 2.0  # all parts of a cluster stop within this time
# The first message of HTTP/2, which Ray's gRPC uses.
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
SETTINGS_FRAME = 4  # the kind of the first frame of the answer, which is its fourth byte
ATTEMPTS = 3  # a cluster counts as stopped after this number of refused connections, one second apart
GONE = (
    "The Ray cluster at {} has stopped. Finished results are kept; when a cluster runs again, run the same command to "
    "continue."
)


def check_answers(address: str) -> None:
    """Raises InputError if no Ray cluster answers at a host and port; Ray itself looks up other addresses."""
    if (where := _host_and_port(address)) is None:
        return
    try:
        with socket.create_connection(where, timeout=ANSWER_SECONDS) as connection:
            if os.environ.get("RAY_USE_TLS", "0") in ("0", ""):  # otherwise the answer is encrypted
                connection.sendall(HELLO)
                if _read(connection, 4)[3:] != bytes((SETTINGS_FRAME,)):
                    raise InputError(f"The program that answers at {address!r} is not a Ray cluster.")
    except TimeoutError as error:
        raise InputError(f"No Ray cluster answers at {address!r} (timed out after {ANSWER_SECONDS:g} s).") from error
    except (OSError, OverflowError) as error:
        raise InputError(f"No Ray cluster answers at {address!r} ({error}).") from error


def _read(connection: socket.socket, count: int) -> bytes:
    """Returns the first bytes of an answer, which may come in parts; fewer if the connection ends.

    Raises:
      TimeoutError: they have not all come within ANSWER_SECONDS.
    """
    answer, end = b"", time.monotonic() + ANSWER_SECONDS
    while len(answer) < count:
        if (left := end - time.monotonic()) <= 0:
            raise TimeoutError
        connection.settimeout(left)
        if not (part := connection.recv(count - len(answer))):
            break
        answer += part
    return answer


def is_gone(address: str) -> bool:
    """Returns whether nothing listens at a host and port any more."""
    if (where := _host_and_port(address)) is None:
        return False
    for _ in range(ATTEMPTS):
        with contextlib.suppress(OSError, OverflowError):
            socket.create_connection(where, timeout=ANSWER_SECONDS).close()
            return False
        time.sleep(1)
    return True


def _host_and_port(address: str) -> tuple[str, int] | None:
    host, _, port = address.removeprefix("ray://").rpartition(":")
    return None if not host or "/" in host or not port.isdecimal() else (host.strip("[]"), int(port))


@contextlib.contextmanager
def watched(address: str) -> Iterator[None]:
    """Prints a message if Ray kills this process because the cluster has stopped."""
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
    child = os.fork()  # Ray kills a process and its children, but not its grandchildren
    if child:
        os._exit(0)
    try:
        connection.recv()
    except EOFError:
        time.sleep(GOING_SECONDS)
        if is_gone(address):
            print(GONE.format(address), file=sys.stderr)
