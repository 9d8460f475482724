"""Identifies a user's functions and classes by their code, so that results of other code are not taken for theirs."""

from __future__ import annotations

import hashlib
import platform
import sys
import types
from collections.abc import Iterator
from typing import Any

LIBRARIES = {"keras", "tensorflow", "lottery_tf", *sys.stdlib_module_names}  # their code is identified by name
WITHOUT_EFFECT = ("get_config", "from_config", "__repr__", "__doc__", "__module__", "__qualname__", "__firstlineno__")
SIMPLE = (bool, int, float, complex, str, bytes, type(None))


def is_own(value: Any) -> bool:
    """Returns whether a function, class or object is a user's: not of Python, Keras or this package."""
    module = getattr(value, "__module__", None) or "builtins"
    return module.partition(".")[0] not in LIBRARIES


def describe_code(*functions_or_classes: Any) -> dict[str, str]:
    """Returns a hash of the code of functions and of all methods of classes; {} if none of them is a user's.

    Comments, line numbers and file names do not count. Plain values that the code reads from outside (default
    arguments, variables of enclosing functions, global constants) do. The hash is of Python's bytecode, so its key
    names the version of Python; hashes of other versions have another key and are not compared.

    >>> twice, again, thrice = (eval(f"lambda x: {n} * x", {"__name__": "mine"}) for n in (2, 2, 3))
    >>> describe_code(twice) == describe_code(again), describe_code(twice) == describe_code(thrice)
    (True, False)
    """
    digest, parts = hashlib.sha256(), [part for each in functions_or_classes for part in _parts(each)]
    for part in parts:
        digest.update(part.encode())
    version = "_".join(platform.python_version_tuple()[:2])
    return {f"python_{version}": digest.hexdigest()[:12]} if parts else {}


def functions_in(value: Any) -> list[Any]:
    """Returns the user's functions in a value, which may be a list or a dictionary of values."""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else None
    if values is not None:
        return [function for each in values for function in functions_in(each)]
    return [value] if isinstance(value, types.FunctionType) and is_own(value) else []


def _parts(value: Any) -> Iterator[str]:
    """Yields what identifies the code of a function or class, and the simple values that it uses."""
    if isinstance(value, type):
        for cls in filter(is_own, value.__mro__):
            yield cls.__name__
            for name, member in sorted(vars(cls).items()):
                if name not in WITHOUT_EFFECT:
                    yield from (f"{name}: {part}" for part in _parts(_function_of(member)))
    elif isinstance(value, types.FunctionType) and is_own(value):
        yield from _code(value.__code__)
        outside = dict(zip(value.__code__.co_freevars, map(_content, value.__closure__ or ()), strict=True))
        outside |= {name: value.__globals__[name] for name in value.__code__.co_names if name in value.__globals__}
        outside |= {"defaults": value.__defaults__, **(value.__kwdefaults__ or {})}
        yield from (f"{name} = {each!r}" for name, each in outside.items() if _is_simple(each))
    elif _is_simple(value) and value is not None:
        yield repr(value)


def _code(code: types.CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield " ".join(code.co_names)
    for constant in code.co_consts:
        yield from _code(constant) if isinstance(constant, types.CodeType) else [repr(constant)]


def _function_of(member: Any) -> Any:
    """Returns the function behind a property, a class method or a static method; other members as they are."""
    return getattr(member, "fget", None) or getattr(member, "__func__", member)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet filled
        return None


def _is_simple(value: Any) -> bool:
    return all(map(_is_simple, value)) if isinstance(value, tuple) else isinstance(value, SIMPLE)
