"""Commands in forks of a process that has imported what they need: each with flags, output and an end of its own.

Importing TensorFlow takes seconds of processor time, more than what most tests have a command do.
"""

from __future__ import annotations

import gc
import glob
import importlib
import json
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Forks:
    """A process that imports some modules, waits for commands and forks for each.

    Args:
      folder: where the commands' output is kept until it is read.
      modules: what is imported.
      blocked: modules that cannot be imported in these processes.
    """

    def __init__(self, folder: Path, modules: tuple[str, ...], blocked: tuple[str, ...] = ()):
        self._outputs = [folder / "stdout", folder / "stderr"]
        words = json.dumps({"modules": modules, "blocked": blocked})
        self._server = subprocess.Popen(
            [sys.executable, __file__, words],
            cwd=ROOT,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"},  # what commands keep quiet while they load TensorFlow
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, module: str, *arguments, kill_at: str = "", delay: float = 0.0) -> subprocess.CompletedProcess:
        """`python -m MODULE ARGUMENTS` from the checkout, ended or killed.

        Args:
          module: what is run.
          *arguments: its command line.
          kill_at: it is killed as soon as a path of this pattern is there, and
          delay: after so many seconds more.
        """
        words = [module, *map(str, arguments)]
        request = {"words": words, "outputs": [str(path) for path in self._outputs]}
        self._server.stdin.write(json.dumps([request, str(kill_at), delay]) + "\n")
        self._server.stdin.flush()
        status = int(self._server.stdout.readline())
        return subprocess.CompletedProcess(words, status, *(path.read_text() for path in self._outputs))

    def close(self) -> None:
        self._server.stdin.close()
        self._server.wait()


def perform(words: list[str], outputs: list[str], seconds: int = 600) -> None:
    """Runs a command in this process, whose standard output and error go to files."""
    signal.alarm(seconds)
    for path, descriptor in zip(outputs, (1, 2), strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def serve(modules: list[str], blocked: list[str]) -> None:
    """Does what is asked for on standard input, a line each, and answers with exit statuses on standard output."""
    sys.path[0] = os.getcwd()  # as `python -m` has it
    for name in modules:
        importlib.import_module(name)
    sys.modules |= dict.fromkeys(blocked)
    gc.freeze()  # memory that no fork's garbage collector writes to is shared
    context = multiprocessing.get_context("fork")
    for line in sys.stdin:
        request, kill_at, delay = json.loads(line)
        process = context.Process(target=perform, kwargs=request)
        process.start()
        while kill_at and process.is_alive() and not glob.glob(kill_at, recursive=True):
            process.join(0.01)
        if kill_at:
            time.sleep(delay)
            process.kill()
        process.join()
        print(process.exitcode, flush=True)


if __name__ == "__main__":
    serve(**json.loads(sys.argv[1]))
