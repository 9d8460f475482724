"""Kinds of flags, messages about invalid command lines, and `--help`. It does not import TensorFlow."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from absl import flags

from lottery_tf.argument_checks.validation import PATH
from lottery_tf.errors import InputError, user_message
from lottery_tf.registry import choose, nearest

flags.disclaim_key_flags()  # a flag belongs to the module that calls a function of this module

CALLED = "lottery-tf"  # the command that is installed, and the package that is the same one
HELP = {"--help", "-help", "-h", "--h", "-?", "--helpshort"}
RESULTS = "Which results"
GROUPS = {  # title in --help -> its flags in this order; flags without a group come last
    RESULTS: ("network", "schedule", "precision"),  # of a command that reads results and trains nothing
    "What": (
        "study", "suite", "measure", "metric", "figure", "table", "kind", "network", "networks", "dataset", "criterion",
        "mask1", "mask0", "scope", "rewind_to", "rounds", "kept_fraction", "controls", "weights", "weight_multiplier",
        "g", "rescale", "initial_logit", "mask_preset", "source", "at", "between", "run", "untrained", "seeds",
    ),
    "How long": (
        "schedule", "iterations", "epochs", "mask_iterations", "levels", "control_draws", "repeats", "dry_run",
    ),
    "Where": (
        "results_dir", "data_dir", "out", "to", "format", "json", "keep", "engine", "workers", "threads", "address",
    ),
}  # fmt: skip
OTHERS = "Advanced"
WANTED = {  # what absl says that a flag takes -> what the message says
    "an integer": "a whole number",
    "a positive integer": "a whole number of at least 1",
    "a non-negative integer": "a whole number of at least 0",
    "a non-negative number": "a number of at least 0",
}
SHORT = 40  # the longest default, in characters, that is printed beside its flag


class _Path(flags.ArgumentParser):
    syntactic_help = "the path of a file or folder"

    def __init__(self, name: str, needed: bool):
        self._name, self._needed = name, needed

    def parse(self, argument: str) -> str:
        if argument or self._needed:  # for other flags, an empty value means that none is given
            PATH(f"--{self._name}", argument)
        return os.path.expanduser(argument)


def define_path(name: str, default: str | None, text: str) -> flags.FlagHolder[str]:
    """Defines a flag whose value is a file or folder; it expands `~`, because most shells do not in `--flag=~/x`."""
    return flags.DEFINE(_Path(name, default is not None), name, default, text)


def define_results_dir(more: str = "") -> flags.FlagHolder[str]:
    """Defines the flag for the folder of all results; `more` is added to its help."""
    return define_path("results_dir", "results", f"Folder of all results.{more}")


class _Choice(flags.ArgumentParser):
    def __init__(self, name: str, choices: Collection[str]):
        self._name, self._choices = name, dict.fromkeys(choices)

    def parse(self, argument: str) -> str:
        choose(self._choices, argument, self._name)
        return argument


def define_choice(name: str, default: str | None, choices: Collection[str], text: str) -> flags.FlagHolder[str]:
    """Defines a flag whose value is one of some names. The message for an unknown name suggests the nearest one."""
    return flags.DEFINE(_Choice(name, choices), name, default, text)


class _List(flags.ArgumentParser):
    def __init__(self, name: str, item: type, may_be_empty: bool):
        self._name, self._item, self._may_be_empty = name, item, may_be_empty

    def parse(self, argument: str | list) -> list:
        if isinstance(argument, list):
            return argument
        words = [word.strip() for word in argument.split(",")] if argument else []
        values = [value for word in words for value in _values(self._name, self._item, word)]
        if not values and not self._may_be_empty:
            raise InputError(f"--{self._name} is empty; it needs at least one value.")
        if repeated := [value for value in values if values.count(value) > 1]:
            raise InputError(f"--{self._name} gives {repeated[0]!r} more than once.")
        return values


def _values(name: str, item: type, word: str) -> Sequence[Any]:
    """Returns the values of one part of a list: one value, or a range of whole numbers."""
    if item is int:
        if not (found := re.fullmatch(r"(\d+)(?:-(\d+))?", word)):
            raise InputError(f"--{name} takes whole numbers of at least 0, or ranges such as 0-4; {word!r} is neither.")
        first, last = int(found[1]), int(found[2] or found[1])
        if not 0 <= last - first < 10_000:
            raise InputError(f"--{name} takes increasing ranges of fewer than 10,000 numbers; {word!r} is not one.")
        return range(first, last + 1)
    try:
        return [item(word)]
    except ValueError:
        raise InputError(f"--{name} takes numbers; {word!r} is not one.") from None


def define_list(
    name: str, default: list | None, text: str, item: type = str, *, may_be_empty: bool = False
) -> flags.FlagHolder[list]:
    """Defines a flag whose value is a list, separated by commas and without duplicates.

    Its items are of the type str, float, or int for whole numbers of at least 0 and ranges of them ("0-4,7").
    """
    serializer = flags.CsvListSerializer(",")
    return flags.DEFINE(_List(name, item, may_be_empty), name, default, text, serializer=serializer)


class _OldFlag(flags.Flag):
    def __init__(self, name: str, flag: flags.Flag):
        super().__init__(flag.parser, None, name, None, f"The former name of --{flag.name}.", boolean=flag.boolean)
        self._flag = flag

    def parse(self, argument: Any) -> None:
        note_old_name(f"--{self.name}", f"--{self._flag.name}")
        self._flag.parse(argument)
        self.present += 1


def define_old_name(old: str, new: str) -> None:
    """Defines the former name of a flag. It sets the flag, and notes what that is called now."""
    flags.DEFINE_flag(_OldFlag(old, flags.FLAGS[new]))


def note_old_name(old: str, new: str) -> None:
    """Prints on standard error that something in a command line has another name now."""
    print(f"{old} is now called {new}.", file=sys.stderr)


def parse(words: Sequence[str]) -> list[str]:
    """Sets the flags of a command line and returns its other words; prints the help if it is asked for.

    An invalid command line ends the command with a sentence.
    """
    if any(word in HELP for word in words[1:]):
        print(help_text())
        sys.stdout.flush()
        sys.exit(0)
    try:
        return flags.FLAGS(words)
    except (flags.Error, UnicodeDecodeError) as error:
        print(_misunderstood(error), file=sys.stderr)
        sys.exit(2)


def _misunderstood(error: flags.Error | UnicodeDecodeError) -> str:
    """Describes why a command line is invalid."""
    if isinstance(error, UnicodeDecodeError):
        return f"The file given by --flagfile is not a text file: {error}."
    if message := error.__context__ and user_message(error.__context__):  # an InputError, or a missing --flagfile
        return message
    if isinstance(error, flags.UnrecognizedFlagError):
        return f"There is no flag --{error.flagname}{_hint(error.flagname, ' --help shows all.')}"
    if found := re.match(r"flag --(\w+)=(.*?): (.*)", str(error), re.DOTALL):
        name, value, reason = found.groups()
        wanted = flags.FLAGS[name].parser.syntactic_help
        wanted = WANTED.get(wanted, wanted)
        return f"--{name} takes {wanted}; {value!r} is not one." if wanted else f"--{name} is {value!r}: {reason}."
    return f"{error}."


def refusal(word: str) -> str:
    """Returns the message for a word on a command line that is not a flag.

    >>> refusal("stray")
    "'stray' is not a flag. Flags begin with --."
    """
    return f"{word!r} is not a flag{_hint(word.partition('=')[0], ' Flags begin with --.')}"


def _hint(name: str, otherwise: str) -> str:
    near = nearest(name, (flag.name for flag in own_flags()))
    return f"; did you mean --{near}?" if near else f".{otherwise}"


def own_flags() -> Iterator[flags.Flag]:
    """Yields the flags of this project in the order of their definition, without those of absl."""
    for module, found in flags.FLAGS.flags_by_module_dict().items():
        if not module.startswith("absl."):
            yield from found


def command_name() -> str:
    """Returns the name of the module that runs as the command."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name.removesuffix(".__main__") if spec else os.path.basename(sys.argv[0])


def call(module: str) -> str:
    """Returns the command line of a command, in the form in which the present command was called.

    >>> call("runs.lottery")
    'python -m runs.lottery'
    """
    by_name = any(os.path.basename(word).replace("_", "-") == CALLED for word in sys.orig_argv[:3])
    return f"{CALLED} {module.rpartition('.')[2]}" if by_name else f"python -m {module}"


def help_text() -> str:
    """Returns the help text: the command's docstring, and all its flags in groups."""
    of_command = {flag.name: flag for flag in own_flags()}
    trains = "dry_run" in of_command
    titles = [title for title in GROUPS if title != RESULTS or not trains]
    groups = {title: [of_command.pop(name) for name in GROUPS[title] if name in of_command] for title in titles}
    groups[OTHERS] = list(of_command.values())
    about = inspect.cleandoc(sys.modules["__main__"].__doc__ or "")
    lines = [re.sub(r"python -m ((?:runs|analysis)\.\w+)", lambda found: call(found[1]), about)]
    for title, found in groups.items():
        lines += ["", f"{title}:"] if found else []
        for flag in found:
            lines += _flag_lines(flag)
    return "\n".join([*lines, "", "--flagfile=FILE reads flags from a file with one flag on each line."])


def _flag_lines(flag: flags.Flag) -> list[str]:
    """Returns a flag, its default and its help as lines of text."""
    default = "" if flag.default in (None, [], "", False) else (flag.default_as_str or "").strip("'")
    long = f" Default: {default.replace(',', ', ')}." if len(default) > SHORT else ""
    shown = f"  --{'[no]' if flag.boolean else ''}{flag.name}{f'={default}' if default and not long else ''}"
    width = min(120, shutil.get_terminal_size().columns)
    return [shown, *textwrap.wrap(f"{flag.help}{long}", width, initial_indent=6 * " ", subsequent_indent=6 * " ")]
