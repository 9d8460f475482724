"""The constraint that holds pruned weights where the mask-0 action put them.

Pruned weights are held in four steps:

  1. The mask-0 action (`pruning.mask0_actions`) sets their values in the start of a ticket.
  2. `model_weights.assign` gives mask and values to each kernel, which keeps them as `kernel_mask` and `frozen_values`
     (`layers.MaskedKernel.set_mask`).
  3. Their gradient is masked: by `Programs._apply` in an experiment, by `layers.mask_gradient` in Keras's own `fit`.
     So clipping by norm and the optimizer's averages of gradients see kept weights only.
  4. After each update Keras calls this constraint, which sets them back to `frozen_values`.
"""

from __future__ import annotations

import inspect

import keras
from keras import ops
from keras.src.backend.common.stateless_scope import in_stateless_scope


class HoldPruned(keras.constraints.Constraint):
    """Sets pruned weights back to their frozen values, to the bit, after every update of the optimizer.

    Where the optimizer averages weights (`use_ema`), it holds the averages too, so that nothing moves when they take
    the weights' place. A masked layer makes one for each kernel; it is not meant to be passed to a layer by hand.

    `before` is another constraint of the same kernel, which is applied first.
    """

    def __init__(self, kernel_mask, frozen_values, before=None):
        self.kernel_mask = kernel_mask
        self.frozen_values = frozen_values
        self.before = before
        self._read: tuple | None = None

    def read_mask(self):
        """Returns the mask as a tensor, for the forward pass.

        JAX's `fit` hides a layer's variables from the optimizer, so that what the forward pass of a step reads is
        remembered for the update of the same step.
        """
        if keras.backend.backend() == "jax":
            self._read = self.kernel_mask.value, self.frozen_values.value
        return ops.copy(self.kernel_mask)

    def __call__(self, kernel):
        """Returns the kernel with its pruned weights at their frozen values."""
        mask, frozen = self._of_this_step()
        for average in _averages(kernel):
            average.assign(ops.where(mask, ops.convert_to_tensor(average), frozen))
        if self.before is not None:
            kernel = self.before(kernel)
        return ops.where(mask, ops.convert_to_tensor(kernel), frozen)

    def _of_this_step(self):
        if self._read is not None and in_stateless_scope():
            return self._read
        return ops.convert_to_tensor(self.kernel_mask), ops.convert_to_tensor(self.frozen_values)


def _averages(kernel) -> list[keras.Variable]:
    """Returns the kernel's moving average in the optimizer that calls its constraint, if it has one.

    Keras passes only the kernel to a constraint, so the optimizer is looked up in the call stack.
    """
    frame = inspect.currentframe()
    while frame is not None and not isinstance(frame.f_locals.get("self"), keras.optimizers.Optimizer):
        frame = frame.f_back
    if frame is None or not frame.f_locals["self"].use_ema:
        return []
    optimizer = frame.f_locals["self"]
    pairs = zip(optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True)
    return [average for variable, average in pairs if variable is kernel and average is not None]
