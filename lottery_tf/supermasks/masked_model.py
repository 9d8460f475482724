"""Learned Supermasks: masks trained by gradient over weights that are not (Zhou et al., Section 5.1 and S3).

The effective weights are w' = w * g(m), with trainable logits m of the kernels' shapes and g one of `GATES`. Biases
stay as they were initialized. g's values are 0 or 1; its gradient passes straight through to a smooth stand-in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy.special import expit

from lottery_tf.errors import InputError
from lottery_tf.masking import conversion, model_weights
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.pruning.masks import Mask
from lottery_tf.supermasks.gates import GATES
from lottery_tf.supermasks.mask_settings import SAMPLED, check
from lottery_tf.training.sampled_model import SampledModel


@keras.saving.register_keras_serializable(package="lottery_tf")
class KeptProbability(keras.regularizers.Regularizer):
    """An L1 penalty on mask probabilities: a factor times the sum of sigmoid(m), the remedy that S3 proposes.

    Args:
      factor: what the sum over the layer's weights is multiplied by.
    """

    def __init__(self, factor: float):
        self.factor = factor

    def __call__(self, logits):
        return self.factor * ops.sum(ops.sigmoid(logits))

    def get_config(self):
        return {"factor": self.factor}


@keras.saving.register_keras_serializable(package="lottery_tf")
class MaskLogits(keras.layers.Layer):
    """The trainable logits m of one kernel.

    Args:
      shape: the kernel's shape.
      initial: the constant that every logit starts from.
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
        return super().get_config() | self._config


@keras.saving.register_keras_serializable(package="lottery_tf")
class MaskedModel(SampledModel):
    """A Keras model whose weights are frozen while a mask over its Dense and Conv kernels is learned.

    Use it with Keras's own `compile`, `fit`, `evaluate` and `save`; only the mask logits train. Evaluation averages over
    `samples` masks where the mask is drawn at random.

    Args:
      network: a built Keras model; it is copied, and its present weights are the untrained ones.
      weights: "initial" (the kernels as they are) or "signed_constant" (their sign times the standard deviation of all
        the layer's initial weights).
      g: a name in `GATES`.
      rescale: multiply each kernel by number of weights / number of ones in the mask, in every forward pass, the gradient
        passing through the factor too (dynamic weight rescaling; later version of the paper, Section 5.2).
      initial_logit: where every logit starts, or a dictionary from kernel names to such values.
      l1: factor of an L1 penalty on the mask probabilities; 0 for none.
      kept_fraction: the share of each layer that `edge_popup` keeps, in (0, 1); no other g has one.
      seed: of the masks that are drawn.
      samples: how many masks an evaluation averages over.

    Raises:
      InputError: an unknown name, or values that do not go together.

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
        self._config = {"weights": weights, "g": g, "rescale": rescale, "initial_logit": initial_logit, "l1": l1}
        self._config |= {"kept_fraction": kept_fraction, "seed": seed, "samples": samples}
        self.samples = samples if g in SAMPLED else 1
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
            self.scatter_scores(seed)
        self._gate, self._rescale = GATES[g], rescale
        self._seeds = keras.random.SeedGenerator(seed)
        self._network_draws = [each for each in self.network.variables if each.name == "seed_generator_state"]
        # Compiled by XLA even in a graph that is not: its random numbers and its fused products are much cheaper.
        self._masked_kernels = tf.function(self._gated, jit_compile=True)
        self.built = True

    def scatter_scores(self, seed: int) -> None:
        """Sets the scores of `edge_popup` uniformly at random, as they have to start: equal ones cannot be ranked."""
        rng = np.random.default_rng(seed)
        for mask in self.masks:
            bound = np.sqrt(6 / np.prod(mask.logits.shape[:-1]))
            mask.logits.assign(rng.uniform(-bound, bound, mask.logits.shape))

    def drawn(self) -> Callable:
        """Draws one mask; returns the network under it, to be called with inputs and `training`."""
        kernels = self._masked_kernels(ops.cast(self._seeds.next(), "int32"))
        substitutes = list(zip(self._kernels, kernels, strict=True))

        def call(inputs, training=False):
            with keras.StatelessScope(state_mapping=substitutes) as scope:
                outputs = self.network(inputs, training=training)
            # What the network's own layers draw (dropout) has to go on, or each step would draw the same.
            for state in self._network_draws:
                drawn = scope.get_current_value(state)
                if drawn is not None:
                    state.assign(drawn)
            return outputs

        return call

    def _gated(self, seed):
        """The kernels under a mask drawn from a seed of two whole numbers."""
        sizes = [int(np.prod(kernel.shape)) for kernel in self._kernels]
        # One draw for all layers; threefry is the fastest generator under XLA on a CPU by far.
        uniform = tf.split(tf.random.stateless_uniform((sum(sizes),), seed, alg="threefry"), sizes)
        kernels = []
        for mask, kernel, numbers, count in zip(self.masks, self._kernels, uniform, self._kept_counts, strict=True):
            gate = self._gate(mask.logits.value, tf.reshape(numbers, kernel.shape), count)
            scale = numbers.shape[0] / tf.maximum(tf.reduce_sum(gate), 1) if self._rescale else 1
            kernels.append(kernel.value * gate * scale)
        return kernels

    def call(self, inputs, training=False):
        return self.drawn()(inputs, training=training)

    def train_step(self, data):
        inputs, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        logits = [mask.logits for mask in self.masks]
        with tf.GradientTape() as tape:
            outputs = self.drawn()(inputs, training=True)
            loss = self.compute_loss(inputs, labels, outputs, sample_weight, training=True)
            scaled = self.optimizer.scale_loss(loss)
        self._loss_tracker.update_state(loss, sample_weight=_batch_size(inputs))
        self.optimizer.apply(tape.gradient(scaled, [variable.value for variable in logits]), logits)
        return self.compute_metrics(inputs, labels, outputs, sample_weight)

    def test_step(self, data):
        inputs, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        for _ in range(self.samples):
            outputs = self.drawn()(inputs)
            loss = self.compute_loss(inputs, labels, outputs, sample_weight, training=False)
            self._loss_tracker.update_state(loss, sample_weight=_batch_size(inputs))
            result = self.compute_metrics(inputs, labels, outputs, sample_weight)
        return result

    def probabilities(self) -> dict[str, np.ndarray]:
        """For each kernel the probability that each weight is kept."""
        if self._config["g"] in SAMPLED:
            return {name: expit(mask.logits.numpy()) for name, mask in self._named()}
        return {name: kept.astype(np.float32) for name, kept in self.most_likely_mask().items()}

    def most_likely_mask(self) -> Mask:
        """The single most likely mask; a weight that is as likely kept as pruned is kept."""
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
        network = keras.saving.serialize_keras_object(self.network)
        return super().get_config() | self._config | {"network": network, "weights": "initial"}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config.pop("network")), **config)


def _batch_size(inputs):
    return ops.shape(keras.tree.flatten(inputs)[0])[0]


def logits_by_kernel(initial_logit: float | dict[str, float], kernels: Collection[str]) -> dict[str, float]:
    """A starting logit for each kernel; raises InputError where a dictionary has others, or not all."""
    if not isinstance(initial_logit, dict):
        return dict.fromkeys(kernels, initial_logit)
    if odd := sorted(initial_logit.keys() ^ set(kernels)):
        raise InputError(f"Initial logits are wanted for {', '.join(kernels)}; missing or unknown: {', '.join(odd)}.")
    return initial_logit
