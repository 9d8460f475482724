"""How a process that computes begins and ends. Importing this imports no TensorFlow."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import tempfile
import threading
from collections.abc import Iterator


def start_tensorflow(threads: int = 0) -> None:
    """Imports TensorFlow, which takes seconds, without the lines that its libraries print meanwhile.

    Args:
      threads: how many threads it computes with; 0: one for each core.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with quiet():
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.config.list_logical_devices()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
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


def die_with_parent() -> None:
    """Ends this process as soon as the one that started it is gone, even if that one was killed."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
