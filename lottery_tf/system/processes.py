"""Starts and ends processes that compute. Importing this module does not import TensorFlow."""

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

from lottery_tf.errors import InputError
from lottery_tf.system import temporary_folders

KERAS = {"floatx": "float32", "image_data_format": "channels_last", "epsilon": 1e-7}  # the defaults of Keras
TERMINAL_SIGNALS = (signal.SIGINT, signal.SIGHUP)  # signals that a terminal sends to all processes of a command


def start_tensorflow(threads: int = 0) -> None:
    """Imports TensorFlow, which takes seconds, without the lines that its libraries print.

    Keras gets its default settings, so that results do not depend on the user's `keras.json`. TensorFlow writes
    generated code to temporary files, and a killed process leaves them behind. They are in a folder that is removed at
    the end or by the next command.

    0 threads mean one for each core.

    Raises:
      InputError: Keras cannot be imported with the user's `keras.json`.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    _use_own_temporary_folder()
    with quiet():
        try:
            import tensorflow as tf
        except (AssertionError, AttributeError, TypeError, ValueError) as error:  # errors of Keras about its file
            home = os.environ.get("KERAS_HOME", os.path.expanduser("~/.keras"))
            raise InputError(f"Keras cannot start with the settings in {home}/keras.json ({error!r}).") from error
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)  # several processes may share one
        tf.config.list_logical_devices()
    _configure_keras(KERAS)


@contextlib.contextmanager
def usual_keras() -> Iterator[None]:
    """Gives Keras its default settings within the context, so that networks do not depend on the user's settings."""
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
    """Returns `quiet` for the first import of TensorFlow if the user has set TF_CPP_MIN_LOG_LEVEL above 0.

    The first lines of TensorFlow ignore that variable.
    """
    asked = os.environ.get("TF_CPP_MIN_LOG_LEVEL", "0") > "0" and "tensorflow" not in sys.modules
    return quiet() if asked else contextlib.nullcontext()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Hides what is printed to standard error within the context; prints it if an unexpected exception is raised."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as swallowed:
        os.dup2(swallowed.fileno(), 2)
        try:
            yield
        except InputError:
            raise  # its message is enough
        except BaseException:
            swallowed.seek(0)
            os.write(stderr, swallowed.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def set_temporary_folder(folder: Path) -> None:
    """Sets the folder of this process's temporary files; another process removes it."""
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(folder)


def _use_own_temporary_folder() -> None:
    """Makes a folder for this process's temporary files, unless there is one already."""
    if temporary_folders.PREFIX not in tempfile.gettempdir():
        held = contextlib.ExitStack()
        tempfile.tempdir = str(held.enter_context(temporary_folders.temporary_folder()))
        # A process that multiprocessing forked does not call the functions of `atexit` at its end.
        multiprocessing.util.Finalize(None, held.close, exitpriority=0)


def die_with_parent() -> None:
    """Ends this process as soon as its parent process has ended, even if the parent was killed."""
    parent = multiprocessing.parent_process()
    assert parent is not None, "only processes that multiprocessing started call this"

    def watch() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def block_terminal_signals() -> Iterator[None]:
    """Blocks SIGINT and SIGHUP within the context, so that processes started in it never receive them.

    The process that starts them receives these signals after the context, and can end the others without tracebacks.
    """
    resource_tracker.ensure_running()  # first, because it unblocks these signals when it starts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL_SIGNALS)
    # Another thread can still take a signal, and Python then runs its handler in the main thread: let it wait as well.
    waiting: list[int] = []
    in_main_thread = threading.current_thread() is threading.main_thread()
    handlers = {
        number: handler
        for number in TERMINAL_SIGNALS
        if in_main_thread and callable(handler := signal.getsignal(number))
    }
    for number in handlers:
        signal.signal(number, lambda number, frame: waiting.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for taken in waiting:
            signal.raise_signal(taken)


def run_in_subprocess(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function in a new process and returns its value; the process ends with this call in any case.

    The function's arguments, its value and its exception are pickled; `what` names the purpose of the process in
    errors.

    Raises:
      InputError: the process ended without an answer.
      Exception: any exception that the function raises.
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
        raise InputError(f"The process for {what} has ended: {cause_of_death(process)}.") from None
    finally:
        if process.pid is not None:
            process.kill()
            process.join()
        ours.close()
    if raised is not None:
        raise raised
    return returned


def cause_of_death(process: multiprocessing.process.BaseProcess) -> str:
    """Describes from its exit status why a process ended without an answer."""
    process.join(1.0)
    if process.exitcode in (None, -signal.SIGKILL):
        return "killed, or out of memory"
    if process.exitcode < 0:
        what = signal.strsignal(-process.exitcode) or f"signal {-process.exitcode}"
        return f"{what.lower()}, perhaps out of memory; its output is above"
    return f"exit status {process.exitcode}; its output is above"


def _answer(connection, function: Callable[..., Any], arguments: tuple) -> None:
    die_with_parent()
    answer: tuple[Any, Exception | None]
    try:
        answer = (function(*arguments), None)
    except Exception as error:  # noqa: BLE001 - every exception is passed to the caller
        error.add_note(traceback.format_exc())
        answer = (None, error)
    connection.send(answer)
