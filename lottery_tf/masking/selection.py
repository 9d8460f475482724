"""Selects the layers to mask: by class, by name or by a function."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import keras

from lottery_tf.argument_checks.validation import unchecked
from lottery_tf.errors import InputError
from lottery_tf.masking.containers import maskable_chains
from lottery_tf.masking.sublayers import Chain

One = type | str | Callable[[keras.layers.Layer], bool]
Selector = Annotated[One | Iterable[One], unchecked]


def selected_layers(model: keras.Model, only: Selector | None, exclude: Selector | None) -> list[keras.layers.Layer]:
    """Returns the layers of a model that can be masked and are selected; see `conversion.masked`.

    >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="hidden"), keras.layers.Dense(1)])
    >>> [layer.name for layer in selected_layers(model, "hid*", None)]
    ['hidden']
    """
    wanted, unwanted = _selectors(only, "only"), _selectors(exclude, "exclude")
    return [
        chain[-1]
        for chain in maskable_chains(model)
        if (only is None or any(_is_selected(one, chain[1:]) for one in wanted))
        and not any(_is_selected(one, chain[1:]) for one in unwanted)
    ]


def _selectors(given: Any, argument: str) -> list[One]:
    if given is None:
        return []
    alone = isinstance(given, type | str) or callable(given) or not isinstance(given, Iterable)
    selectors: list[One] = [given] if alone else list(given)
    if invalid := [one for one in selectors if not isinstance(one, type | str) and not callable(one)]:
        raise InputError(
            f"{argument} is {invalid[0]!r}; it must be a layer class, a pattern of names, a function from a layer to "
            "whether it is selected, or a list of these."
        )
    return selectors


def _is_selected(one: One, chain: Chain) -> bool:
    """Returns whether a selector selects the last layer of a chain, or one that holds it."""
    if isinstance(one, str):
        names = [layer.name for layer in chain]
        return any(fnmatch.fnmatchcase(name, one) for name in [*names, "/".join(names)])
    if isinstance(one, type):
        return any(isinstance(layer, one) for layer in chain)
    return any(one(layer) for layer in chain)
