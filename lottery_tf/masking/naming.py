"""Names of weights that depend on the model alone, not on what else a process has built before it.

Keras numbers layers without a name through a whole process: "dense", "dense_1" in one model, "dense_2", "dense_3" in
the next of the same architecture. What is drawn and stored goes by names, so a copy to work on counts them anew, in
their order: "dense", "dense_1" again. Names that somebody chose stay, and so do those of a file.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

import keras
from keras.src.backend.common import global_state
from keras.src.utils.naming import to_snake_case

from lottery_tf.masking.sublayers import all_layers

_MARK = "_named_by_keras"  # of a layer that took its name from another one: whether Keras had given it

T = TypeVar("T")


def remember(layer: keras.layers.Layer, named_by_keras: bool) -> None:
    """Notes whether Keras gave the name that a layer took from another one."""
    object.__setattr__(layer, _MARK, named_by_keras)


def is_named_by_keras(layer: keras.layers.Layer) -> bool:
    """Whether Keras, in this process, gave a layer its name."""
    if (known := vars(layer).get(_MARK)) is not None:
        return known
    base, number = _split(layer.name)
    given = global_state.get_global_attribute("object_name_uids") or {}
    return base == to_snake_case(type(layer).__name__) and number < given.get(base, 0)


def _split(name: str) -> tuple[str, int]:
    """What an automatic name is made of: "dense_2" is the third "dense"."""
    found = re.fullmatch(r"(.*?)_([1-9]\d*)", name)
    return (found[1], int(found[2])) if found else (name, 0)


def without_number(variable: str) -> str:
    """A variable's name; where nobody gave it one, without the number that Keras gave it."""
    return "variable" if re.fullmatch(r"variable(_\d+)?", variable) else variable


def name_by_position(model: keras.Model) -> None:
    """Gives layers at any depth that Keras named the names that they would have in a process of their own.

    >>> stack = [keras.layers.Dense(2) for _ in range(3)][1:]
    >>> model = keras.Sequential([keras.Input((3,)), *stack])
    >>> name_by_position(model)
    >>> [layer.name for layer in model.layers]
    ['dense', 'dense_1']
    """
    layers = [layer for layer in all_layers(model)[1:] if not isinstance(layer, keras.layers.InputLayer)]
    automatic = [layer for layer in layers if is_named_by_keras(layer)]
    taken = {layer.name for layer in layers} - {layer.name for layer in automatic}
    counts: collections.Counter[str] = collections.Counter()
    for layer in sorted(automatic, key=lambda layer: _split(layer.name)[1]):
        base, _ = _split(layer.name)
        while (name := f"{base}_{counts[base]}" if counts[base] else base) in taken:
            counts[base] += 1
        counts[base] += 1
        remember(layer, True)
        layer.name = name


def renamed(values: Mapping[str, T], names: Iterable[str]) -> dict[str, T]:
    """Values by name, under the model's own names where theirs differ in Keras's numbers only.

    Results on disk may have been made by a model that was not the first of its process.

    Returns:
      The values by the model's names, in its order; as they are, if theirs are not those of the model in any numbering.

    >>> renamed({"dense_7/kernel": 1, "dense_8/kernel": 2}, ["dense/kernel", "dense_1/kernel"])
    {'dense/kernel': 1, 'dense_1/kernel': 2}
    """
    names = list(names)
    if values.keys() == set(names):
        return dict(values)
    theirs = {place: values[name] for name, place in _places(values).items()}
    ours = _places(names)
    if theirs.keys() != set(ours.values()):
        return dict(values)
    return {name: theirs[place] for name, place in ours.items()}


def _places(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """For each name of a weight itself, its layers' numbers being replaced by their order."""
    paths = {name: name.split("/") for name in names}
    layers = _orders(part for path in paths.values() for part in path[:-1])
    within: dict[str, set[str]] = collections.defaultdict(set)
    for name, path in paths.items():
        within[name.removesuffix(path[-1])].add(path[-1])
    weights = {layer: _orders(found) for layer, found in within.items()}
    return {
        name: (*(layers[part] for part in path[:-1]), weights[name.removesuffix(path[-1])][path[-1]])
        for name, path in paths.items()
    }


def _orders(names: Iterable[str]) -> dict[str, str]:
    """Names with their place among those of the same base instead of their number."""
    found: dict[str, str] = {}
    counts: collections.Counter[str] = collections.Counter()
    for name in sorted(set(names), key=lambda name: (_split(name), name)):
        base, _ = _split(name)
        found[name] = f"{base} {counts[base]}"
        counts[base] += 1
    return found
