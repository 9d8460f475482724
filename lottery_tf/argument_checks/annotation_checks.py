"""Checks values against annotations: the fields of a dataclass, the entries of a dictionary, a single value.

`check_fields` checks the fields of a dataclass, `check_mapping` the entries of a dictionary against a `TypedDict`,
`check_value` a value against any annotation. The checks of single values, such as `Count`, are in `validation`.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from attrs import validators

from lottery_tf.argument_checks.validation import (
    FITTING,
    IS_OBJECT,
    NUMBER,
    WHOLE_NUMBER,
    Check,
    make_check,
    shown,
    unchecked,
)
from lottery_tf.errors import InputError

PLAIN: dict[Any, Check] = {  # annotation -> its check; for other classes a value must be an instance
    int: make_check(WHOLE_NUMBER, FITTING),
    float: make_check(NUMBER),
    bool: make_check(("it must be True or False", validators.instance_of(bool))),
    str: make_check(
        ("it must be text", validators.instance_of(str)),
        ("it must not contain NUL characters or unpaired surrogates", validators.matches_re("[^\0\ud800-\udfff]*")),
    ),
    Any: unchecked,
    object: unchecked,
}


def check_for(annotation: Any) -> Check:
    """Returns the check for an annotation."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if isinstance(annotation, typing.TypeVar):
        return PLAIN[Any]
    if origin is None and annotation in PLAIN:
        return PLAIN[annotation]
    if origin is Annotated:
        return arguments[1]
    if origin in (typing.NotRequired, typing.Required):
        return check_for(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return _check_for_union(arguments)
    if origin is typing.Literal:
        return make_check((f"it must be {' or '.join(map(repr, arguments))}", validators.in_(arguments)))
    if origin is Callable:
        return make_check(("it must be a function", validators.is_callable()))
    if (origin or annotation) in COLLECTION_CHECKS:
        return COLLECTION_CHECKS[origin or annotation](*arguments)
    if typing.is_typeddict(annotation):
        return functools.partial(_check_object, annotation)
    return _instance(annotation)


def _instance(wanted: type) -> Check:
    """Returns the check for an instance of a class; arrays may be anything that NumPy reads as numbers."""
    if (wanted.__module__, wanted.__name__) == ("numpy", "ndarray"):
        return make_check(("it must be an array of numbers", _is_array))
    of = f"a Keras {wanted.__name__}" if wanted.__module__.startswith("keras.") else f"of the type {wanted.__name__}"
    return make_check((f"it must be {of}", validators.instance_of(wanted)))


def _is_array(instance: Any, attribute: Any, value: Any) -> None:
    """Raises TypeError or ValueError, as attrs' validators do, unless a value is an array of numbers or booleans."""
    if not hasattr(value, "dtype"):
        value = np.asarray(value)
        if value.ndim == 0:
            raise TypeError
    if getattr(value.dtype, "kind", "f") not in "biufV":  # bfloat16 is V
        raise TypeError


def _check_for_union(arguments: tuple) -> Check:
    """Returns the check for a union, which compares a tuple, list or dict with the union's collection types only."""
    checks = [(_is_collection(each), check_for(each)) for each in arguments if each is not types.NoneType]
    may_be_none = types.NoneType in arguments

    def check_union(name: str, value: object) -> None:
        if value is None and may_be_none:
            return
        is_one = isinstance(value, tuple | list | Mapping)
        errors = []
        for check in [check for each, check in checks if each == is_one] or [check for _, check in checks]:
            try:
                return check(name, value)
            except InputError as error:
                errors.append(str(error))
        if deeper := [error for error in errors if not error.startswith(f"{name} is ")]:
            raise InputError(deeper[0])  # of an entry
        wanted = dict.fromkeys(error.rpartition("; it must ")[2].rstrip(".") for error in errors)
        raise InputError(f"{name} is {shown(value)}; it must {' or '.join(wanted)}.")

    return check_union


def _is_collection(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    return _is_collection(typing.get_args(annotation)[0]) if origin is Annotated else origin in COLLECTION_CHECKS


def _check_for_sequence(*items: Any) -> Check:
    """Returns the check for a tuple or list, of any length if the annotation ends in an ellipsis or has one type."""
    return _entries(lambda values: isinstance(values, tuple | list), *items)


def _entries(is_one: Callable[[Any], bool], *items: Any) -> Check:
    """Returns the check for a list or tuple, from the test of its type and its annotation's arguments."""
    same = len(items) < 2 or items[-1] is ...
    checks = [check_for(item) for item in items or (Any,) if item is not ...]

    def check_sequence(name: str, values: Any) -> None:
        if not is_one(values) or isinstance(values, str | bytes):
            raise InputError(f"{name} is {shown(values)}; it must be a list.")
        if not same and len(values) != len(checks):
            raise InputError(f"{name} is {shown(values)}; it must have {len(checks)} entries.")
        for number, value in enumerate(values):
            checks[0 if same else number](f"{name}[{number}]", value)

    return check_sequence


def _check_for_collection(item: Any) -> Check:
    return _entries(lambda values: isinstance(values, Collection) and not isinstance(values, Mapping), item)


def _check_for_iterable(item: Any) -> Check:
    """Returns the check for an iterable. Its entries are not checked, because it may allow only one iteration."""
    return make_check(("it must be a list", _is_iterable))


def _is_iterable(instance: Any, attribute: Any, value: Any) -> None:
    """Raises TypeError, as attrs' validators do, for text and for what a loop cannot run over."""
    if isinstance(value, str | bytes):
        raise TypeError
    iter(value)


def _check_for_dictionary(key: Any = Any, item: Any = Any) -> Check:
    """Returns the check for a dictionary, from the annotations of its keys and values."""
    if key is Any:
        return IS_OBJECT
    check_key, check_item = check_for(key), check_for(item)

    def check_dictionary(name: str, values: Any) -> None:
        IS_OBJECT(name, values)
        for entry, value in values.items():
            check_key(f"a name in {name}", entry)
            check_item(f"{name}[{shown(entry)}]", value)

    return check_dictionary


COLLECTION_CHECKS = {  # annotation -> function from its arguments to the check
    tuple: _check_for_sequence,
    list: _check_for_sequence,
    Sequence: _check_for_collection,
    Collection: _check_for_collection,
    Iterable: _check_for_iterable,
    dict: _check_for_dictionary,
    Mapping: _check_for_dictionary,
}


def _check_object(schema: Any, name: str, value: Any) -> None:
    IS_OBJECT(name, value)
    check_mapping(schema, value, f"{name}.")


@functools.cache
def _checks(annotated: type) -> dict[str, Check]:
    """Returns the check of each field of a class."""
    return {name: check_for(hint) for name, hint in typing.get_type_hints(annotated, include_extras=True).items()}


def check_mapping(schema: Any, values: Mapping, prefix: str = "") -> None:
    """Raises InputError if a dictionary does not match a `TypedDict`; entries that it does not name may be anything.

    >>> from typing import TypedDict
    >>> check_mapping(TypedDict("Reading", {"loss": float}), {"loss": "low"})
    Traceback (most recent call last):
    lottery_tf.errors.InputError: loss is 'low'; it must be a number.
    """
    if missing := sorted(schema.__required_keys__ - values.keys()):
        raise InputError(f"{prefix}{missing[0]} is missing.")
    for name, check_entry in _checks(schema).items():
        if name in values:
            check_entry(f"{prefix}{name}", values[name])


def check_fields(settings: Any) -> None:
    """Raises InputError unless each field of a frozen dataclass matches its annotation; replaces lists by tuples."""
    for name in (field.name for field in dataclasses.fields(settings)):
        value = getattr(settings, name)
        _checks(settings.__class__)[name](name, value)
        if isinstance(value, list):
            object.__setattr__(settings, name, tuple(value))


def check_value(name: str, value: object, annotation: Any) -> None:
    """Raises InputError if a value does not match an annotation.

    >>> from lottery_tf.argument_checks.validation import Index
    >>> check_value("seed", "0", Index)
    Traceback (most recent call last):
    lottery_tf.errors.InputError: seed is '0'; it must be a whole number.
    """
    check_for(annotation)(name, value)
