"""Subprocesses: their return values and errors, and which signals reach them."""

import operator
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from shared import HANG_SECONDS, ROOT

from lottery_tf.errors import InputError
from lottery_tf.system import processes
from lottery_tf.system.processes import TERMINAL_SIGNALS, block_terminal_signals, run_in_subprocess
from runs.benchmarks import faults


@pytest.mark.slow
def test_what_a_process_returns_and_raises_comes_back():
    assert run_in_subprocess("adding", operator.add, 1, 2) == 3
    with pytest.raises(ZeroDivisionError) as raised:
        run_in_subprocess("dividing", operator.truediv, 1, 0)
    assert "Traceback" in "".join(raised.value.__notes__)


@pytest.mark.slow
def test_a_process_that_is_gone_is_told():
    with pytest.raises(InputError, match="The process for leaving has ended"):
        run_in_subprocess("leaving", os._exit, 1)


@pytest.mark.slow
def test_ctrl_c_ends_the_caller_at_once_and_the_process_in_silence():
    code = (
        "import signal\nfrom lottery_tf.system import processes\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sleep = 'import time; print(1, flush=True); time.sleep(3600)'\n"
        "processes.run_in_subprocess('sleeping', exec, sleep)"
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    caller = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, start_new_session=True, **pipes)
    assert caller.stdout.readline() == "1\n"
    (process,) = faults.workers(caller.pid, "local")
    os.kill(process, signal.SIGINT)
    time.sleep(0.5)
    assert Path(f"/proc/{process}").exists(), "it heard what is for the one who started it"
    os.killpg(caller.pid, signal.SIGINT)  # as a terminal sends it, to all of them
    _, errors = caller.communicate(timeout=HANG_SECONDS)  # the process itself would take an hour
    assert errors.count("Traceback") == 1 and errors.rstrip().endswith("KeyboardInterrupt")
    assert not Path(f"/proc/{process}").exists()


@pytest.mark.parametrize("number", TERMINAL_SIGNALS)
def test_a_signal_that_another_thread_takes_waits_until_the_processes_are_started(number):
    """A signal is taken by any thread that does not block it, but its handler runs in the main thread."""
    over, begun, handled = threading.Event(), threading.Event(), []

    def take_signals():
        signal.pthread_sigmask(signal.SIG_UNBLOCK, TERMINAL_SIGNALS)
        begun.set()
        over.wait()

    thread = threading.Thread(target=take_signals)
    thread.start()
    begun.wait()
    before = signal.signal(number, lambda *_: handled.append(number))
    try:
        with block_terminal_signals():
            os.kill(os.getpid(), number)
            time.sleep(0.1)
            assert handled == []
        assert handled == [number]
    finally:
        signal.signal(number, before)
        over.set()
        thread.join()


def test_networks_of_the_paper_are_the_same_in_any_notebook():
    import keras

    import lottery_tf as lt

    usual = lt.build("conv2").get_config()
    before = {name: getattr(keras.config, name)() for name in processes.KERAS}
    others = {"floatx": "float64", "image_data_format": "channels_first", "epsilon": 0.5}
    try:
        for name, value in others.items():
            getattr(keras.config, f"set_{name}")(value)
        built = lt.build("conv2")
        assert {name: getattr(keras.config, name)() for name in others} == others, "a user's setting was changed"
    finally:
        for name, value in before.items():
            getattr(keras.config, f"set_{name}")(value)
    assert {variable.dtype for variable in built.trainable_variables} == {"float32"}
    layers = [
        [layer["config"].get("data_format") for layer in config["layers"]] for config in (usual, built.get_config())
    ]
    assert layers[0] == layers[1]


@pytest.mark.slow
def test_a_worker_that_cannot_start_says_why_at_once(tmp_path):
    (tmp_path / "tensorflow.py").write_text('raise ValueError("no such backend: inline")')
    words = ["runs.study", "--study=demo", "--levels=1", "--schedule=20", f"--results_dir={tmp_path / 'results'}"]
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, env=os.environ | {"PYTHONPATH": path},
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 2
    assert "no such backend: inline" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr and "out of memory" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "argument", "message"),
    [
        (os._exit, 3, "exit status 3; its output is above"),
        (signal.raise_signal, signal.SIGKILL, "killed, or out of memory"),
        (signal.raise_signal, signal.SIGTERM, "terminated, perhaps out of memory; its output is above"),
    ],
)
def test_how_a_process_ended_is_told(function, argument, message):
    with pytest.raises(InputError, match=message):
        processes.run_in_subprocess("trying", function, argument)
