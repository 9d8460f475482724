"""Learned Supermasks: masks trained by gradient over weights that are not (Zhou et al., Section 5.1 and S3).

The effective weights are w' = w * g(m), with trainable logits m of the kernels' shapes and g one of `gates`. Biases
keep their initial values. g is 0 or 1 in the forward pass; backwards it passes the gradient of a smooth function
(straight-through).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy.special import expit

from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, model_weights
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.pruning.masks import Mask
from lottery_tf.supermasks import gates
from lottery_tf.supermasks.mask_settings import GATES, check
from lottery_tf.training.sampled_model import SampledModel


@keras.saving.register_keras_serializable(package="lottery_tf")
class KeptProbability(keras.regularizers.Regularizer):
    """An L1 penalty on mask probabilities, factor * sum(sigmoid(m)), as Section S3 proposes."""

    def __init__(self, factor: float):
        self.factor = factor

    def __call__(self, logits):
        """The penalty for the logits of one kernel."""
        return self.factor * ops.sum(ops.sigmoid(logits))

    def get_config(self):
        """The arguments from which `from_config` rebuilds it."""
        return {"factor": self.factor}


@keras.saving.register_keras_serializable(package="lottery_tf")
class MaskLogits(keras.layers.Layer):
    """The trainable logits m of one kernel.

    Args:
      shape: the kernel's shape.
      initial: the value that every logit starts from.
      l1: factor of the penalty on sigmoid(m).
    """

    def __init__(self, shape, initial=0.0, l1=0.0, **kwargs):
        super().__init__(**kwargs)
        self._config = {"shape": list(shape), "initial": initial, "l1": l1}
        self.logits = self.add_weight(
            name="logits",
            shape=tuple(shape),
            initializer=keras.initializers.Constant(initial),
            regularizer=KeptProbability(l1) if l1 else None,
        )
        self.built = True

    def get_config(self):
        """The arguments from which `from_config` rebuilds it."""
        return super().get_config() | self._config


@keras.saving.register_keras_serializable(package="lottery_tf")
class MaskedModel(SampledModel):
    """A Supermask: a Keras model whose weights are frozen while a mask over its Dense and Conv kernels is learned.

    It is unrelated to `masked`, which holds the pruned weights of a model that trains.

    Use it with Keras's own `compile`, `fit`, `evaluate` and `save`. Only the mask logits are trained. If masks are
    drawn at random, an evaluation averages over `samples` of them.

    Args:
      network: a built Keras model. It is copied; its present weights are the untrained ones.
      weights: "initial" (the kernels as they are) or "signed_constant" (their sign times the standard deviation of all
        the layer's initial weights).
      g: a name in `mask_settings.GATES`.
      rescale: whether each kernel is multiplied by its number of weights / ones in its mask in every forward pass; the
        gradient passes through this factor too (dynamic weight rescaling; later version of the paper, Section 5.2).
      initial_logit: the value that every logit starts from, or a dictionary from kernel names to values.
      l1: the factor of an L1 penalty on the mask probabilities; 0 for none.
      kept_fraction: the share of each layer that `edge_popup` keeps, in (0, 1); None for any other g.
      seed: the seed of the masks that are drawn.
      samples: how many masks an evaluation averages over.

    Raises:
      InputError: a name is unknown, or values do not go together.

    >>> network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> model = MaskedModel(network, weights="signed_constant", initial_logit=2.0)
    >>> [tuple(variable.shape) for variable in model.trainable_variables]
    [(4, 3)]
    """

    def __init__(
        self,
        network: keras.Model,
        weights: str = "initial",
        g: str = "bernoulli",
        rescale: bool = False,
        initial_logit: float | dict[str, float] = 0.0,
        l1: float = 0.0,
        kept_fraction: float | None = None,
        seed: int = 0,
        samples: int = 10,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check(weights, g, l1, kept_fraction, samples)
        masked = conversion.masked(network)
        kernels = model_weights.kernels(masked)
        logits = logits_by_kernel(initial_logit, kernels)
        self._config: dict[str, Any] = {"weights": weights, "g": g, "rescale": rescale, "initial_logit": initial_logit}
        self._config |= {"l1": l1, "kept_fraction": kept_fraction, "seed": seed, "samples": samples}
        self.samples = samples if GATES[g].random else 1
        self.network = conversion.unmasked(masked)
        self.network.trainable = False
        frozen = dict(model_weights.variables(self.network))
        for name, kernel in kernels.items():
            frozen[name].assign(SUPERMASK_WEIGHTS[weights](kernel))
        self._kernels = [frozen[name] for name in kernels]
        self.masks = [
            MaskLogits(kernel.shape, logits[name], l1, name="mask_of_" + name.replace("/", "_"))
            for name, kernel in kernels.items()
        ]
        self.kernel_names = list(kernels)
        self._kept_counts = [max(1, round(kernel.size * (kept_fraction or 1))) for kernel in kernels.values()]
        if g == "edge_popup":
            self.draw_scores(seed)
        self._gate, self._rescale = getattr(gates, g), rescale
        self._seeds = keras.random.SeedGenerator(seed)
        self._network_draws = [each for each in self.network.variables if each.name == "seed_generator_state"]
        # XLA compiles this even where it does not compile the model: its random numbers and fused products are cheaper.
        self._masked_kernels = tf.function(self._gated, jit_compile=True)
        self.built = True

    def draw_scores(self, seed: int) -> None:
        """Draws the initial scores of `edge_popup` uniformly at random, because equal scores cannot be ranked."""
        rng = np.random.default_rng(seed)
        for mask in self.masks:
            bound = np.sqrt(6 / np.prod(mask.logits.shape[:-1]))
            mask.logits.assign(rng.uniform(-bound, bound, mask.logits.shape))

    def draw_network(self) -> Callable:
        """Draws a mask; returns a function from inputs and `training` to the outputs of the network under it."""
        kernels = self._masked_kernels(ops.cast(self._seeds.next(), "int32"))
        substitutes = list(zip(self._kernels, kernels, strict=True))

        def call(inputs, training=False):
            with keras.StatelessScope(state_mapping=substitutes) as scope:
                outputs = self.network(inputs, training=training)
            # The random state of the network's own layers (dropout) must advance, or each step would draw the same.
            for state in self._network_draws:
                drawn = scope.get_current_value(state)
                if drawn is not None:
                    state.assign(drawn)
            return outputs

        return call

    def _gated(self, seed):
        """The kernels under a mask drawn from a seed of two integers."""
        sizes = [int(np.prod(kernel.shape)) for kernel in self._kernels]
        # One draw for all layers; threefry is by far the fastest generator under XLA on a CPU.
        uniform = tf.split(tf.random.stateless_uniform((sum(sizes),), seed, alg="threefry"), sizes)
        kernels = []
        for mask, kernel, numbers, count in zip(self.masks, self._kernels, uniform, self._kept_counts, strict=True):
            gate = self._gate(mask.logits.value, tf.reshape(numbers, kernel.shape), count)
            scale = numbers.shape[0] / tf.maximum(tf.reduce_sum(gate), 1) if self._rescale else 1
            kernels.append(kernel.value * gate * scale)
        return kernels

    def call(self, inputs, training=False):
        """The network's outputs under a newly drawn mask."""
        return self.draw_network()(inputs, training=training)

    def train_step(self, data):
        """One step of `fit`: updates the mask logits, and nothing else."""
        inputs, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        logits = [mask.logits for mask in self.masks]
        with tf.GradientTape() as tape:
            outputs = self.draw_network()(inputs, training=True)
            loss = self.compute_loss(inputs, labels, outputs, sample_weight, training=True)
            scaled = self.optimizer.scale_loss(loss)
        self._loss_tracker.update_state(loss, sample_weight=_batch_size(inputs))
        self.optimizer.apply(tape.gradient(scaled, [variable.value for variable in logits]), logits)
        return self.compute_metrics(inputs, labels, outputs, sample_weight)

    def test_step(self, data):
        """One step of `evaluate`: the mean over `samples` drawn masks."""
        inputs, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        for _ in range(self.samples):
            outputs = self.draw_network()(inputs)
            loss = self.compute_loss(inputs, labels, outputs, sample_weight, training=False)
            self._loss_tracker.update_state(loss, sample_weight=_batch_size(inputs))
            result = self.compute_metrics(inputs, labels, outputs, sample_weight)
        return result

    def probabilities(self) -> dict[str, np.ndarray]:
        """For each kernel the probability that each weight is kept."""
        if GATES[self._config["g"]].random:
            return {name: expit(mask.logits.numpy()) for name, mask in self._named()}
        return {name: kept.astype(np.float32) for name, kept in self.most_likely_mask().items()}

    def most_likely_mask(self) -> Mask:
        """The most likely mask; a weight of probability 1/2 is kept."""
        if self._config["g"] != "edge_popup":
            return {name: mask.logits.numpy() >= 0 for name, mask in self._named()}
        counts = dict(zip(self.kernel_names, self._kept_counts, strict=True))
        scores = {name: mask.logits.numpy() for name, mask in self._named()}
        return {name: m >= np.sort(m, axis=None)[-counts[name]] for name, m in scores.items()}

    def most_likely_network(self) -> keras.Model:
        """A plain Keras model: the network under the most likely mask, rescaled if this model rescales."""
        model = conversion.unmasked(conversion.masked(self.network))
        model.trainable = True
        variables, frozen = model_weights.variables(model), model_weights.variables(self.network)
        for name, kept in self.most_likely_mask().items():
            factor = np.float32(kept.size / max(1, kept.sum()) if self._rescale else 1)
            variables[name].assign(np.where(kept, frozen[name].numpy() * factor, 0))
        return model

    def _named(self):
        return zip(self.kernel_names, self.masks, strict=True)

    def get_config(self):
        """The arguments from which `from_config` rebuilds it.

        "weights" is "initial" because the saved network already holds the values in use.
        """
        network = keras.saving.serialize_keras_object(self.network)
        return super().get_config() | self._config | {"network": network, "weights": "initial"}

    @classmethod
    def from_config(cls, config):
        """A model from what `get_config` gave."""
        return cls(keras.saving.deserialize_keras_object(config.pop("network")), **config)


def _batch_size(inputs):
    return ops.shape(keras.tree.flatten(inputs)[0])[0]


def logits_by_kernel(initial_logit: float | dict[str, float], kernels: Collection[str]) -> dict[str, float]:
    """The initial logit of each kernel; raises InputError for a dictionary of other kernels, or not of all."""
    if not isinstance(initial_logit, dict):
        return dict.fromkeys(kernels, initial_logit)
    if odd := sorted(initial_logit.keys() ^ set(kernels)):
        raise InputError(f"Initial logits are needed for {', '.join(kernels)}; missing or unknown: {', '.join(odd)}.")
    return initial_logit
