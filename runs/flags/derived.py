"""Flags made from the fields of a dataclass: name, type and default as there, the help from its docstring."""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
import typing
from collections.abc import Collection, Mapping

from absl import flags

from lottery_tf.command_flags import define_list
from lottery_tf.models import settings as tables

flags.disclaim_key_flags()  # a flag belongs to the module that asks for it

SCALARS = {int: flags.DEFINE_integer, float: flags.DEFINE_float, str: flags.DEFINE_string, bool: flags.DEFINE_bool}
NAME_IN_TABLE = re.compile(r"(a name|names) in `(\w+)`")
CHOOSE = {"a name": "one of", "names": "any of"}


def define(
    settings: type,
    chosen: Collection[str],
    *,
    rename: Mapping[str, str] | None = None,
    several: Collection[str] = (),
    defaults: Mapping[str, object] | None = None,
    note: str = "",
) -> dict[str, flags.FlagHolder]:
    """Defines a flag for each of some fields of a dataclass.

    Args:
      settings: the dataclass. Its docstring says under "Attributes" what each field means; where that is "a name in
        `TABLE`" (or "names in"), a table of its module or of `settings`, the flag's help lists them.
      chosen: the fields; see `fields`.
      rename: field -> flag, where it is not called as the field is.
      several: fields that the flag takes several values of.
      defaults: field -> the flag's default, where it is not the field's.
      note: what the help says of flags that are None by default.

    Returns:
      The flags by their fields; see `values`.
    """
    texts, types = attribute_texts(settings), typing.get_type_hints(settings)
    holders = {}
    for field in dataclasses.fields(settings):
        if field.name not in chosen:
            continue
        name = (rename or {}).get(field.name, field.name)
        usual = [field.default] if field.name in several else field.default
        default = (defaults or {}).get(field.name, None if usual is dataclasses.MISSING else usual)
        default = list(default) if isinstance(default, tuple) else default
        text = _readable(texts[field.name], vars(tables) | vars(sys.modules[settings.__module__]))
        text += f" {note}" if default is None and note else ""
        kind = _without_none(types[field.name])
        if field.name in several or typing.get_origin(kind) is tuple:
            item = kind if field.name in several else typing.get_args(kind)[0]
            holders[field.name] = define_list(name, default, text, item, may_be_empty=default in (None, []))
        else:
            holders[field.name] = SCALARS[kind](name, default, text)
    return holders


def fields(settings: type, *, but: Collection[str] = ()) -> list[str]:
    """The names of all fields of a dataclass but some."""
    return [field.name for field in dataclasses.fields(settings) if field.name not in but]


def values(holders: Mapping[str, flags.FlagHolder]) -> dict[str, object]:
    """What the flags of some fields say, by field; lists as tuples, as dataclasses have them."""
    return {
        field: tuple(holder.value) if isinstance(holder.value, list) else holder.value
        for field, holder in holders.items()
    }


def attribute_texts(settings: type) -> dict[str, str]:
    """What a class's docstring says of each of its attributes, in one line.

    >>> from lottery_tf.supermasks.mask_settings import MaskSettings
    >>> attribute_texts(MaskSettings)["l1"]
    'factor of the L1 penalty on mask probabilities.'
    """
    section = inspect.getdoc(settings).partition("Attributes:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^  (\w[\w, ]*): (.*(?:\n    .*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for names, text in found for name in names.split(", ")}


def _readable(text: str, module: Mapping[str, object]) -> str:
    """The text as a sentence, with the names themselves in place of the tables that hold them."""
    named = NAME_IN_TABLE.sub(lambda found: f"{CHOOSE[found[1]]} {', '.join(module[found[2]])}", text)
    named = re.sub(r"\bNone\b", "not given", named).replace("`", "")
    return named[0].upper() + named[1:]


def _without_none(hint: object) -> object:
    """The type of what is given, of a type that may be None as well."""
    kinds = typing.get_args(hint)
    return kinds[0] if type(None) in kinds else hint
