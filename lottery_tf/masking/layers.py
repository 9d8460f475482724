"""Keras layers with masks on their kernels: kept weights are trained, pruned weights stay at their frozen values.

The kernel itself contains the frozen values, so the forward pass multiplies by no mask. Two things hold them. First,
the loss has no gradient at pruned weights, so they do not change the optimizer's moments or the norm of a gradient.
Second, the constraint of `constraint.py` restores them after every update, also after weight decay and in averages.

Keras's `fit` does not mask two gradients: that of a kernel regularizer, and that of a kernel that is read outside its
layer, such as an embedding that is tied to the output (`matmul(x, transpose(embedding.embeddings))`). There, pruned
weights do change moments and norms, but they still stay at their frozen values. The project's own training masks these
gradients too.

`masked_class` makes the masked class of any class in `kernel_table.KERNELS`. While such a layer computes, it reads
tensors with masked gradients as its kernels. Layers that hold such layers are in `containers.py`.
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

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.errors import InputError
from lottery_tf.masking.constraint import HoldPruned
from lottery_tf.masking.kernel_table import KERNELS, Kernel, kernel_variables, kernels_of, storage
from lottery_tf.pruning import masks

_substitutes = threading.local()  # the tensors that layers read as their kernels while they compute in this thread
_gradients = threading.local()  # whether the caller masks the gradients of kernels in this thread


@ops.custom_gradient
def mask_gradient(kernel, kernel_mask):
    """Returns the kernel; in the backward pass the gradient is zero where the mask is False."""

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
      spec: the kernel's entry in `kernel_table.KERNELS`.
      variable: the variable with the weights.
      kernel_mask: non-trainable boolean variable of the kernel's shape, True where the weight is kept.
      frozen_values: non-trainable variable of the kernel's shape: the values of the pruned weights.
    """

    def __init__(self, layer: MaskedLayer, spec: Kernel, variable: keras.Variable):
        self.layer, self.spec, self.variable = layer, spec, variable
        (mask, frozen), shape = spec.mask_names(len(kernels_of(layer)) == 1), variable.shape
        self.kernel_mask = layer.add_weight(name=mask, shape=shape, dtype="bool", initializer="ones", trainable=False)
        options = {"dtype": variable.dtype, "initializer": "zeros", "trainable": False, "autocast": False}
        self.frozen_values = layer.add_weight(name=frozen, shape=shape, **options)
        self._hold = HoldPruned(self.kernel_mask, self.frozen_values, before=variable.constraint)
        variable.constraint = self._hold

    @property
    def name(self) -> str:
        """The name of the kernel in messages."""
        return self.layer.name if len(kernels_of(self.layer)) == 1 else f"{self.layer.name}/{self.spec.attribute}"

    @property
    def substitute_key(self) -> tuple[int, str]:
        """The layer that reads the kernel, and the attribute that it reads."""
        return id(self.layer), storage(type(self.layer).plain, self.spec)

    def masked_kernel(self):
        """Returns the kernel with a masked gradient; inside `masking_gradients_later` the kernel itself."""
        if getattr(_gradients, "later", False):
            return ops.convert_to_tensor(self.variable)
        # A custom gradient's function must not read variables; the copies are tensors.
        return _with_masked_gradient(ops.copy(self.variable), self._hold.read_mask())

    def set_mask(self, kept, frozen_values=None) -> None:
        """Masks the kernel; see `MaskedLayer.set_mask`."""
        kept = masks.as_booleans(self.name, kept)
        if kept.shape != tuple(self.variable.shape):
            raise InputError(f"{self.name}: a mask of shape {kept.shape} for a kernel of {tuple(self.variable.shape)}.")
        if not kept.any():
            raise InputError(f"{self.name}: the mask keeps 0 of {kept.size} weights: nothing could pass that layer.")
        frozen = np.zeros(kept.shape, np.float32) if frozen_values is None else np.asarray(frozen_values)
        if frozen.shape != kept.shape:
            raise InputError(f"{self.name}: frozen values of shape {frozen.shape} for a mask of {kept.shape}.")
        masks.check_finite(self.name, frozen[~kept])  # those of kept weights are not read
        self.kernel_mask.assign(kept)
        self.frozen_values.assign(np.where(kept, 0, frozen))
        self.variable.assign(np.where(kept, ops.convert_to_numpy(self.variable), frozen))


@checked
class MaskedLayer(keras.layers.Layer):
    """The base class of masked layers: sets, saves and loads masks and frozen values.

    Attributes:
      plain: the layer's class without masks.
      kernel_mask, frozen_values: those of `MaskedKernel`, if the layer has one kernel.
    """

    plain: type
    trainable: bool
    _masked: tuple[MaskedKernel, ...] = ()

    @property
    def masked_kernels(self) -> tuple[MaskedKernel, ...]:
        """The layer's kernels with their masks, once it is built."""
        return self._masked

    def add_masks(self) -> None:
        """Gives each kernel a mask that keeps every weight, and the constraint that holds pruned weights."""
        if self._masked or not kernels_of(self):
            return
        self._tracker.unlock()
        kernels = tuple(MaskedKernel(self, spec, variable) for spec, variable in kernel_variables(self))
        if len(kernels) == 1:
            self.kernel_mask, self.frozen_values = kernels[0].kernel_mask, kernels[0].frozen_values
        self._tracker.lock()
        object.__setattr__(self, "_masked", kernels)  # Keras would track it, and find the layer inside itself

    def set_mask(self, kept, frozen_values=None, kernel: str | None = None) -> None:
        """Masks a kernel.

        Args:
          kept: array of the kernel's shape, of booleans, or of 0 and 1: True where the weight is kept.
          frozen_values: array of the kernel's shape with the values of pruned weights; None: zero. Values of kept
            weights are not used.
          kernel: the name of the kernel if the layer has several, for example "recurrent_kernel".

        Raises:
          InputError: an array has another shape, the mask keeps nothing or has values other than booleans, 0 and 1,
            frozen values are not finite, the layer has no such kernel, or it is not built.
        """
        attributes = [spec.attribute for spec in kernels_of(self)]
        if kernel not in (attributes if len(attributes) > 1 else [None, *attributes]):
            raise InputError(f"{self.name}: kernel is {kernel!r}; it must be one of {', '.join(attributes)}.")
        if not self._masked:
            raise InputError(f"{self.name} has no weights yet: build it first.")
        self._masked[0 if kernel is None else attributes.index(kernel)].set_mask(kept, frozen_values)

    def kernels_read_in_call(self) -> Iterable[MaskedKernel]:
        """Returns the kernels that the layer's `call` reads."""
        return self._masked

    def enable_lora(self, *args, **kwargs):
        """Raises InputError: LoRA adds to all weights of the kernel, so pruned weights would change."""
        raise InputError(
            f"{self.name}: LoRA adds to pruned weights as well, so they would not be held. Enable it on a model "
            "without masks, lottery_tf.unmasked(model)."
        )

    # Keras's layers save their kernel and bias only; the base class saves all variables of a layer.

    def save_own_variables(self, store):
        """Saves all variables, the masks and the frozen values among them."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        """Loads what `save_own_variables` saved."""
        keras.layers.Layer.load_own_variables(self, store)


@contextlib.contextmanager
def masking_gradients_later() -> Iterator[None]:
    """Makes layers compute without masked gradients: the caller masks the gradients, if it needs them.

    A custom training loop can do this in the program that updates the weights, where it costs nothing. It also saves
    memory: TensorFlow keeps each traced custom gradient, and its graph, until the process ends.
    """
    before, _gradients.later = getattr(_gradients, "later", False), True
    try:
        yield
    finally:
        _gradients.later = before


@contextlib.contextmanager
def reading_masked(kernels: Iterable[MaskedKernel]) -> Iterator[None]:
    """Makes layers read their kernels with masked gradients; nested layers read those of the outermost layer."""
    outer = getattr(_substitutes, "tensors", {})
    inner = {kernel.substitute_key: kernel for kernel in kernels if kernel.substitute_key not in outer}
    _substitutes.tensors = outer | {key: kernel.masked_kernel() for key, kernel in inner.items()}
    try:
        yield
    finally:
        _substitutes.tensors = outer


class _KernelAttribute:
    """A layer's kernel: the variable or, while the layer computes, the tensor with a masked gradient."""

    def __init__(self, name: str):
        self._name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None:
            return self
        substitute = getattr(_substitutes, "tensors", {}).get((id(layer), self._name))
        if substitute is not None:
            return substitute
        try:
            return vars(layer)[self._name]
        except KeyError:
            raise AttributeError(f"{type(layer).__name__} has no attribute {self._name!r} yet.") from None

    def __set__(self, layer: Any, value: Any) -> None:
        vars(layer)[self._name] = value

    def __delete__(self, layer: Any) -> None:
        del vars(layer)[self._name]


def masked_attributes(plain: Any) -> dict[str, Any]:
    """Returns the attributes that the masked class of a Keras layer adds: its `call` and its kernels."""

    @functools.wraps(plain.call)
    def call(self, *args, **kwargs):
        with reading_masked(self.kernels_read_in_call()):
            return plain.call(self, *args, **kwargs)

    kernels = next((KERNELS[kind] for kind in plain.__mro__ if kind in KERNELS), ())
    attributes = {name: _KernelAttribute(name) for name in (storage(plain, spec) for spec in kernels)}
    return {"plain": plain, "call": call, "__module__": __name__, **attributes}


def masked_class(plain: Any) -> type:
    """Returns the masked class of a Keras layer with kernels. It takes the same arguments."""

    @functools.wraps(plain.build)
    def build(self, *args, **kwargs):
        plain.build(self, *args, **kwargs)
        self.add_masks()

    doc = f"`keras.layers.{plain.__name__}` with masks on its kernels; it takes the same arguments."
    masked = type(
        f"Masked{plain.__name__}", (MaskedLayer, plain), masked_attributes(plain) | {"build": build, "__doc__": doc}
    )
    return keras.saving.register_keras_serializable(package="lottery_tf")(masked)


MASKABLE: dict[type, Any] = {plain: masked_class(plain) for plain in KERNELS}  # Keras's layer -> the masked one

MaskedDense = MASKABLE[keras.layers.Dense]
MaskedConv1D = MASKABLE[keras.layers.Conv1D]
MaskedConv2D = MASKABLE[keras.layers.Conv2D]
MaskedConv3D = MASKABLE[keras.layers.Conv3D]
