"""Keras layers with masks on their kernels: kept weights train, pruned ones stay exactly where they were frozen.

The kernel itself holds the frozen values; the forward pass multiplies nothing. Two things keep them. The gradient of
the loss is zero there, so pruned weights leave no trace in the optimizer's moments or in a gradient's norm (a kernel
regularizer's gradient, which Keras adds later, does). And the constraint of `constraint.py` restores them after every
update, weight decay and averages included.

`masked_class` makes the masked class of any class in `kernel_table.KERNELS`: it differs in what it reads as its kernels
while it computes. Layers that hold such layers are in `containers.py`.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np
from keras import ops

from lottery_tf.errors import InputError
from lottery_tf.masking.constraint import HoldPruned
from lottery_tf.masking.kernel_table import KERNELS, Kernel, kernel_variables, kernels_of, storage
from lottery_tf.pruning import masks

_substitutes = threading.local()  # what layers read as their kernels while they compute, in this thread
_gradients = (
    threading.local()
)  # whether the gradients of kernels are masked by the one who computes them, in this thread


@ops.custom_gradient
def mask_gradient(kernel, kernel_mask):
    """The kernel itself; backwards, the gradient with zeros where the mask is False."""

    def gradient(*args, upstream=None):
        upstream = args[0] if upstream is None else upstream
        return ops.where(kernel_mask, upstream, ops.zeros_like(upstream)), None

    return ops.copy(kernel), gradient


def _with_masked_gradient(kernel, kernel_mask):
    if keras.backend.backend() == "tensorflow":
        return mask_gradient(kernel, kernel_mask)
    return ops.where(kernel_mask, kernel, ops.stop_gradient(kernel))


class MaskedKernel:
    """One kernel of a masked layer.

    Attributes:
      layer: the layer.
      kernel: the variable with the weights.
      kernel_mask: non-trainable boolean variable of the kernel's shape, True where the weight is kept.
      frozen_values: non-trainable variable of the kernel's shape: where the pruned weights are held.
    """

    def __init__(self, layer: MaskedLayer, kernel: Kernel, variable: keras.Variable):
        self.layer, self._kernel, self.kernel = layer, kernel, variable
        (mask, frozen), shape = kernel.mask_names(len(kernels_of(layer)) == 1), variable.shape
        self.kernel_mask = layer.add_weight(name=mask, shape=shape, dtype="bool", initializer="ones", trainable=False)
        options = {"dtype": variable.dtype, "initializer": "zeros", "trainable": False, "autocast": False}
        self.frozen_values = layer.add_weight(name=frozen, shape=shape, **options)
        self._hold = HoldPruned(self.kernel_mask, self.frozen_values, then=variable.constraint)
        variable.constraint = self._hold

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.layer.name if len(kernels_of(self.layer)) == 1 else f"{self.layer.name}/{self._kernel.attribute}"

    @property
    def substitute(self) -> tuple[int, str]:
        """By which layer and under which attribute it is read."""
        return id(self.layer), storage(type(self.layer).plain, self._kernel)

    def masked_kernel(self):
        """The kernel to compute with, its gradient masked, unless the caller does that (`masking_gradients_later`)."""
        if getattr(_gradients, "later", False):
            return ops.convert_to_tensor(self.kernel)
        # A custom gradient's function must not read variables; the copies are tensors.
        return _with_masked_gradient(ops.copy(self.kernel), self._hold.read_mask())

    def set_mask(self, kept, frozen_values=None) -> None:
        """Masks the kernel; see `MaskedLayer.set_mask`."""
        kept = masks.as_booleans(self.name, kept)
        if kept.shape != tuple(self.kernel.shape):
            raise InputError(f"{self.name}: a mask of shape {kept.shape} for a kernel of {tuple(self.kernel.shape)}.")
        if not kept.any():
            raise InputError(f"{self.name}: the mask keeps 0 of {kept.size} weights: nothing could pass that layer.")
        frozen = np.zeros(kept.shape, np.float32) if frozen_values is None else np.asarray(frozen_values)
        if frozen.shape != kept.shape:
            raise InputError(f"{self.name}: frozen values of shape {frozen.shape} for a mask of {kept.shape}.")
        masks.check_finite(self.name, frozen[~kept])  # those of kept weights are not read
        self.kernel_mask.assign(kept)
        self.frozen_values.assign(np.where(kept, 0, frozen))
        self.kernel.assign(np.where(kept, ops.convert_to_numpy(self.kernel), frozen))


class MaskedLayer(keras.layers.Layer):
    """What masked layers share: the masks, the frozen values, and how they are set, saved and loaded.

    Attributes:
      plain: Keras's own class of the layer.
      kernel_mask, frozen_values: those of `MaskedKernel`, where the layer has one kernel.
    """

    plain: type
    trainable: bool
    _masked: tuple[MaskedKernel, ...] = ()

    @property
    def masked_kernels(self) -> tuple[MaskedKernel, ...]:
        """The layer's kernels with their masks, once it is built."""
        return self._masked

    def add_masks(self) -> None:
        """Gives each kernel a mask that keeps all of it, and the constraint that will hold pruned weights."""
        if self._masked or not kernels_of(self):
            return
        self._tracker.unlock()
        found = tuple(MaskedKernel(self, kernel, variable) for kernel, variable in kernel_variables(self))
        if len(found) == 1:
            self.kernel_mask, self.frozen_values = found[0].kernel_mask, found[0].frozen_values
        self._tracker.lock()
        object.__setattr__(self, "_masked", found)  # Keras would track it, and find the layer in itself

    def set_mask(self, kept, frozen_values=None, kernel: str | None = None) -> None:
        """Masks a kernel.

        Args:
          kept: array of the kernel's shape, of booleans, or of 0 and 1: True where the weight is kept.
          frozen_values: array of the kernel's shape with the values at which the pruned weights are held; None
            holds them at zero. It is read at the pruned places only.
          kernel: which kernel, of a layer that has several: "recurrent_kernel", for example.

        Raises:
          InputError: an array of another shape, a mask that keeps nothing or is not of booleans (or 0 and 1), frozen
            values that are not finite, no such kernel, or a layer that is not built.
        """
        attributes = [each.attribute for each in kernels_of(self)]
        if kernel not in (attributes if len(attributes) > 1 else [None, *attributes]):
            raise InputError(f"{self.name}: kernel is {kernel!r}; it must be one of {', '.join(attributes)}.")
        if not self._masked:
            raise InputError(f"{self.name} has no weights yet: build it first.")
        self._masked[0 if kernel is None else attributes.index(kernel)].set_mask(kept, frozen_values)

    def kernels_read_in_call(self) -> Iterable[MaskedKernel]:
        """The kernels that the layer's `call` reads."""
        return self._masked

    def enable_lora(self, *args, **kwargs):
        """Refuses: LoRA adds to the whole kernel, and pruned weights would not stay where they are."""
        raise InputError(
            f"{self.name}: LoRA adds to pruned weights as well, so they would not be held. Enable it on a model "
            "without masks, lottery_tf.unmasked(model)."
        )

    # Keras's layers save their kernel and bias only; the base class saves all that a layer owns.

    def save_own_variables(self, store):
        """Saves all variables, the masks and the frozen values among them."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        """Loads what `save_own_variables` saved."""
        keras.layers.Layer.load_own_variables(self, store)


@contextlib.contextmanager
def masking_gradients_later() -> Iterator[None]:
    """Has layers compute with their kernels themselves: the caller masks the gradients, where it needs any.

    A training loop of one's own can do that in the program that updates the weights, where it costs nothing. TensorFlow
    keeps each custom gradient that is traced, and its graph, until the process ends; so there is none to keep.
    """
    before, _gradients.later = getattr(_gradients, "later", False), True
    try:
        yield
    finally:
        _gradients.later = before


@contextlib.contextmanager
def reading_masked(kernels: Iterable[MaskedKernel]) -> Iterator[None]:
    """Has layers read their kernels with masked gradients; each is made once, for the outermost of nested layers."""
    outer = getattr(_substitutes, "found", {})
    mine = {kernel.substitute: kernel for kernel in kernels if kernel.substitute not in outer}
    _substitutes.found = outer | {key: kernel.masked_kernel() for key, kernel in mine.items()}
    try:
        yield
    finally:
        _substitutes.found = outer


class _KernelAttribute:
    """A layer's kernel: the variable or, while the layer computes, the tensor with a masked gradient."""

    def __init__(self, name: str):
        self._name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None:
            return self
        found = getattr(_substitutes, "found", {}).get((id(layer), self._name))
        if found is not None:
            return found
        try:
            return vars(layer)[self._name]
        except KeyError:
            raise AttributeError(f"{type(layer).__name__} has no attribute {self._name!r} yet.") from None

    def __set__(self, layer: Any, value: Any) -> None:
        vars(layer)[self._name] = value

    def __delete__(self, layer: Any) -> None:
        del vars(layer)[self._name]


def members(plain: Any) -> dict[str, Any]:
    """What the masked class of a Keras layer has beside what it inherits: how it computes and reads its kernels."""

    @functools.wraps(plain.call)
    def call(self, *args, **kwargs):
        with reading_masked(self.kernels_read_in_call()):
            return plain.call(self, *args, **kwargs)

    kernels = next((KERNELS[kind] for kind in plain.__mro__ if kind in KERNELS), ())
    attributes = {storage(plain, kernel): _KernelAttribute(storage(plain, kernel)) for kernel in kernels}
    return {"plain": plain, "call": call, "__module__": __name__, **attributes}


def masked_class(plain: Any) -> type:
    """The masked class of a Keras layer that has kernels itself; it takes the same arguments."""

    @functools.wraps(plain.build)
    def build(self, *args, **kwargs):
        plain.build(self, *args, **kwargs)
        self.add_masks()

    doc = f"`keras.layers.{plain.__name__}` with masks on its kernels; it takes the same arguments."
    found = type(f"Masked{plain.__name__}", (MaskedLayer, plain), members(plain) | {"build": build, "__doc__": doc})
    return keras.saving.register_keras_serializable(package="lottery_tf")(found)


MASKABLE: dict[type, Any] = {plain: masked_class(plain) for plain in KERNELS}  # Keras's layer -> the masked one

MaskedDense = MASKABLE[keras.layers.Dense]
MaskedConv1D = MASKABLE[keras.layers.Conv1D]
MaskedConv2D = MASKABLE[keras.layers.Conv2D]
MaskedConv3D = MASKABLE[keras.layers.Conv3D]
