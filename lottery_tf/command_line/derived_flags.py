"""Makes flags from the fields of a dataclass: name, type and default from the field, the help from the docstring."""

from __future__ import annotations

import collections
import dataclasses
import inspect
import re
import sys
import typing
from collections.abc import Callable, Collection, Mapping
from typing import Any

from absl import flags

from lottery_tf.command_line.command_flags import define_list

flags.disclaim_key_flags()  # a flag belongs to the module that calls `define`

SCALARS: dict[type, Callable] = {
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
    bool: flags.DEFINE_bool,
}
NAME_IN_TABLE = re.compile(r"(a name|names) in `(\w+)`")
CHOOSE = {"a name": "one of", "names": "any of"}


def define(
    settings: type,
    chosen: Collection[str],
    *,
    rename: Mapping[str, str] | None = None,
    several: Collection[str] = (),
    defaults: Mapping[str, Any] | None = None,
    note: str = "",
    tables: Mapping[str, Collection[str]] | None = None,
) -> dict[str, flags.FlagHolder]:
    """Defines a flag for each of the chosen fields of a dataclass.

    Args:
      settings: the dataclass. Its docstring describes each field under "Attributes". If a description contains "a name
        in `TABLE`" or "names in `TABLE`", the flag's help lists the names instead, with their descriptions
        if the table's values are texts. The table is looked up in `tables`, then in the modules of the dataclass and
        its base classes.
      chosen: the fields; see `fields`.
      rename: field -> name of its flag, if the two differ.
      several: fields whose flag takes a list of values.
      defaults: field -> default of its flag, if it differs from the field's default.
      note: text that is added to the help of flags whose default is None.
      tables: further tables by name.

    Returns:
      The flags by their fields; see `values`.
    """
    texts, types = attribute_texts(settings), typing.get_type_hints(settings)
    known = collections.ChainMap(dict(tables or {}), *(vars(sys.modules[base.__module__]) for base in settings.__mro__))
    holders = {}
    for field in dataclasses.fields(settings):
        if field.name not in chosen:
            continue
        name = (rename or {}).get(field.name, field.name)
        usual = [field.default] if field.name in several else field.default
        default = (defaults or {}).get(field.name, None if usual is dataclasses.MISSING else usual)
        default = list(default) if isinstance(default, tuple) else default
        text = _readable(texts[field.name], known)
        text += f" {note}" if default is None and note else ""
        kind = _without_none(types[field.name])
        if field.name in several or typing.get_origin(kind) is tuple:
            item = kind if field.name in several else typing.get_args(kind)[0]
            holders[field.name] = define_list(name, default, text, item, may_be_empty=default in (None, []))
        else:
            holders[field.name] = SCALARS[kind](name, default, text)
    return holders


def fields(settings: type, *, but: Collection[str] = ()) -> list[str]:
    """Returns the names of all fields of a dataclass, except those in `but`."""
    return [field.name for field in dataclasses.fields(settings) if field.name not in but]


def values(holders: Mapping[str, flags.FlagHolder]) -> dict[str, object]:
    """Returns the values of flags by field; lists become tuples, as the dataclasses need them."""
    return {
        field: tuple(holder.value) if isinstance(holder.value, list) else holder.value
        for field, holder in holders.items()
    }


def attribute_texts(settings: type) -> dict[str, str]:
    """Returns the description of each attribute in a class's docstring, as one line.

    >>> from lottery_tf.supermasks.mask_settings import MaskSettings
    >>> attribute_texts(MaskSettings)["l1"]
    'factor of the L1 penalty on mask probabilities.'
    """
    section = (inspect.getdoc(settings) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
    found = re.findall(r"^  (\w[\w, ]*): (.*(?:\n    .*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for names, text in found for name in names.split(", ")}


def _readable(text: str, module: Mapping[str, Any]) -> str:
    """Returns the text as a sentence, in which the names of a table replace the name of the table."""
    named = NAME_IN_TABLE.sub(lambda found: f"{CHOOSE[found[1]]} {_names_of(module[found[2]])}", text)
    named = re.sub(r"\bNone\b", "not given", named).replace("`", "")
    return named[0].upper() + named[1:]


def _names_of(table: Collection[str]) -> str:
    """Returns the names in a table, each with its description if it has one."""
    descriptions = table if isinstance(table, Mapping) else {}
    return ", ".join(
        f"{name} ({description})" if isinstance(description := descriptions.get(name), str) else name for name in table
    )


def _without_none(hint: Any) -> Any:
    """Returns the type X of a hint `X | None`; any other hint as it is."""
    kinds = typing.get_args(hint)
    return kinds[0] if type(None) in kinds else hint
