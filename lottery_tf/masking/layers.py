"""Keras layers with a mask on their kernel: kept weights train, pruned ones stay exactly where they were frozen.

The kernel itself holds the frozen values; the forward pass multiplies nothing. Two things keep them. The gradient of
the loss is zero there, so pruned weights leave no trace in the optimizer's moments or in a gradient's norm (a kernel
regularizer's gradient, which Keras adds later, does). And the constraint of `constraint.py` restores them after every
update, weight decay included. One case escapes: with `use_ema=True`, `fit` ends by writing averages over the weights;
call `set_mask` again.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from lottery_tf.errors import InputError
from lottery_tf.masking.constraint import HoldPruned


@ops.custom_gradient
def mask_gradient(kernel, kernel_mask):
    """The kernel itself; backwards, the gradient with zeros where the mask is False."""

    def gradient(*args, upstream=None):
        upstream = args[0] if upstream is None else upstream
        return ops.where(kernel_mask, upstream, ops.zeros_like(upstream)), None

    return ops.copy(kernel), gradient


class MaskedLayer(keras.layers.Layer):
    """What masked layers share: the mask, the frozen values, and how they are set, saved and loaded.

    Attributes:
      kernel_mask: non-trainable boolean variable of the kernel's shape, True where the weight is kept.
      frozen_values: non-trainable variable of the kernel's shape: where the pruned weights are held.
    """

    def build(self, input_shape):
        """Makes the layer's weights, a mask that keeps them all, and the constraint that will hold pruned ones."""
        super().build(input_shape)
        kernel = self._kernel
        self.kernel_mask = self.add_weight(
            name="kernel_mask", shape=kernel.shape, dtype="bool", initializer="ones", trainable=False
        )
        self.frozen_values = self.add_weight(
            name="frozen_values", shape=kernel.shape, dtype=kernel.dtype, initializer="zeros", trainable=False
        )
        kernel.constraint = HoldPruned(self.kernel_mask, self.frozen_values, then=self.kernel_constraint)

    def set_mask(self, kept, frozen_values=None) -> None:
        """Masks the kernel.

        Args:
          kept: boolean array of the kernel's shape, True where the weight is kept.
          frozen_values: array of the kernel's shape with the values at which the pruned weights are held; None
            holds them at zero. It is read at the pruned places only.

        Raises:
          InputError: an array of another shape, or a mask that keeps nothing.
        """
        kept = np.asarray(kept, bool)
        if kept.shape != tuple(self._kernel.shape):
            raise InputError(f"{self.name}: a mask of shape {kept.shape} for a kernel of {tuple(self._kernel.shape)}.")
        if not kept.any():
            raise InputError(f"{self.name}: the mask keeps 0 of {kept.size} weights: nothing could pass that layer.")
        frozen = np.zeros(kept.shape, np.float32) if frozen_values is None else np.asarray(frozen_values)
        if frozen.shape != kept.shape:
            raise InputError(f"{self.name}: frozen values of shape {frozen.shape} for a mask of {kept.shape}.")
        self.kernel_mask.assign(kept)
        self.frozen_values.assign(np.where(kept, 0, frozen))
        self._kernel.assign(np.where(kept, self._kernel.numpy(), frozen))

    def masked_kernel(self, kernel):
        """The kernel to compute with, its gradient masked."""
        # A custom gradient's function must not read variables; the copies are tensors.
        return mask_gradient(ops.copy(kernel), ops.copy(self.kernel_mask))

    # Keras's Dense and Conv layers save their kernel and bias only; the base class saves all that a layer owns.

    def save_own_variables(self, store):
        """Saves all variables, the mask and the frozen values among them."""
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        """Loads what `save_own_variables` saved."""
        keras.layers.Layer.load_own_variables(self, store)


@keras.saving.register_keras_serializable(package="lottery_tf")
class MaskedDense(MaskedLayer, keras.layers.Dense):
    """`keras.layers.Dense` with a mask on its kernel; it takes the same arguments.

    >>> layer = MaskedDense(2)
    >>> layer.build((None, 3))
    >>> layer.set_mask([[True, False]] * 3)
    >>> layer.kernel.numpy()[:, 1].tolist()
    [0.0, 0.0, 0.0]
    """

    def call(self, inputs, training=None):
        """The layer's outputs; the gradient of its kernel is masked."""
        outputs = ops.matmul(inputs, self.masked_kernel(self.kernel))
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)


class MaskedConvolution(MaskedLayer):
    """What masked convolutions share: Keras's own convolution of a kernel whose gradient is masked."""

    def convolution_op(self, inputs, kernel):
        """Keras's own convolution, of the masked kernel."""
        return super().convolution_op(inputs, self.masked_kernel(kernel))


@keras.saving.register_keras_serializable(package="lottery_tf")
class MaskedConv1D(MaskedConvolution, keras.layers.Conv1D):
    """`keras.layers.Conv1D` with a mask on its kernel; it takes the same arguments."""


@keras.saving.register_keras_serializable(package="lottery_tf")
class MaskedConv2D(MaskedConvolution, keras.layers.Conv2D):
    """`keras.layers.Conv2D` with a mask on its kernel; it takes the same arguments."""


@keras.saving.register_keras_serializable(package="lottery_tf")
class MaskedConv3D(MaskedConvolution, keras.layers.Conv3D):
    """`keras.layers.Conv3D` with a mask on its kernel; it takes the same arguments."""


MASKABLE = {  # Keras's layer -> the masked one
    keras.layers.Dense: MaskedDense,
    keras.layers.Conv1D: MaskedConv1D,
    keras.layers.Conv2D: MaskedConv2D,
    keras.layers.Conv3D: MaskedConv3D,
}
