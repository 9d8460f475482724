"""Limits of what a ticket file may ask for: a few bytes can describe a network that takes minutes and gigabytes.

The work and the memory are counted before anything is built. Files within the limits take at most about 2 seconds and
500 MB. For a file that you trust, all limits can be raised by a factor.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lottery_tf.errors import InputError

if TYPE_CHECKING:
    import keras

OPEN_SIZE = 64  # the size that is assumed for a dimension without a fixed size
STEP = 10**6  # cost of starting one step of a recurrent layer, in multiplications
UNROLLED = 10  # one unrolled step costs this many steps of a loop
DRAWN = 100  # cost of drawing a weight and reading it from memory, in multiplications
MANY = 10**15  # larger numbers are not printed


class TooLarge(InputError):
    """A ticket file asks for more than the limits allow."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much a ticket file may ask for.

    Attributes:
      bytes: the size of the file.
      weights: the number of weights, including pruned ones.
      arrays: the number of their arrays; a masked array counts three times, for its mask and its frozen values.
      calls: the number of calls of layers and of their input tensors; an inner model counts once for each call.
      tensors: the number of tensors between layers.
      values: the number of values in the architecture's JSON.
      orthogonal: the number of multiplications to draw kernels from orthogonal initializers once.
      numbers: how many numbers layers pass to one another for one example, or for a batch of a fixed size.
      multiplications: the number of multiplications for these.
    """

    bytes: int = 50_000_000
    weights: int = 10_000_000
    arrays: int = 500
    calls: int = 1_000
    tensors: int = 10_000
    values: int = 50_000
    orthogonal: int = 10**9
    numbers: int = 20_000_000
    multiplications: int = 5 * 10**9

    @classmethod
    def times(cls, factor: float) -> Limits:
        """Returns the limits multiplied by a factor.

        Raises:
          InputError: the factor is below 1.
        """
        if not isinstance(factor, (int, float)) or not 1 <= factor < math.inf:
            raise InputError(f"limit_factor is {factor!r}; it must be a number of at least 1.")
        return cls(**{field.name: int(getattr(cls, field.name) * factor) for field in dataclasses.fields(cls)})

    def check_counts(self, what: str, **counts: int) -> None:
        """Raises TooLarge if a count is above its limit.

        >>> Limits().check_counts("it", weights=30_000_000)
        Traceback (most recent call last):
        lottery_tf.tickets.limits.TooLarge: it has 30,000,000 weights; up to 10,000,000 are read. If you trust i...
        """
        for name, count in counts.items():
            if count > (limit := getattr(self, name)):
                shown, hint = f"more than {MANY:,}", ""
                if count < MANY:
                    factor = math.ceil(count / getattr(Limits, name))
                    shown = f"{count:,}"
                    hint = f" If you trust it, raise all limits: limit_factor={factor} (--limit_factor={factor})."
                raise TooLarge(f"{what} has {shown} {WORDS[name]}; up to {limit:,} are read.{hint}")


WORDS = {
    "bytes": "bytes",
    "weights": "weights",
    "arrays": "arrays of weights",
    "calls": "calls of layers",
    "tensors": "tensors between its layers",
    "values": "values",
    "orthogonal": "multiplications in orthogonal initializers",
    "numbers": "numbers between its layers",
    "multiplications": "multiplications for one example",
}


def count_calls(config: Any) -> int:
    """Returns the number of calls of layers in a model's configuration, and of their input tensors.

    The calls in an inner model count once for each call of the model. A Sequential model inside another model counts
    more, because Keras builds it anew with each of its layers.
    """
    if isinstance(config, list):
        return sum(map(count_calls, config))
    if not isinstance(config, dict):
        return 0
    nodes = config.get("inbound_nodes")
    input_tensors = count_calls(nodes)
    inside = sum(count_calls(value) for key, value in config.items() if key != "inbound_nodes")
    if config.get("class_name") == "__keras_tensor__":
        return 1
    if not _is_layer(config):
        return inside + input_tensors
    if config.get("class_name") == "Sequential" and isinstance(layers := _layers(config), list):
        inside *= (len(layers) + 1) // 2
    times = max(1, len(nodes)) if isinstance(nodes, list) else 1
    return times * (1 + inside) + input_tensors


def _is_layer(record: dict) -> bool:
    module, name = str(record.get("module")), record.get("class_name")
    return module.startswith(("keras.layers", "keras.src.", "lottery_tf")) or name in ("Functional", "Sequential")


def _layers(record: dict) -> Any:
    config = record.get("config")
    return config.get("layers") if isinstance(config, dict) else None


def count_reads(config: Any) -> int:
    """Returns the number of values that Keras reads to connect the layers of functional models.

    It reads them again for each layer that comes before one of its inputs.
    """
    total = 0
    for record in _records(config):
        nodes = {}
        for layer in layers if isinstance(layers := _layers(record), list) else ():
            if isinstance(layer, dict):
                nodes[str(layer.get("name"))] = layer.get("inbound_nodes")
        positions = {name: index for index, name in enumerate(nodes)}
        early = sum(
            any(positions.get(name, -1) >= positions[layer] for name in _inputs(nodes[layer])) for layer in nodes
        )
        total += (1 + early) * sum(map(_count_values, nodes.values()))
    return total


def _inputs(nodes: Any) -> Iterator[str]:
    """Yields the names of the layers whose outputs are in the arguments of a layer's calls."""
    for record in _records(nodes):
        config = record.get("config")
        history = config.get("keras_history") if isinstance(config, dict) else None
        if isinstance(history, list) and history:
            yield str(history[0])


def _count_values(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_count_values, children))


def count_orthogonal(config: Any, shapes: dict[str, tuple[int, ...]]) -> int:
    """Returns the number of multiplications to draw the weights of all layers with an orthogonal initializer once.

    A layer without weights under its name counts as if it had the largest weights of the network.
    """
    costs = {name: _orthogonalization(shape) for name, shape in shapes.items() if len(shape) > 1}
    total = 0
    for record in _records(config):
        inner = record.get("config")
        if _is_layer(record) and any(part.get("class_name") == "Orthogonal" for part in _records(inner, models=False)):
            name = inner.get("name") if isinstance(inner, dict) else None
            costs_of_layer = [cost for path, cost in costs.items() if name in path.split("/")]
            total += sum(costs_of_layer) if costs_of_layer else max(costs.values(), default=0)
    return total


def _orthogonalization(shape: tuple[int, ...]) -> int:
    rows, columns = math.prod(shape[:-1]), shape[-1]
    return rows * columns * (min(rows, columns) + DRAWN)


def _records(value: Any, models: bool = True) -> Iterator[dict]:
    """Yields every object in a configuration; with `models=False` without those in the layers of inner models."""
    if isinstance(value, dict):
        yield value
        children: Iterable = value.values() if models else (child for key, child in value.items() if key != "layers")
    else:
        children = value if isinstance(value, list) else ()
    for child in children:
        yield from _records(child, models)


def count_work(model: keras.Model) -> tuple[int, int]:
    """Returns how many numbers a model's layers pass to one another, and their multiplications, for one example."""
    return _WorkCounter().count_model(model)


class _WorkCounter:
    """Counts each model once, even if it is called several times."""

    def __init__(self) -> None:
        self._counts: dict[int, tuple[int, int]] = {}

    def count_model(self, layer: Any) -> tuple[int, int]:
        """Returns the numbers and multiplications of a functional or Sequential model."""
        if id(layer) not in self._counts:
            functional = getattr(layer, "_functional", None) or layer
            nodes = [node for nodes in functional._nodes_by_depth.values() for node in nodes]
            numbers, multiplications = zip(*map(self._count_call, nodes), strict=True)
            self._counts[id(layer)] = (sum(numbers), sum(multiplications))
        return self._counts[id(layer)]

    def _count_call(self, node: Any) -> tuple[int, ...]:
        """Returns how many numbers a call passes on, and how many multiplications it takes."""
        layer = node.operation
        if hasattr(layer, "operations") or hasattr(layer, "_functional"):
            called_with, built_with = (sum(map(_size, tensors)) for tensors in (node.input_tensors, layer.inputs))
            times = max(1, math.ceil(called_with / built_with))  # the model may have been built without fixed sizes
            return tuple(times * count for count in self.count_model(layer))
        numbers, positions = sum(map(_size, node.outputs)), sum(map(_positions, node.input_tensors))
        widest = max((size or OPEN_SIZE for tensor in node.input_tensors for size in tensor.shape[1:]), default=1)
        scores = positions**2 * getattr(layer, "num_heads", 1) if "Attention" in type(layer).__name__ else 0
        products = numbers if type(layer).__name__ in ("Dot", "Einsum", "Matmul") else scores
        kernels = [weight for weight in getattr(layer, "weights", ()) if weight.name.endswith("kernel")]
        weighted = sum(_multiplications(layer, kernel, numbers, positions) for kernel in kernels)
        return numbers + scores, weighted + products * widest + positions * _cells(layer) * STEP


def _cells(layer: Any) -> int:
    """Returns how many recurrent cells a layer calls at each step, as if all were called in a loop."""
    layer = getattr(layer, "layer", layer)  # a TimeDistributed holds one
    if hasattr(layer, "forward_layer"):
        return _cells(layer.forward_layer) + _cells(layer.backward_layer)
    if not hasattr(layer, "cell"):
        return 0
    return len(getattr(layer.cell, "cells", [layer.cell])) * (UNROLLED if getattr(layer, "unroll", False) else 1)


def _multiplications(layer: Any, kernel: Any, numbers: int, positions: int) -> int:
    """Returns the multiplications with a kernel that has outputs of some numbers and inputs at some positions."""
    if not hasattr(layer, "kernel_size"):
        return positions * math.prod(kernel.shape)
    return numbers * math.prod(layer.kernel_size if "Depthwise" in type(layer).__name__ else kernel.shape[:-1])


def _positions(tensor: Any) -> int:
    return _size(tensor) // (tensor.shape[-1] or OPEN_SIZE) if len(tensor.shape) > 1 else 1


def _size(tensor: Any) -> int:
    return size_of(tensor.shape)


def size_of(shape: Sequence[int | None]) -> int:
    """Returns how many numbers a tensor has, for one example unless its batch has a fixed size.

    >>> size_of((None, 28, 28)), size_of((5, 28, 28)), size_of((None, None, 3))
    (784, 3920, 192)
    """
    return math.prod(size or (OPEN_SIZE if index else 1) for index, size in enumerate(shape))
