"""Rules for activations, and for layers that only move numbers to other positions."""

from __future__ import annotations

import keras
import numpy as np

from lottery_tf.masking.compaction.rule import ELEMENTWISE, Call, EachChannel, Rule, Smaller, computed


class Activation(EachChannel):
    """An elementwise activation."""

    def __init__(self, call: Call):
        super().__init__(call, computed)
        self.known = self.layer.activation in ELEMENTWISE


class PReLU(Rule):
    """max(0, x) + alpha min(0, x), with an alpha for each number; numbers along the shared axes have the same alpha."""

    def __init__(self, call: Call):
        super().__init__(call)
        self._alpha = self.layer.get_weights()[0]
        self._shared = self._alpha.shape[self.axis] != call.inputs[0].size

    def constants(self, constants):
        alpha = np.moveaxis(self._alpha, self.axis, -1).reshape(-1, self._alpha.shape[self.axis])
        values = np.where(constants[0] >= 0, constants[0], alpha * constants[0])
        return np.where((values == values[0]).all(axis=0), values[0], np.nan)

    def smaller(self, constants, needed, kept, kept_out):
        return Smaller([self._alpha if self._shared else np.compress(kept[0], self._alpha, self.axis)])


class Rearranged(Rule):
    """A layer that moves numbers into another shape, if each channel of the output comes from one channel of the input.

    To find it, the layer is called with the index of the channel in the place of each number.

    Attributes:
      source: for each channel of the output the index of its channel in the input.
    """

    def __init__(self, call: Call):
        super().__init__(call)
        shape_in, shape_out = call.shape_in[1:], call.shape_out[1:]
        self.known = bool(shape_in) and None not in (*shape_in, *shape_out)
        if not self.known:
            return
        axis = self.axis
        channels = np.arange(shape_in[axis]).reshape([-1] + [1] * (-axis - 1))
        indices = keras.ops.convert_to_numpy(self.layer(np.broadcast_to(channels, (1, *shape_in)).astype("int32")))[0]
        for axis in range(-1, -len(shape_out) - 1, -1):
            rows = np.moveaxis(indices, axis, -1).reshape(-1, shape_out[axis])
            if (rows == rows[0]).all():
                self.axis, self.source = axis, rows[0]
                return
        self.known = False

    def constants(self, constants):
        return constants[0][self.source]

    def needed(self, constants, needed):
        return [np.bincount(self.source, needed, minlength=self.call.inputs[0].size) > 0]

    def coupled(self, kept, kept_out):
        (kept_in,) = self.needed([], kept_out)
        kept_in = kept[0] | kept_in
        return [kept_in], kept_in[self.source]

    def smaller(self, constants, needed, kept, kept_out):
        if not isinstance(self.layer, keras.layers.Reshape):
            return Smaller([])
        target = list(self.call.shape_out[1:])
        target[self.axis] = int(kept_out.sum())
        return Smaller([], {"target_shape": tuple(target)})
