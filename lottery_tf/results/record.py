"""Compares the record of an experiment, stored beside its results, with the present experiment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lottery_tf.errors import InputError

SHOWN = 6  # differences in a message; an architecture may differ in hundreds


def check_record(found: Mapping, wanted: Mapping, where: object) -> None:
    """Raises InputError if a record belongs to another experiment; the message shows the differences.

    Only values that both have are compared, because versions of this package and of Keras record different values.
    Lists must have equal lengths.

    >>> here = {"training": {"iterations": 30, "decay": "none"}}
    >>> check_record({"training": {"iterations": 20}}, here, "results/mine")  # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
    ...
    lottery_tf.errors.InputError: results/mine holds results of another experiment: training.iterations is 20 there, 30
    here. Choose another folder, or make the experiment that it belongs to.
    """
    if differ := _differences(found, wanted):
        more = f"; and {len(differ) - SHOWN} more differences" if len(differ) > SHOWN else ""
        raise InputError(
            f"{where} holds results of another experiment: {in_words(differ[:SHOWN])}{more}. Choose another "
            "folder, or make the experiment that it belongs to."
        )


def in_words(differences: Iterable[tuple[str, object, object]]) -> str:
    """Describes differences: the name, what is stored, and what is wanted now.

    >>> in_words([("batch_size", 60, 30)])
    'batch_size is 60 there, 30 here'
    """
    return "; ".join(f"{name} is {there} there, {here} here" for name, there, here in differences)


def _differences(found: Any, wanted: Any, name: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(found, dict) and isinstance(wanted, dict):
        both = [key for key in wanted if key in found]
        return [row for key in both for row in _differences(found[key], wanted[key], f"{name}.{key}".lstrip("."))]
    return [] if found == wanted else [(name, found, wanted)]
