"""Walks through all layers of a model at any depth: those inside other layers, of any class, and inner models."""

from __future__ import annotations

from collections.abc import Iterator

import keras

Chain = tuple[keras.layers.Layer, ...]


def chains(layer: keras.layers.Layer) -> Iterator[Chain]:
    """Yields every layer at any depth, itself first, after the layers that hold it; each comes once.

    >>> inner = keras.layers.Dense(4, name="inner")
    >>> model = keras.Sequential([keras.Input((2, 3)), keras.layers.TimeDistributed(inner, name="outer")])
    >>> [chain[-1].name for chain in chains(model)][1:]
    ['outer', 'inner']
    """
    seen: set[int] = set()

    def walk(chain: Chain) -> Iterator[Chain]:
        if id(chain[-1]) not in seen:
            seen.add(id(chain[-1]))
            yield chain
            for inner in children(chain[-1]):
                yield from walk((*chain, inner))

    yield from walk((layer,))


def children(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Returns the layers directly inside a layer or model; an operation of a functional model holds none."""
    return layer.layers if isinstance(layer, keras.Model) else getattr(layer, "_layers", [])


def all_layers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Returns every layer at any depth once, itself first."""
    return [chain[-1] for chain in chains(layer)]


def freeze(layer: keras.layers.Layer) -> None:
    """Sets `trainable=False` for a layer and all layers inside it.

    Keras passes it on, but on TensorFlow only if the outer layer's value changes, and rebuilt layers may differ inside.
    """
    for each in all_layers(layer):
        each.trainable = False


def own_variables(layer: keras.layers.Layer) -> list[keras.Variable]:
    """Returns the weights of a layer, without those of layers inside it."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]
