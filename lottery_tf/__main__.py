"""The command `lottery-tf NAME ...`: the same as `python -m runs.NAME ...` or `python -m analysis.NAME ...`.

It also works in projects that have packages of their own called `runs` or `analysis`.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import runpy
import sys
from pathlib import Path

import lottery_tf
from lottery_tf.command_line.command_flags import CALLED, HELP
from lottery_tf.command_line.text_tables import text_table
from lottery_tf.errors import InputError
from lottery_tf.registry import choose

COMMANDS = {  # name -> the module that it runs
    **{
        name: f"runs.{name}"
        for name in ("lottery", "supermask", "learn_mask", "landscape", "study", "status", "ticket", "benchmark")
    },
    **{
        name: f"analysis.{name}" for name in ("export", "tables", "figures", "significance", "claims", "report")
    },
}  # fmt: skip


def main() -> None:
    """Runs the module of a command with the words after its name as its command line."""
    words = sys.argv[1:]
    put_own_packages_first()
    if not words or words[0] in HELP:
        print(overview())
    elif words[0] == "--version":
        print(lottery_tf.__version__)
    else:
        try:
            module = choose(COMMANDS, words[0], "command")
        except InputError as error:
            print(error, file=sys.stderr)
            sys.exit(2)
        sys.argv = sys.argv[1:]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


def put_own_packages_first() -> None:
    """Changes `sys.path` so that imports find this project's packages first, and the current folder's modules last."""
    own, here = str(Path(lottery_tf.__file__).parents[1]), os.getcwd()
    others = [path for path in sys.path if os.path.abspath(path or here) not in (own, here)]
    sys.path[:] = [own, *others, here]


def overview() -> str:
    """Returns a list of all commands, with what each does."""
    rows = [(f"{CALLED} {name}", _first_line(module)) for name, module in COMMANDS.items()]
    commands = text_table(rows, indent="  ")
    return f"{commands}\n\nEach command lists its flags with --help. lottery-tf --version prints the version."


def _first_line(module: str) -> str:
    """Returns the first line of a command's docstring, which says what it does."""
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None, "the commands are installed beside this package"
    path = Path(spec.origin)
    if spec.submodule_search_locations:
        path = path.with_name("__main__.py")
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


if __name__ == "__main__":
    main()
