"""Makes the names of weights depend on the model alone, not on what the process has built before it.

Keras numbers layers without a name across the whole process: "dense" and "dense_1" in the first model, "dense_2" and
"dense_3" in the second. But random draws and stored arrays depend on names. So the model of an experiment is a copy
whose layers are numbered from the beginning: "dense" and "dense_1" again. Names that a user chose stay as they are, and
so do names from a file or a Keras config.
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

_MARK = "_named_by_keras"  # the attribute of a copied layer that says whether Keras chose the name of the original

T = TypeVar("T")


def remember(layer: keras.layers.Layer, named_by_keras: bool) -> None:
    """Records in a copied layer whether Keras chose the name of the original."""
    object.__setattr__(layer, _MARK, named_by_keras)


def is_named_by_keras(layer: keras.layers.Layer) -> bool:
    """Returns whether Keras chose the name of a layer, in this process."""
    if (known := vars(layer).get(_MARK)) is not None:
        return known
    if is_made_from_config(layer):
        return False
    base, number = _split(layer.name)
    given = global_state.get_global_attribute("object_name_uids") or {}
    return base == to_snake_case(type(layer).__name__) and number < given.get(base, 0)


def is_made_from_config(layer: keras.layers.Layer) -> bool:
    """Returns whether Keras made a layer from a config (`load_model`, `clone_model`), which holds its name.

    A config gives every argument that all layers have; code that makes a layer hardly ever gives all of them.
    """
    arguments = getattr(getattr(layer, "_auto_config", None), "config", {})
    return {"trainable", "dtype"} <= arguments.keys()


def _split(name: str) -> tuple[str, int]:
    """Returns the base and the number of a name: "dense" and 2 for "dense_2", "dense" and 0 for "dense"."""
    numbered = re.fullmatch(r"(.*?)_([1-9]\d*)", name)
    return (numbered[1], int(numbered[2])) if numbered else (name, 0)


def without_number(variable: str) -> str:
    """Returns a variable's name, without the number that Keras gives to variables without a name."""
    return "variable" if re.fullmatch(r"variable(_\d+)?", variable) else variable


def name_by_position(model: keras.Model) -> None:
    """Renames the layers that Keras has named, at any depth, as if the process had built this model only.

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
    """Returns values by the names of the model, if their names differ in Keras's numbers only.

    Results on disk may come from a model that was not the first of its process.

    Returns:
      The values by the model's names, in its order; unchanged if the names differ in more than numbers.

    >>> renamed({"dense_7/kernel": 1, "dense_8/kernel": 2}, ["dense/kernel", "dense_1/kernel"])
    {'dense/kernel': 1, 'dense_1/kernel': 2}
    """
    names = list(names)
    if values.keys() == set(names):
        return dict(values)
    theirs = {ranked: values[name] for name, ranked in _ranked_names(values).items()}
    ours = _ranked_names(names)
    if theirs.keys() != set(ours.values()):
        return dict(values)
    return {name: theirs[ranked] for name, ranked in ours.items()}


def numbered_by_rank(names: Iterable[str]) -> dict[str, str]:
    """Returns the names by their positions, with each layer's number replaced by its rank.

    Two numberings of the same layers give equal results, unless a name that a user chose, such as "dense_1", comes
    before Keras's names in one of them and after these in the other.

    >>> numbered_by_rank(["dense_7/kernel", "dense_8/kernel"]), numbered_by_rank(["dense_1/kernel", "dense/kernel"])
    ({'0': 'dense 0/kernel 0', '1': 'dense 1/kernel 0'}, {'0': 'dense 1/kernel 0', '1': 'dense 0/kernel 0'})
    """
    return {str(position): "/".join(parts) for position, parts in enumerate(_ranked_names(names).values())}


def _ranked_names(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Returns each name of a weight in parts, with the number of each part replaced by its rank."""
    paths = {name: name.split("/") for name in names}
    layers = _orders(part for path in paths.values() for part in path[:-1])
    within: dict[str, set[str]] = collections.defaultdict(set)
    for name, path in paths.items():
        within[name.removesuffix(path[-1])].add(path[-1])
    weights = {layer: _orders(variables) for layer, variables in within.items()}
    return {
        name: (*(layers[part] for part in path[:-1]), weights[name.removesuffix(path[-1])][path[-1]])
        for name, path in paths.items()
    }


def _orders(names: Iterable[str]) -> dict[str, str]:
    """Returns for each name its base and its rank among the names of the same base."""
    ranked: dict[str, str] = {}
    counts: collections.Counter[str] = collections.Counter()
    for name in sorted(set(names), key=lambda name: (_split(name), name)):
        base, _ = _split(name)
        ranked[name] = f"{base} {counts[base]}"
        counts[base] += 1
    return ranked
