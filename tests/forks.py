"""Commands in forks of a process that has imported what they need: each with flags, output and an end of its own.

Importing TensorFlow takes seconds of processor time, more than what most tests have a command do.
"""

from __future__ import annotations

import gc
import glob
import importlib
import itertools
import json
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable
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

    def run(self, module: str, *arguments, killed_at: tuple[Path, int] | None = None) -> subprocess.CompletedProcess:
        """`python -m MODULE ARGUMENTS` from the checkout, ended or killed.

        Args:
          module: what is run.
          *arguments: its command line.
          killed_at: a file and n: it is killed while it writes the file for the n-th time.
        """
        words = [module, *map(str, arguments)]
        request = {"words": words, "outputs": [str(path) for path in self._outputs]}
        request["killed_at"] = killed_at and (str(killed_at[0]), killed_at[1])
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        status = int(self._server.stdout.readline())
        return subprocess.CompletedProcess(words, status, *(path.read_text() for path in self._outputs))

    def close(self) -> None:
        self._server.stdin.close()
        self._server.wait()


def perform(words: list[str], outputs: list[str], killed_at: tuple[str, int] | None, seconds: int = 600) -> None:
    """Runs a command in this process, whose standard output and error go to files."""
    signal.alarm(seconds)
    if killed_at:
        kill_at(*killed_at)
    for path, descriptor in zip(outputs, (1, 2), strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.argv = words
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def kill_at(path: str, number: int, victim: Callable[[], int | None] = os.getpid) -> None:
    """Has a process be killed just before this one gives a file its name for the n-th time.

    Args:
      path: the path of the file, or its end.
      number: n.
      victim: returns the process; None: none.
    """
    replace, written = os.replace, itertools.count(1)

    def kill_or_replace(source, target):
        if str(target).endswith(path) and next(written) == number and (process := victim()):
            os.kill(process, signal.SIGKILL)
        replace(source, target)

    os.replace = kill_or_replace


def python_with_kills(folder: Path, kills: dict[str, tuple[str, int, str]]) -> str:
    """The PYTHONPATH of commands in whose processes kills happen, each once.

    Args:
      folder: an empty folder; a file in it for each kill that is yet to happen.
      kills: by name the path and the number of `kill_at`, and whom they hit: "" the process itself, or a pattern of
        the files that say its number.
    """
    for name in kills:
        (folder / name).touch()
    code = f"import sys\nsys.path.append({str(ROOT / 'tests')!r})\nimport forks\nsys.path.pop()\n"
    code += "".join(f"forks.kill_once({str(folder / name)!r}, *{kill!r})\n" for name, kill in kills.items())
    (folder / "sitecustomize.py").write_text(code)  # Python imports it at the start
    return os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))


def kill_once(token: str, path: str, number: int, victim: str) -> None:
    """`kill_at`, unless it has happened in any process; then the file `token` is gone."""

    def whom() -> int | None:
        try:
            os.unlink(token)
        except FileNotFoundError:
            return None
        return json.loads(Path(*glob.glob(victim)).read_text())["process"] if victim else os.getpid()

    kill_at(path, number, whom)


def serve(modules: list[str], blocked: list[str]) -> None:
    """Does what is asked for on standard input, a line each, and answers with exit statuses on standard output."""
    sys.path[0] = os.getcwd()  # as `python -m` has it
    for name in modules:
        importlib.import_module(name)
    sys.modules |= dict.fromkeys(blocked)
    gc.freeze()  # memory that no fork's garbage collector writes to is shared
    context = multiprocessing.get_context("fork")
    for line in sys.stdin:
        process = context.Process(target=perform, kwargs=json.loads(line))
        process.start()
        process.join()
        print(process.exitcode, flush=True)


if __name__ == "__main__":
    serve(**json.loads(sys.argv[1]))
