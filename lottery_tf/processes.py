"""How a process that computes begins and ends. Importing this imports no TensorFlow."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import multiprocessing.util
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from lottery_tf import temporary_folders
from lottery_tf.errors import InputError

KERAS = {"floatx": "float32", "image_data_format": "channels_last", "epsilon": 1e-7}  # as Keras comes
TERMINAL_SIGNALS = (signal.SIGINT, signal.SIGHUP)  # what a terminal sends to all processes of a command


def start_tensorflow(threads: int = 0) -> None:
    """Imports TensorFlow, which takes seconds, without the lines that its libraries print meanwhile.

    Keras is as it comes, whatever the user's own `keras.json` says: what a command computes does not depend on it.
    TensorFlow writes the code that it generates to temporary files, which one that is killed leaves behind: they lie in
    a folder that is removed at the end, or by the next command.

    Args:
      threads: how many threads it computes with; 0: one for each core.

    Raises:
      InputError: Keras cannot be imported as it is configured.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    _use_own_temporary_folder()
    with quiet():
        try:
            import tensorflow as tf
        except (AssertionError, AttributeError, TypeError, ValueError) as error:  # whatever Keras makes of its file
            home = os.environ.get("KERAS_HOME", os.path.expanduser("~/.keras"))
            raise InputError(f"Keras cannot start as {home}/keras.json configures it ({error!r}).") from error
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)  # several processes may share one
        tf.config.list_logical_devices()
    _configure_keras(KERAS)


@contextlib.contextmanager
def usual_keras() -> Iterator[None]:
    """Within it, Keras is as it comes: networks of the paper are the same whatever a notebook's owner prefers."""
    import keras

    before = {name: getattr(keras.config, name)() for name in KERAS}
    _configure_keras(KERAS)
    try:
        yield
    finally:
        _configure_keras(before)


def _configure_keras(values: dict[str, object]) -> None:
    import keras

    for name, value in values.items():
        getattr(keras.config, f"set_{name}")(value)


def quiet_if_asked() -> contextlib.AbstractContextManager[None]:
    """As `quiet`, at the first import of TensorFlow by one who asked for silence, which its first lines do not heed."""
    asked = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "0") > "0" and "tensorflow" not in sys.modules
    return quiet() if asked else contextlib.nullcontext()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Swallows the lines that TensorFlow's libraries print on standard error while they load, unless that fails."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as swallowed:
        os.dup2(swallowed.fileno(), 2)
        try:
            yield
        except InputError:
            raise  # which says all
        except BaseException:
            swallowed.seek(0)
            os.write(stderr, swallowed.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def set_temporary_folder(folder: Path) -> None:
    """Has this process put its temporary files into a folder that somebody else removes."""
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(folder)


def _use_own_temporary_folder() -> None:
    """Has this process put its temporary files into a folder of its own, unless it does so already."""
    if temporary_folders.PREFIX not in tempfile.gettempdir():
        held = contextlib.ExitStack()
        tempfile.tempdir = str(held.enter_context(temporary_folders.temporary_folder()))
        # At the end of a process that multiprocessing forked, nothing that `atexit` knows is called.
        multiprocessing.util.Finalize(None, held.close, exitpriority=0)


def die_with_parent() -> None:
    """Ends this process as soon as the one that started it is gone, even if that one was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "multiprocessing starts whatever calls this"

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def block_terminal_signals() -> Iterator[None]:
    """Processes that are started within never hear of Ctrl-C or of a terminal that is closed.

    Both are for the one who starts them, and reach it after this: it may end them, without a traceback of theirs.
    """
    resource_tracker.ensure_running()  # which, when it starts, lets those signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run_in_subprocess(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns when a process of its own calls it, which ends with this call, however this one ends.

    Args:
      what: what is done there, for the message if it dies.
      function: a function of a module.
      *arguments: what it is called with; they are pickled, as is what it returns or raises.

    Raises:
      InputError: the process is gone without an answer.
      Exception: what the function raises.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(theirs, function, arguments), daemon=True)
    try:
        with block_terminal_signals():
            process.start()
        theirs.close()
        returned, raised = ours.recv()
    except EOFError:
        raise InputError(f"The process for {what} is gone: {cause_of_death(process)}.") from None
    finally:
        if process.pid is not None:
            process.kill()
            process.join()
        ours.close()
    if raised is not None:
        raise raised
    return returned


def cause_of_death(process: multiprocessing.process.BaseProcess) -> str:
    """Why a process that ended without an answer did so, as far as its exit status tells."""
    process.join(1.0)
    if process.exitcode in (None, -signal.SIGKILL):
        return "killed, or out of memory"
    if process.exitcode < 0:
        what = signal.strsignal(-process.exitcode) or f"signal {-process.exitcode}"
        return f"{what.lower()}, perhaps out of memory; what it said stands above"
    return f"it ended with exit status {process.exitcode}, and what it said stands above"


def _answer(connection, function: Callable[..., Any], arguments: tuple) -> None:
    die_with_parent()
    answer: tuple[Any, Exception | None]
    try:
        answer = (function(*arguments), None)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is for the one who called
        error.add_note(traceback.format_exc())
        answer = (None, error)
    connection.send(answer)
