"""Valid values of settings and of the files of a results folder, as annotations of classes.

`Annotated[int, COUNT]` is a whole number that passes the check `COUNT`. A check consists of validators of the library
attrs, which is the quickest of its kind to import (15 ms), and a message for each. Messages name the field, its value
and the values that are valid. `annotation_checks` checks values against annotations.
"""

from __future__ import annotations

import os
import types
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Annotated, Any

from attrs import validators

from lottery_tf.errors import InputError

Validator = Callable[[Any, Any, Any], Any]
Check = Callable[[str, Any], None]  # of a name and its value; raises InputError

WHOLE_LIMIT = 2**63  # whole numbers are stored in 64 bits
ATTRIBUTE = types.SimpleNamespace(name="value")  # attrs' validators put its name in messages, which are not shown


def make_check(*steps: tuple[str, Validator]) -> Check:
    """Returns a check of several steps. Each is the message for an invalid value, and a validator.

    >>> make_check(("it must be below 3", validators.lt(3)))("level", 5)
    Traceback (most recent call last):
    lottery_tf.errors.InputError: level is 5; it must be below 3.
    """

    def run_steps(name: str, value: object) -> None:
        for wanted, validator in steps:
            try:
                validator(None, ATTRIBUTE, value)
            except (TypeError, ValueError, OverflowError):
                raise InputError(f"{name} is {shown(value)}; {wanted}.") from None

    return run_steps


def shown(value: object) -> str:
    """Returns a value as messages show it, shortened to 100 characters.

    >>> shown("3"), shown("a" * 1000)[-4:]
    ("'3'", 'aaa…')
    """
    try:
        text = repr(value)
    except ValueError:  # a whole number of thousands of digits
        return f"a {type(value).__name__} too long to print"
    return text if len(text) <= 100 else f"{text[:99]}…"


NO_BOOL: Any = validators.not_(validators.instance_of(bool))
WHOLE_NUMBER = ("it must be a whole number", validators.and_(validators.instance_of(Integral), NO_BOOL))
FITTING = (
    "it must be below 2**63 and above -2**63",
    validators.and_(validators.lt(WHOLE_LIMIT), validators.gt(-WHOLE_LIMIT)),
)
NUMBER = ("it must be a number", validators.and_(validators.instance_of(Real), NO_BOOL))
FLOAT32_MAX = 2.0**128 - 2.0**104  # the greatest finite number in float32


def _fits_float32(instance: object, attribute: object, value: Any) -> None:
    if not abs(float(value)) <= FLOAT32_MAX:
        raise ValueError


FINITE_STEP = ("it must be a finite number in float32", _fits_float32)


def at_least(least: int) -> Check:
    """Returns the check for a whole number of at least `least`."""
    return make_check(WHOLE_NUMBER, (f"it must be at least {least}", validators.ge(least)), FITTING)


def at_most(most: int) -> Check:
    """Returns the check for a whole number from 1 to `most`."""
    return make_check(
        WHOLE_NUMBER, ("it must be at least 1", validators.ge(1)), (f"it must be at most {most:,}", validators.le(most))
    )


COUNT = at_least(1)
INDEX = at_least(0)
FINITE = make_check(NUMBER, FINITE_STEP)
NOT_NEGATIVE = make_check(
    NUMBER,
    ("it must be a finite number of at least 0", validators.and_(validators.ge(0), validators.lt(float("inf")))),
    FINITE_STEP,
)
POSITIVE = make_check(
    NUMBER,
    ("it must be a finite number above 0", validators.and_(validators.gt(0), validators.lt(float("inf")))),
    FINITE_STEP,
)
FRACTION = make_check(
    NUMBER, ("it must lie between 0 and 1, both excluded", validators.and_(validators.gt(0), validators.lt(1)))
)
PRUNED_FRACTION = make_check(
    NUMBER,
    ("it must be at least 0 (nothing is pruned) and below 1", validators.and_(validators.ge(0), validators.lt(1))),
)
SHARE = make_check(NUMBER, ("it must be at least 0 and at most 1", validators.and_(validators.ge(0), validators.le(1))))
IS_OBJECT = make_check(("it must be an object with names and values", validators.instance_of(Mapping)))


def _is_path(instance: object, attribute: object, value: Any) -> None:
    path = os.fspath(value)
    if not path or "\0" in path:  # TypeError for a path of bytes
        raise ValueError


PATH = make_check(("it must be the path of a file or folder", _is_path))


def unchecked(name: str, value: object) -> None:
    """Checks nothing: the function checks this argument itself, with a better message."""


# Annotations of arguments and fields
Count = Annotated[int, COUNT]
Index = Annotated[int, INDEX]
Finite = Annotated[float, FINITE]
NotNegative = Annotated[float, NOT_NEGATIVE]
Positive = Annotated[float, POSITIVE]
Fraction = Annotated[float, FRACTION]
FilePath = Annotated[str | os.PathLike, PATH]
Name = Annotated[str, unchecked]  # a name that `registry.choose` looks up
