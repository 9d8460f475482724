"""Measures how much faster half precision is on this device, on the layers of a model.

With half-precision arithmetic a processor is nearly twice as fast in half precision; without it, it is ten times
slower, and no library warns. Measuring matrix products is not enough: where bfloat16 is emulated, the gradients of
convolutions are slow.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from lottery_tf.system import hardware
from lottery_tf.training import compilation

log = logging.getLogger(__name__)

IMAGES = 8  # images for timing a convolution; with 60 images, slow half precision would take seconds
TIMED_SHARE = 0.75  # the largest layers, with this share of a model's arithmetic, are timed
REPEATS, ENOUGH_SECONDS = 3, 0.3  # each type is timed at least this often, and until this many seconds have passed
GAIN = 1.05  # half precision is faster if its speed is at least this many times that of float32


@dataclasses.dataclass(frozen=True)
class _Operation:
    """A layer with weights and one of its calls; operations with the same identity take the same time."""

    identity: str
    layer: keras.layers.Layer = dataclasses.field(compare=False)
    node: Any = dataclasses.field(compare=False)  # Keras's record of the call

    @classmethod
    def called(cls, layer: keras.layers.Layer, node) -> _Operation:
        """Returns the operation of a layer in one of its calls."""
        config = {name: value for name, value in layer.get_config().items() if name not in ("name", "dtype")}
        shapes = [tensor.shape for tensor in node.input_tensors]
        return cls(repr((type(layer).__name__, config, shapes)), layer, node)

    @property
    def products(self) -> int:
        """About how many multiplications an image takes: each weight is used at every position of the output."""
        positions = math.prod(size or 1 for size in self.node.outputs[0].shape[1:-1])
        return positions * sum(math.prod(variable.shape) for variable in self.layer.weights)

    def images(self, batch_size: int) -> int:
        """Returns the number of images for timing it: few for a convolution, a whole batch for a matrix product.

        The time of a matrix product is mostly that of reading the kernel, and not proportional to the images.
        """
        spatial = any(len(tensor.shape) > 2 for tensor in self.node.input_tensors)
        return min(IMAGES, batch_size) if spatial else batch_size

    def step(self, policy: str, images: int) -> Callable[[], list[tf.Tensor]]:
        """Returns a function that calls a copy of the layer on noise and returns its gradients.

        It does so for a frozen layer too, because the gradients of mask logits are computed from them.
        """
        layer = type(self.layer).from_config(self.layer.get_config() | {"dtype": policy, "trainable": True})
        inputs = {id(tensor): _noise(tensor, images) for tensor in self.node.input_tensors}
        arguments, named = self.node.arguments.fill_in(inputs)
        layer(*arguments, **named)  # builds the layer

        def gradients() -> list[tf.Tensor]:
            with tf.GradientTape() as tape:
                watched = [value for value in inputs.values() if value.dtype.is_floating]
                tape.watch(watched)
                outputs = keras.tree.flatten(layer(*arguments, **named))
                total = sum(tf.reduce_sum(tf.cast(output, tf.float32)) for output in outputs)
            return tape.gradient(total, [*watched, *(variable.value for variable in layer.trainable_variables)])

        return gradients


def speedup(model: keras.Model, policy: str, batch_size: int = 60) -> float:
    """Returns how many times faster a model's layers are with a half-precision policy than in float32 on this device.

    It times the forward and backward pass of the largest layers in both types on random images. Layers of the same
    shape are timed once, and each set of layers once in a process.
    """
    xla = compilation.compiler(model, hardware.training_device()) == "xla"
    return _speedup(frozenset(_largest(_operations(model))), policy, batch_size, xla)


@functools.cache
def _speedup(operations: frozenset[_Operation], policy: str, batch_size: int, xla: bool) -> float:
    seconds = np.zeros(2)
    for size in sorted({operation.images(batch_size) for operation in operations}):
        of_size = [operation for operation in operations if operation.images(batch_size) == size]
        calls = [_call(of_size, each, size, xla) for each in ("float32", policy)]
        seconds += _least_seconds(calls) * batch_size / size
    return float(seconds[0] / seconds[1]) if operations else 1.0


def warn_if_slow(model: keras.Model, policy: str, batch_size: int, measure: Callable[..., float] = speedup) -> None:
    """Logs a warning if half precision is not faster than float32 for a model on this device."""
    ratio = measure(model, policy, batch_size)
    if ratio < GAIN:
        _warn(slow_message(model.name, policy, ratio))


@functools.cache  # so that several trainers of one model warn once
def _warn(message: str) -> None:
    log.warning("%s", message)


def slow_message(name: str, policy: str, ratio: float) -> str:
    """Returns the warning about half precision that is not faster than float32.

    >>> slow_message("conv2", "mixed_bfloat16", 0.1).partition(" on ")[0]
    'mixed_bfloat16 is not faster here: the layers of conv2 take 10.0 times as long with it as with float32'
    """
    return (
        f"{policy} is not faster here: the layers of {name} take {1 / ratio:.1f} times as long with it as with float32 "
        f"on {hardware.describe_processor()}. Use the precision float32."
    )


def _operations(model: keras.Model) -> Iterator[_Operation]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _operations(layer)
        elif layer.weights and layer._inbound_nodes:
            yield _Operation.called(layer, layer._inbound_nodes[0])


def _largest(operations: Iterable[_Operation]) -> list[_Operation]:
    """Returns the largest operations, which together do the share `TIMED_SHARE` of the arithmetic."""
    found = sorted(operations, key=lambda operation: operation.products, reverse=True)
    done = np.cumsum([operation.products for operation in found])
    return found[: int(np.searchsorted(done, TIMED_SHARE * done[-1])) + 1] if found else []


def _noise(tensor: keras.KerasTensor, images: int) -> tf.Tensor:
    shape = (images, *(images if size is None else size for size in tensor.shape[1:]))
    dtype = tf.as_dtype(tensor.dtype)
    return tf.random.stateless_normal(shape, (0, 0), dtype=dtype) if dtype.is_floating else tf.zeros(shape, dtype)


def _call(operations: Iterable[_Operation], policy: str, images: int, xla: bool) -> Callable[[], list]:
    """Returns a function that runs a step of every operation, after running it once."""
    steps = [operation.step(policy, images) for operation in operations]

    def call() -> list:
        return [step() for step in steps]

    compiled = tf.function(call, jit_compile=xla)
    try:
        _seconds(compiled)
    except tf.errors.OpError:
        if not xla:
            raise
        return _call(operations, policy, images, xla=False)  # like a training whose steps XLA refuses
    return compiled


def _least_seconds(calls: Sequence[Callable[[], list]]) -> np.ndarray:
    """Returns the shortest time of each call. Calls are timed in turn, so that other work slows all alike."""
    times: list[list[float]] = []
    began = time.perf_counter()
    while len(times) < REPEATS or time.perf_counter() - began < ENOUGH_SECONDS:
        times.append([_seconds(call) for call in calls])
    return np.min(times, axis=0)


def _seconds(call: Callable[[], list]) -> float:
    began = time.perf_counter()
    for gradient in tf.nest.flatten(call()):
        if gradient is not None:
            gradient[..., :1].numpy()  # waits until it is computed
    return time.perf_counter() - began
