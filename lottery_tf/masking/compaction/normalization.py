"""Rules for normalizations: of each channel, of groups of channels, and of all of them together."""

from __future__ import annotations

import numpy as np

from lottery_tf.masking.compaction.rule import Call, EachChannel, Rule, Smaller, as_array, computed, from_end


class BatchNormalization(EachChannel):
    """Batch normalization; a channel whose factor is zero is constant."""

    def __init__(self, call: Call):
        super().__init__(call, computed)
        self.axis = from_end(self.layer.axis, len(call.shape_in))
        self.axes = [self.axis]

    def constants(self, constants):
        if self.layer.scale:
            constants = [np.where(as_array(self.layer.gamma) == 0, 0, constants[0])]
        return super().constants(constants)


class LayerNormalization(Rule):
    """Normalization over the channels of each position: each output depends on all of them."""

    def __init__(self, call: Call):
        super().__init__(call)
        axes = self.layer.axis if isinstance(self.layer.axis, list | tuple) else [self.layer.axis]
        self.axis = from_end(axes[0], len(call.shape_in))
        self.axes, self.known = [self.axis], len(axes) == 1

    def constants(self, constants):
        factor, offset = _factor_and_offset(self.layer)
        return np.where(factor == 0, offset, np.full_like(constants[0], np.nan))

    def needed(self, constants, needed):
        return [np.full_like(needed, needed.any())]


class GroupNormalization(Rule):
    """Normalization over groups of channels. All channels of a group are kept, or none."""

    def __init__(self, call: Call):
        super().__init__(call)
        self.axis = from_end(self.layer.axis, len(call.shape_in))
        self.axes = [self.axis]

    def constants(self, constants):
        values = constants[0].reshape(self.layer.groups, -1)  # a group of constants becomes constants
        deviations = values - values.mean(axis=1, keepdims=True)
        normalized = deviations / np.sqrt((deviations**2).mean(axis=1, keepdims=True) + self.layer.epsilon)
        factor, offset = _factor_and_offset(self.layer)
        return np.where(factor == 0, offset, normalized.ravel() * factor + offset)

    def _all_of_their_groups(self, chosen: np.ndarray) -> np.ndarray:
        return np.repeat(chosen.reshape(self.layer.groups, -1).any(axis=1), len(chosen) // self.layer.groups)

    def needed(self, constants, needed):
        return [self._all_of_their_groups(needed)]

    def coupled(self, kept, kept_out):
        channels = self._all_of_their_groups(kept[0] | kept_out)
        return [channels], channels

    def smaller(self, constants, needed, kept, kept_out):
        groups = kept[0].reshape(self.layer.groups, -1).any(axis=1)
        return Smaller([weight[kept[0]] for weight in self.layer.get_weights()], {"groups": int(groups.sum())})


def _factor_and_offset(layer) -> tuple[np.ndarray, np.ndarray]:
    """Returns the factor and the offset of a normalization for each channel."""
    candidates = (getattr(layer, "gamma", None), layer.scale)
    factor = next((candidate for candidate in candidates if hasattr(candidate, "shape")), None)
    offset = getattr(layer, "beta", None)
    return np.ones(1) if factor is None else as_array(factor), np.zeros(1) if offset is None else as_array(offset)
