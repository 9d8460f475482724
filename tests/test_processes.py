"""Processes of their own: what comes back from one, and what it hears."""

import operator
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

from lottery_tf.errors import InputError
from lottery_tf.processes import run_in_subprocess
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
        "import signal; from lottery_tf import processes; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
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
    _, told = caller.communicate(timeout=600)  # the process itself would take an hour
    assert told.count("Traceback") == 1 and told.rstrip().endswith("KeyboardInterrupt")
    assert not Path(f"/proc/{process}").exists()
