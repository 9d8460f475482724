"""Which weights of which layers can be pruned: one table, from a Keras layer to its kernels.

Masks, newly drawn weights, weight decay and summaries of a model all use it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import keras
from keras.src.layers.rnn.conv_lstm import ConvLSTMCell  # Keras does not export it

layers = keras.layers


class Kernel(NamedTuple):
    """A weight of a layer that can be pruned.

    Attributes:
      attribute: the layer's attribute that holds it.
      options: the beginning of the layer's arguments for it: "kernel" in `kernel_initializer`.
    """

    attribute: str
    options: str

    @property
    def initializer(self) -> str:
        """The layer's attribute with the initializer."""
        return f"{self.options}_initializer"

    def mask_names(self, alone: bool) -> tuple[str, str]:
        """Returns the names of the mask and the frozen values in a masked layer; `alone`: it is the only kernel."""
        return ("kernel_mask", "frozen_values") if alone else (f"{self.attribute}_mask", f"{self.attribute}_frozen")


KERNEL = (Kernel("kernel", "kernel"),)
DEPTHWISE = (Kernel("kernel", "depthwise"),)
SEPARABLE = (Kernel("depthwise_kernel", "depthwise"), Kernel("pointwise_kernel", "pointwise"))
RECURRENT = (Kernel("kernel", "kernel"), Kernel("recurrent_kernel", "recurrent"))

CONVOLUTIONS: dict[type, tuple[Kernel, ...]] = {
    layers.Conv1D: KERNEL,
    layers.Conv2D: KERNEL,
    layers.Conv3D: KERNEL,
    layers.Conv1DTranspose: KERNEL,
    layers.Conv2DTranspose: KERNEL,
    layers.Conv3DTranspose: KERNEL,
    layers.DepthwiseConv1D: DEPTHWISE,
    layers.DepthwiseConv2D: DEPTHWISE,
    layers.SeparableConv1D: SEPARABLE,
    layers.SeparableConv2D: SEPARABLE,
}

KERNELS: dict[type, tuple[Kernel, ...]] = {
    layers.Dense: KERNEL,
    **CONVOLUTIONS,
    layers.EinsumDense: KERNEL,
    ConvLSTMCell: RECURRENT,
    layers.Embedding: (Kernel("embeddings", "embeddings"),),
    layers.SimpleRNNCell: RECURRENT,
    layers.GRUCell: RECURRENT,
    layers.LSTMCell: RECURRENT,
}

MASK_VARIABLES = {  # the names of variables that masked layers have and Keras's do not
    name for kernels in KERNELS.values() for kernel in kernels for name in kernel.mask_names(alone=len(kernels) == 1)
}


def kernels_of(layer: keras.layers.Layer) -> tuple[Kernel, ...]:
    """Returns the kernels of a layer, without those of layers inside it. A subclass has the kernels of its base class.

    >>> [kernel.attribute for kernel in kernels_of(keras.layers.LSTMCell(3))]
    ['kernel', 'recurrent_kernel']
    """
    return next((KERNELS[kind] for kind in type(layer).__mro__ if kind in KERNELS), ())


def storage(kind: type, kernel: Kernel) -> str:
    """Returns the attribute that holds a kernel's variable. It begins with "_" if the kernel itself is a property."""
    return f"_{kernel.attribute}" if isinstance(getattr(kind, kernel.attribute, None), property) else kernel.attribute


def kernel_variables(layer: keras.layers.Layer) -> Iterator[tuple[Kernel, keras.Variable]]:
    """Yields the kernels of a layer with their variables, without those that are not built."""
    for kernel in kernels_of(layer):
        variable = vars(layer).get(storage(type(layer), kernel))
        if isinstance(variable, keras.Variable):
            yield kernel, variable


def uses_other_kernel(layer: keras.layers.Layer) -> bool:
    """Returns whether a layer computes with whole numbers (quantized), or adds other weights to its kernel (LoRA)."""
    return bool(getattr(layer, "quantization_mode", None)) or getattr(layer, "lora_enabled", False)


def can_be_masked(layer: keras.layers.Layer) -> bool:
    """Returns whether a layer has kernels of floating-point numbers, and computes with these kernels only."""
    if uses_other_kernel(layer):
        return False
    dtypes = [variable.dtype for _, variable in kernel_variables(layer)]
    return bool(dtypes) and all(map(keras.backend.is_float_dtype, dtypes))


def is_convolution(layer: keras.layers.Layer) -> bool:
    """Returns whether a layer's kernels are those of a convolution."""
    return isinstance(layer, (*CONVOLUTIONS, ConvLSTMCell))
