"""Looks up values and functions by name, and calls functions with the arguments that their parameters name."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lottery_tf.errors import InputError


def choose(table: Mapping[str, Any], name: str, kind: str) -> Any:
    """Returns `table[name]`; the error for an unknown name lists the valid names and suggests the nearest one.

    >>> choose({"rewind": 1, "reinit": 2}, "rewnd", "mask-1 action")
    Traceback (most recent call last):
    lottery_tf.errors.InputError: Unknown mask-1 action 'rewnd'; did you mean 'rewind'? Valid: rewind, reinit.
    """
    if not isinstance(name, str):
        raise InputError(f"The {kind} {name!r} is not a name. Valid: {', '.join(table)}.")
    if name in table:
        return table[name]
    near = nearest(name, table)
    hint = f"; did you mean {near!r}?" if near else "."
    raise InputError(f"Unknown {kind} {name!r}{hint} Valid: {', '.join(table)}.")


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Returns the name that somebody who typed another one may have meant; None if none is near.

    >>> nearest("widht", ["height", "width"]), nearest("colour", ["height", "width"])
    ('width', None)
    """
    return next(iter(difflib.get_close_matches(name, list(names), n=1)), None)


def find_function(table: Mapping[str, Callable], name: str, kind: str, offers: tuple[str, ...]) -> Callable:
    """Returns the function called `name` from `table`, or imports it if the name is `package.module:function`.

    `kind` is the kind of function for messages, and `offers` are the names that its parameters may have; see
    `call_by_parameter_names`.

    Raises:
      InputError: the name is not a string, the name, module or function does not exist, or a parameter is unknown.
    """
    if not isinstance(name, str):
        raise InputError(
            f"The {kind} {name!r} is not a name. Results are stored by name: give 'package.module:function', or "
            "'__main__:function' for a function of a script or notebook."
        )
    found = _imported(name, kind) if ":" in name else choose(table, name, kind)
    _check_signature(found, f"The {kind} {name!r}")
    unknown = [parameter for parameter in _parameters(found, required=True) if parameter not in offers]
    if unknown:
        raise InputError(
            f"The {kind} {name!r} has the parameters {', '.join(unknown)}; it may have {', '.join(offers)}."
        )
    return found


def _imported(name: str, kind: str) -> Callable:
    module_name, _, attribute = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, SyntaxError, TypeError, ValueError) as error:
        raise InputError(f"The {kind} {name!r}: cannot import {module_name!r} ({error}).") from error
    found = getattr(module, attribute, None)
    if not callable(found):
        raise InputError(f"The {kind} {name!r}: {module_name!r} has no function {attribute!r}.")
    return found


def _parameters(chosen: Callable, required: bool) -> list[str]:
    """Returns the names of a function's parameters in order; with `required` only those without a default."""
    parameters = inspect.signature(chosen).parameters.values()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return [p.name for p in named if not required or p.default is p.empty]


def _check_signature(chosen: Callable, what: str) -> None:
    try:
        parameters = inspect.signature(chosen).parameters.values()
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} has no readable signature ({error}).") from error
    if any(p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL) for p in parameters):
        raise InputError(f"{what} has positional-only parameters; it is called with named arguments.")


def asks_for(chosen: Callable, parameter: str) -> bool:
    """Returns whether a criterion or action has a parameter of this name."""
    return parameter in _parameters(chosen, required=False)


def call_by_parameter_names(chosen: Callable, **offered: Any) -> Any:
    """Calls a criterion or action with the offered arguments that its parameters name.

    >>> call_by_parameter_names(lambda w_i, w_f: w_f - w_i, w_i=1, w_f=3, gradient=None)
    2
    """
    return chosen(**{name: offered[name] for name in _parameters(chosen, required=False) if name in offered})
