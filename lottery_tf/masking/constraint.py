"""The constraint that holds pruned weights where the mask-0 action put them."""

from __future__ import annotations

import keras
from keras import ops


class HoldPruned(keras.constraints.Constraint):
    """Sets pruned weights back to their frozen values, bit for bit, after every update of the optimizer.

    A masked layer makes one for its kernel; it is not meant to be passed to a layer by hand.

    Args:
      kernel_mask: boolean variable of the kernel's shape, True where the weight is kept.
      frozen_values: variable of the kernel's shape; read where `kernel_mask` is False.
      then: another constraint of the same kernel, applied first, or None.
    """

    def __init__(self, kernel_mask, frozen_values, then=None):
        self.kernel_mask = kernel_mask
        self.frozen_values = frozen_values
        self.then = then

    def __call__(self, kernel):
        """The kernel with its pruned weights at their frozen values."""
        if self.then is not None:
            kernel = self.then(kernel)
        return ops.where(self.kernel_mask, kernel, self.frozen_values)
