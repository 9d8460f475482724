"""Old names of methods, properties and arguments. They still work, and warn."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import types
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

C = TypeVar("C", bound=Callable)

PASSED_OVER = ("lottery_tf", "importlib", "_frozen_importlib")  # packages whose lines are not the user's


def warn_of(old: str, new: str) -> None:
    """Warns the user's line that a name is an old one."""
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in PASSED_OVER:
        frame = frame.f_back
    names = frame.f_globals
    warnings.warn_explicit(
        f"{old} is now called {new}.",
        DeprecationWarning,
        frame.f_code.co_filename,
        frame.f_lineno,
        module=names.get("__name__"),
        registry=names.setdefault("__warningregistry__", {}),
    )


def old_name(old: str, new: str) -> Callable[..., Any]:
    """Returns a method that does what the method or property called `new` does, and warns that it is called so now.

    >>> class Ticket:
    ...     def pruned_fraction(self):
    ...         return 0.8
    ...
    ...     pruned = old_name("pruned", "pruned_fraction")
    >>> with warnings.catch_warnings(record=True) as warned:
    ...     warnings.simplefilter("always")
    ...     Ticket().pruned(), str(warned[0].message)
    (0.8, 'Ticket.pruned is now called Ticket.pruned_fraction.')
    """

    def method(self, *arguments, **keywords):  # without annotations, `checked` does not wrap it
        warn_of(f"{type(self).__name__}.{old}", f"{type(self).__name__}.{new}")
        value = getattr(self, new)
        return value(*arguments, **keywords) if callable(value) else value

    method.__name__, method.__doc__ = old, f"Does what `{new}` does; this is its old name."
    return method


def old_property(old: str, new: str) -> property:
    """Returns a property that has become a function of one argument, and warns; `new` is its path in this package."""

    def value(self):
        warn_of(f"{type(self).__name__}.{old}", f"lottery_tf.{new}")
        module, _, name = new.rpartition(".")
        return getattr(importlib.import_module(f"lottery_tf.{module}"), name)(self)

    return property(value, doc=f"Does what `{new}` does; this is its old name.")


def old_arguments(values: Mapping[str, Mapping] = types.MappingProxyType({}), **names: str) -> Callable[[C], C]:
    """Makes a function, or the methods of a class, take arguments by their old names too, and warn.

    It stands above `checked`, which knows the new names only.

    Args:
      values: the new value of each old one, for arguments whose values have other names too.
      **names: old name = new name. The alias applies to each method with a parameter of the new name.

    >>> @old_arguments(rate="kept_fraction")
    ... class Ticket:
    ...     def prune(self, kept_fraction):
    ...         return kept_fraction
    >>> with warnings.catch_warnings(record=True) as warned:
    ...     warnings.simplefilter("always")
    ...     Ticket().prune(rate=0.2), str(warned[0].message)
    (0.2, 'The argument rate of Ticket.prune is now called kept_fraction.')
    """

    def decorated(owner: C) -> C:
        if isinstance(owner, types.FunctionType):
            return _with_new_names(owner, names, values)
        for name, method in list(vars(owner).items()):
            if isinstance(method, types.FunctionType) and (name == "__init__" or not name.startswith("_")):
                parameters = inspect.signature(method).parameters
                if renamed := {old: new for old, new in names.items() if new in parameters}:
                    setattr(owner, name, _with_new_names(method, renamed, values))
        return owner

    return decorated


def _with_new_names(method: Callable, names: Mapping[str, str], values: Mapping[str, Mapping]) -> Any:
    @functools.wraps(method)
    def call(*arguments, **keywords):
        for old in names.keys() & keywords.keys():
            new, value = names[old], keywords.pop(old)
            warn_of(f"The argument {old} of {method.__qualname__.removesuffix('.__init__')}", new)
            if new in keywords:
                raise TypeError(f"{method.__qualname__}() got the argument {new!r} under its old name {old!r} too.")
            keywords[new] = values[old].get(value, value) if old in values else value
        return method(*arguments, **keywords)

    return call
