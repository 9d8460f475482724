"""Commands that are started as from a terminal, however the suite itself was started."""

import glob
import signal
import subprocess
import sys
import time

from shared import HANG_SECONDS, ROOT


def start(words, **options):
    """Starts a command in the checkout that heeds Ctrl-C and hang-ups, its standard error piped as text.

    A suite that runs in the background has its children ignore both.
    """
    return subprocess.Popen(
        words,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed,  # noqa: PLW1509 - the suite has no threads of its own
        **options,
    )


def words(module, *arguments):
    """The words of one of the project's commands."""
    return [sys.executable, "-m", module, *arguments]


def wait_for(condition, process):
    """Waits until something has happened, while a process runs."""
    end = time.monotonic() + HANG_SECONDS
    while not condition():
        assert process.poll() is None and time.monotonic() < end, "it never happened"
        time.sleep(0.01)


def wait_for_file(root, pattern, process):
    """Waits until a process has made a file below a folder; unlike `Path.rglob`, not troubled by folders it renames."""
    wait_for(lambda: glob.glob(f"**/{pattern}", root_dir=root, recursive=True), process)


def _heed():
    for each in (signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_DFL)
