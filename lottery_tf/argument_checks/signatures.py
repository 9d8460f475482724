"""Checks the arguments of public functions against their annotations, before anything else is done with them.

Every public function and class has the decorator `checked`. Annotations are read at the first call, not at import.
"""

from __future__ import annotations

import collections
import dataclasses
import difflib
import functools
import inspect
import pkgutil
import types
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin

from lottery_tf.argument_checks.annotation_checks import check_for
from lottery_tf.argument_checks.validation import Check

C = TypeVar("C")

LAZY_NAMES = {  # a name in annotations that modules import for type checking only -> where it is defined
    "keras": "keras",
    "Experiment": "lottery_tf.experiment:Experiment",
}


def checked(called: C) -> C:
    """Makes a function, or the public methods of a class, check arguments against their annotations.

    If `**keywords` are annotated with a dataclass, `Annotated[Any, ObjectiveSettings]`, its fields are the valid
    keywords.

    A call raises InputError for an argument that does not match its annotation, and TypeError for an unknown keyword,
    with the nearest valid one.

    >>> @checked
    ... def times(count: int, word: str = "a") -> str:
    ...     return count * word
    >>> times("3")
    Traceback (most recent call last):
    lottery_tf.errors.InputError: count is '3'; it must be a whole number.
    >>> times(3, wrod="b")
    Traceback (most recent call last):
    TypeError: times() has no argument 'wrod'; did you mean 'word'?
    """
    if isinstance(called, types.FunctionType):
        return _checked(called, called.__name__)
    owner: Any = called
    for name, method in list(vars(owner).items()):
        if isinstance(method, types.FunctionType) and (name in ("__init__", "__call__") or not name.startswith("_")):
            shown = owner.__name__ if name == "__init__" else name
            setattr(owner, name, _checked(method, shown))
    return called


def _checked(function: types.FunctionType, shown: str) -> Any:
    """Returns a function that checks its arguments first; `shown` is its name in messages."""
    if not any(name != "return" for name in inspect.get_annotations(function)):
        return function

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        signature, checks, further = _plan(function)
        if unknown := [name for name in kwargs if further is not None and name not in further]:
            near = difflib.get_close_matches(unknown[0], further or (), n=1)
            raise TypeError(
                f"{shown}() has no argument {unknown[0]!r}" + (f"; did you mean {near[0]!r}?" if near else ".")
            )
        try:
            given = signature.bind(*args, **kwargs).arguments
        except TypeError:  # a wrong number of arguments: Python's own error says so
            return function(*args, **kwargs)
        for name, value in given.items():
            if name in checks:
                checks[name](name, value)
        return function(*args, **kwargs)

    return call


@functools.cache
def _plan(function: types.FunctionType) -> tuple[inspect.Signature, dict[str, Check], tuple[str, ...] | None]:
    """Returns a function's signature, the check of each parameter, and the keywords that it takes (None: any)."""
    signature = inspect.signature(function)
    names: Any = collections.ChainMap(function.__globals__, cast(Any, _LazyNames()))
    checks: dict[str, Check] = {}
    keywords: tuple[str, ...] | None = ()
    for name, parameter in signature.parameters.items():
        annotation = parameter.annotation
        if isinstance(annotation, str):
            annotation = eval(annotation, {}, names)  # as typing.get_type_hints does
        if parameter.kind is parameter.VAR_KEYWORD:
            fields = get_args(annotation)[-1] if get_origin(annotation) is Annotated else None
            keywords = (
                None if fields is None else (*(keywords or ()), *(each.name for each in dataclasses.fields(fields)))
            )
        elif parameter.kind is not parameter.VAR_POSITIONAL and annotation is not parameter.empty:
            checks[name] = check_for(annotation)
        if keywords is not None and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            keywords = (*keywords, name)
    return signature, checks, keywords


class _LazyNames(Mapping):
    """The names of `LAZY_NAMES`, imported when an annotation with them is read."""

    def __getitem__(self, name: str) -> Any:
        return pkgutil.resolve_name(LAZY_NAMES[name])

    def __iter__(self):
        return iter(LAZY_NAMES)

    def __len__(self) -> int:
        return len(LAZY_NAMES)
