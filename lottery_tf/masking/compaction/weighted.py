"""Rules for layers with kernels: dense layers, convolutions of all kinds, embeddings."""

from __future__ import annotations

import numpy as np
from keras import ops

from lottery_tf.masking.compaction.rule import (
    ELEMENTWISE,
    Call,
    Channels,
    Rule,
    Smaller,
    as_array,
    at_least_one,
    channel_axis,
)
from lottery_tf.masking.kernel_table import uses_other_kernel


class Weighted(Rule):
    """A layer whose outputs are weighted sums of its inputs.

    A convolution with groups divides its channels into blocks, and each block of the output depends on one block of the
    input. A dense layer is treated as a convolution with one position and one group, and a depthwise convolution as one
    with a group for each channel.

    Attributes:
      kernel: (positions, inputs in a group, outputs) array.
      groups: the number of groups.
    """

    size = "filters"  # the name of the number of outputs in the configuration
    initializers = ("kernel_initializer", "bias_initializer")

    def __init__(self, call: Call):
        super().__init__(call)
        layer = self.layer
        self.axes, self.axis = [channel_axis(layer, call.shape_in)], channel_axis(layer, call.shape_out)
        self.known = not uses_other_kernel(layer)
        self.elementwise = layer.activation in ELEMENTWISE
        self.groups = self._groups()
        weights = layer.get_weights()
        self._kernel_shape = weights[0].shape
        self.kernel = self._read(weights[0])
        self.bias = weights[1] if layer.use_bias else np.zeros(self.kernel.shape[2], weights[0].dtype)
        self.pads = len(self.kernel) > 1 and layer.padding != "valid"
        self.known &= not self._is_misread(self.kernel.shape[2])

    def _is_misread(self, channels: int) -> bool:
        """Returns whether Keras would add the bias along the last axis instead of the channel axis."""
        return self.axis != -1 and channels > 1 and self.call.shape_out[-1] in (None, channels)

    def _groups(self) -> int:
        return getattr(self.layer, "groups", 1)

    def _read(self, kernel: np.ndarray) -> np.ndarray:
        return kernel.reshape(-1, *kernel.shape[-2:])

    def _written(self, kernel: np.ndarray, groups: int) -> np.ndarray:
        return kernel.reshape(*self._kernel_shape[:-2], *kernel.shape[1:])

    def _inputs_of_outputs(self, channels: Channels) -> np.ndarray:
        """Returns the input channels of each output: (inputs in a group, outputs); (inputs, 1) for one group."""
        blocks = channels.reshape(self.groups, -1)
        return (blocks if self.groups == 1 else np.repeat(blocks, self.kernel.shape[2] // self.groups, axis=0)).T

    def _folded(self, constants: Channels) -> tuple[np.ndarray, np.ndarray]:
        """Moves constant inputs from the kernel to the bias where this is exact, and returns both."""
        folded = constants == 0 if self.pads else ~np.isnan(constants)
        if not folded.any():
            return self.kernel, self.bias
        values = self._inputs_of_outputs(np.where(folded, constants, 0))
        bias = self.bias + (values * self.kernel.sum(axis=0, dtype=np.float64)).sum(axis=0)
        return np.where(self._inputs_of_outputs(folded), 0, self.kernel), bias

    def _wanted(self, needed: Channels) -> Channels:
        """Returns the outputs that must be right: all of them if the activation is not elementwise."""
        return needed | (not self.elementwise)

    def constants(self, constants):
        kernel, bias = self._folded(constants[0])
        if not self.elementwise:
            return np.full(len(bias), np.nan)
        values = as_array(self.layer.activation(ops.cast(bias, self.layer.compute_dtype)))
        return np.where(kernel.any(axis=(0, 1)), np.nan, values)

    def needed(self, constants, needed):
        kernel, _ = self._folded(constants[0])
        used = kernel.any(axis=0) & self._wanted(needed)
        return [used.reshape(len(used), self.groups, -1).any(axis=2).T.ravel()]

    def coupled(self, kept, kept_out):
        kept_out = self._wanted(kept_out)
        if self._is_misread(kept_out.sum()):
            kept_out[np.argmin(kept_out)] = True
        if self.groups == 1:
            return kept, kept_out
        blocks = [channels.reshape(self.groups, -1) for channels in (kept[0], kept_out)]
        stays = blocks[0].any(axis=1) | blocks[1].any(axis=1)
        kept_in, kept_out = (_equally_many(block, stays).ravel() for block in blocks)
        return [kept_in], kept_out

    def smaller(self, constants, needed, kept, kept_out):
        kernel, bias = self._folded(constants[0])
        wanted = self._wanted(needed)
        # No output depends on a unit that is kept only because a layer needs one; its own inputs may be removed.
        kernel, bias = np.where(wanted, kernel, 0), np.where(wanted, bias, 0)
        rows, picked = self._rows(constants, needed, kept[0])
        blocks = zip(rows.reshape(self.groups, -1), kept_out.reshape(self.groups, -1), strict=True)
        parts = np.split(kernel, self.groups, axis=2)
        stay = [part[:, ins][:, :, outs] for part, (ins, outs) in zip(parts, blocks, strict=True) if outs.any()]
        kernel, bias = np.concatenate(stay, axis=2), bias[kept_out]
        use_bias = bool(self.layer.use_bias or bias.any())
        config = self._config(kernel.shape[2], len(stay)) | {"use_bias": use_bias}
        config |= dict.fromkeys(self.initializers, "zeros")  # an initializer may depend on the shape
        return Smaller([self._written(kernel, len(stay))] + [bias] * use_bias, config, picked)

    def _rows(self, constants, needed, kept: Channels) -> tuple[Channels, list[int] | None]:
        """Returns the inputs whose weights are kept, and the inputs to select; None: all."""
        return kept, None

    def _config(self, outputs: int, groups: int) -> dict:
        return {self.size: outputs} | ({"groups": groups} if self.groups > 1 else {})


def _equally_many(block: np.ndarray, stays: np.ndarray) -> np.ndarray:
    """Adds channels to the kept ones, so that each group that stays has the same number, at least one."""
    count = max(1, block.sum(axis=1).max(initial=0))
    order = np.argsort(~block, axis=1, kind="stable")
    filled = np.zeros_like(block)
    np.put_along_axis(filled, order[:, :count], True, axis=1)
    return filled & stays[:, np.newaxis]


class Dense(Weighted):
    """A dense layer, which may select the inputs that it uses."""

    size = "units"

    def _rows(self, constants, needed, kept):
        used = at_least_one(self.needed(constants, needed)[0], among=kept)
        # `ops.take` would lose the mask of time steps that Keras attaches to a tensor.
        may_pick = self.call.pick and not self.call.inputs[0].may_have_mask
        if not may_pick or 2 * used.sum() > kept.sum():
            return kept, None
        return used, np.flatnonzero(used[kept]).tolist()


class DepthwiseConvolution(Weighted):
    """A convolution of each channel separately, into one or several output channels."""

    initializers = ("depthwise_initializer", "bias_initializer")

    def _groups(self) -> int:
        return self.layer.get_weights()[0].shape[-2]

    def _read(self, kernel):
        return kernel.reshape(-1, 1, kernel.shape[-2] * kernel.shape[-1])

    def _written(self, kernel, groups):
        return kernel.reshape(*self._kernel_shape[:-2], groups, -1)

    def _config(self, outputs, groups):
        return {"depth_multiplier": outputs // groups}


class TransposedConvolution(Weighted):
    """A transposed convolution. Its kernel has the axis of outputs before that of inputs."""

    def __init__(self, call: Call):
        super().__init__(call)
        self.pads = True  # the number of weights that reach a position differs

    def _read(self, kernel):
        return super()._read(np.swapaxes(kernel, -1, -2))

    def _written(self, kernel, groups):
        return np.swapaxes(super()._written(kernel, groups), -1, -2)


class Embedding(Rule):
    """An embedding: a vector for each whole number. Its inputs have no channels."""

    def __init__(self, call: Call):
        super().__init__(call)
        self.axes, self.axis = [None], -1
        self.known = not uses_other_kernel(self.layer)
        self._vectors = self.layer.get_weights()[0]

    def constants(self, constants):
        return np.where((self._vectors == self._vectors[0]).all(axis=0), self._vectors[0], np.nan)

    def coupled(self, kept, kept_out):
        return kept, kept_out

    def smaller(self, constants, needed, kept, kept_out):
        config = {"output_dim": int(kept_out.sum()), "embeddings_initializer": "zeros"}
        return Smaller([self._vectors[:, kept_out]], config)
