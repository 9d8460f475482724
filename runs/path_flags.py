"""Flags that name a file or folder: `~` means the home directory in them too, where no shell replaces it."""

from __future__ import annotations

import os

from absl import flags

flags.disclaim_key_flags()  # a flag belongs to the module that asks for it


class _Path(flags.ArgumentParser):
    syntactic_help = "a file or folder"

    def parse(self, argument: str) -> str:
        return os.path.expanduser(argument)


def define_path(name: str, default: str | None, text: str) -> flags.FlagHolder[str]:
    """Defines a flag whose value is a path, as `flags.DEFINE_string` does; most shells leave `--flag=~/x` as it is."""
    return flags.DEFINE(_Path(), name, default, text)
