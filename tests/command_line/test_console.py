"""How commands start and end: settings for other programs, closed pipes, full disks."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import termios

import pytest
from shared import ROOT

PRINTS = """
from lottery_tf.command_line import console
def main():
    for number in range(100_000):
        print(number)
console.run(main)
"""


@pytest.mark.slow
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["-c", PRINTS], ["-m", "runs.lottery", "--help"]])
def test_a_reader_may_stop_reading(arguments, unbuffered):
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    writer = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment, **pipes)
    writer.stdout.close()
    errors = writer.stderr.read()
    assert (writer.wait(), errors) == (141, b"")


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_finds_no_room_is_told_in_a_sentence(unbuffered):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", PRINTS], cwd=ROOT, env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr, "The disk is full" in done.stderr) == (1, False, True)


BREAKS = """
from lottery_tf.command_line import console
def main():
    raise BrokenPipeError("a worker is gone")
console.run(main)
"""


def test_another_pipe_that_breaks_is_told(command):
    done = command(None, code=BREAKS)
    assert done.returncode == 1 and "BrokenPipeError: a worker is gone" in done.stderr


RAISES = """
from lottery_tf.command_line import console
def main():
    raise RuntimeError("{error}")
console.run(main)
"""


def test_a_full_disk_is_told_in_a_sentence_by_whomever_it_was_found(command):
    """TensorFlow, which writes for TensorBoard, has errors of its own for it, with words alone."""
    done = command(None, code=RAISES.format(error="Could not flush events.out.tfevents.1: No space left on device"))
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert done.stderr.startswith("The disk is full: Could not flush")
    done = command(None, code=RAISES.format(error="Something else"))
    assert (done.returncode, "Traceback" in done.stderr) == (1, True)


SHOWS_A_BAR = """
from tqdm import tqdm
from lottery_tf.command_line import console
def main():
    with tqdm(total=1, disable=None, bar_format="BAR"):
        console.log.info("a line")
console.run(main)
"""


@pytest.mark.slow
def test_lines_stand_above_the_bar_of_a_terminal():
    ours, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    subprocess.run([sys.executable, "-c", SHOWS_A_BAR], cwd=ROOT, stdout=terminal, stderr=terminal, check=True)
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # that there is no more
        while more := os.read(ours, 1000):
            shown += more
    os.close(ours)
    lines = [line.strip() for line in re.split(r"[\r\n]+", shown.decode())]
    at = lines.index("a line")
    assert "BAR" in lines[:at] and "BAR" in lines[at:], "the bar goes for the line, and comes again"


SHOWS = """
from lottery_tf.command_line import console
from lottery_tf.system import processes
def main():
    processes.start_tensorflow(1)
    import keras, matplotlib, os, tensorflow as tf
    print(keras.config.backend(), keras.config.floatx(), keras.config.image_data_format(), keras.config.epsilon())
    print(matplotlib.get_backend(), tf.keras.__name__, "caf\\u00e9 \\u2713")
console.run(main)
"""


def run(code, **environment):
    """Runs some code as a command with other environment variables."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | environment,
                          capture_output=True, text=True, check=False)  # fmt: skip


def keras_home(folder, content):
    """A folder with a `keras.json`, as Keras wants to have it named."""
    (folder / "keras.json").write_text(content)
    return {"KERAS_HOME": str(folder)}


@pytest.mark.slow
def test_a_command_computes_and_draws_the_same_whatever_is_set_for_others(tmp_path):
    others = {"floatx": "float64", "epsilon": 1e-3, "backend": "jax", "image_data_format": "channels_first"}
    done = run(SHOWS, MPLBACKEND="module://no.such.backend", KERAS_BACKEND="torch", TF_USE_LEGACY_KERAS="1",
               PYTHONIOENCODING="ascii", **keras_home(tmp_path, json.dumps(others)))  # fmt: skip
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "tensorflow float32 channels_last 1e-07"
    assert second.lower().startswith("agg keras") and second.endswith(r"caf\xe9 \u2713")
    assert json.loads((tmp_path / "keras.json").read_text()) == others, "a user's file was changed"


@pytest.mark.slow
def test_what_keras_cannot_read_is_told_in_a_sentence(tmp_path):
    done = run(SHOWS, **keras_home(tmp_path, '{"floatx": "float99"}'))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Keras cannot start with the settings in {tmp_path}/keras.json (")
    assert len(done.stderr.splitlines()) == 1


CHATTER = """
import lottery_tf as lt
lt.build("fc")
"""


@pytest.mark.slow
def test_importing_the_library_is_as_quiet_as_its_user_asked_for():
    assert run(CHATTER, TF_CPP_MIN_LOG_LEVEL="3").stderr == ""
