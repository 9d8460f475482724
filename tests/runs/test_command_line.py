"""What all command lines share: paths with `~`, readers that stop reading, disks that are full."""

import contextlib
import os
import pty
import re
import subprocess
import sys
import termios

import made_up
import pytest
from shared import ROOT


@pytest.mark.parametrize(
    ("module", "arguments", "message"),
    [
        ("runs.status", ["--results_dir=~/none"], "There is no results folder {home}/none."),
        ("runs.ticket", ["pack", "--run=~/none", "--out=~/a.ticket"], "{home}/none"),
        ("runs.landscape", ["--between=~/a,~/b"], "{home}/a"),
        ("analysis.tables", ["--results_dir=~/none"], "There is no folder {home}/none."),
        ("analysis.export", ["--results_dir=~/none"], "There is no results folder {home}/none."),
    ],
)
def test_home_is_found_where_no_shell_puts_it_in(module, arguments, message, command, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    done = command(module, *arguments)
    assert done.returncode == 2
    assert message.format(home=tmp_path) in done.stderr
    assert "~" not in done.stderr


@pytest.mark.parametrize(
    ("module", "flag", "arguments", "message"),
    [
        ("runs.ticket", "--out", ["pack", "--run=none"], "File name too long"),
        ("runs.ticket", "--out", ["pack", "--run=none"], "File exists"),
        ("analysis.figures", "--out", ["--results_dir=analysis/measured"], "Not a directory"),
        ("analysis.figures", "--out", ["--results_dir=analysis/measured"], "Too many levels of symbolic links"),
    ],
)
def test_what_the_system_refuses_is_a_sentence(module, flag, arguments, message, light_command, tmp_path):
    paths = {"File name too long": tmp_path / ("x" * 300) / "y", "Not a directory": tmp_path / "file" / "y",
             "File exists": tmp_path / "file" / "y",
             "Too many levels of symbolic links": tmp_path / "loop" / "y"}  # fmt: skip
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    done = light_command(module, *arguments, f"{flag}={paths[message]}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(f"{tmp_path}") and done.stderr.endswith(f": {message}.\n")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("module", "flag"),
    [
        ("runs.status", "results_dir"),
        ("analysis.figures", "out"),
        ("analysis.export", "out"),
        ("runs.lottery", "results_dir"),
    ],
)
def test_an_empty_path_is_not_the_present_folder(module, flag, light_command):
    done = light_command(module, f"--{flag}=")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"--{flag} is ''; it must be the path of a file or folder.\n"


@pytest.mark.parametrize(
    ("module", "arguments", "made"),
    [
        ("analysis.export", ["--results_dir={results}", "--out={out}/new/r.csv"], "new/r.csv"),
        ("analysis.tables", ["--results_dir={results}", "--out={out}/new/tables"], "new/tables/figure3.md"),
        ("analysis.figures", ["--results_dir={results}", "--figure=3", "--format=svg", "--out={out}/new/figures"],
         "new/figures/figure3.svg"),
    ],
)  # fmt: skip
def test_the_folder_of_out_is_made(module, arguments, made, light_command, tmp_path):
    results = made_up.write_results(tmp_path / "results")
    done = light_command(module, *(each.format(results=results, out=tmp_path) for each in arguments))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / made).stat().st_size > 0


PRINTS = """
from lottery_tf import console
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
from lottery_tf import console
def main():
    raise BrokenPipeError("a worker is gone")
console.run(main)
"""


def test_another_pipe_that_breaks_is_told(command):
    done = command(None, code=BREAKS)
    assert done.returncode == 1 and "BrokenPipeError: a worker is gone" in done.stderr


RAISES = """
from lottery_tf import console
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
from lottery_tf import console
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
