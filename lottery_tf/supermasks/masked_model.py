"""Learned Supermasks: masks that are trained by gradient over untrained weights (Zhou et al., Sections 5.1 and S3).

The effective weights are w' = w * g(m), where g is one of the `gates` and m are trainable logits in the shapes of the
kernels. Biases keep their initial values. g is 0 or 1 in the forward pass; the backward pass uses the gradient of a
smooth function (straight-through).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from scipy.special import expit

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import Count, Index, Name, Positive
from lottery_tf.masking import conversion, model_weights
from lottery_tf.masking.sublayers import freeze
from lottery_tf.old_names import old_name
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Weights
from lottery_tf.supermasks import gates
from lottery_tf.supermasks.mask_settings import RANDOM_GATES, check_mask_settings, logits_by_kernel
from lottery_tf.training.compilation import compiled
from lottery_tf.training.sampled_model import SampledModel
from lottery_tf.training.scaling import Scaling, is_bytes


@keras.saving.register_keras_serializable(package="lottery_tf")
class KeptProbability(keras.regularizers.Regularizer):
    """An L1 penalty on mask probabilities, factor * sum(sigmoid(m)), as in Section S3."""

    def __init__(self, factor: float):
        self.factor = factor

    def __call__(self, logits):
        """Returns the penalty for the logits of one kernel."""
        return self.factor * ops.sum(ops.sigmoid(logits))

    def get_config(self):
        """Returns the arguments from which `from_config` rebuilds the regularizer."""
        return {"factor": self.factor}


@keras.saving.register_keras_serializable(package="lottery_tf")
class MaskLogits(keras.layers.Layer):
    """The trainable logits m of one kernel."""

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
        """Returns the arguments from which `from_config` rebuilds the layer."""
        return super().get_config() | self._config


@keras.saving.register_keras_serializable(package="lottery_tf")
@checked
class MaskedModel(SampledModel):
    """A Keras model that learns a Supermask: a mask over its kernels, while its weights stay frozen.

    Use it with Keras's `compile`, `fit`, `evaluate` and `save`. Only the mask logits are trained. If masks are random,
    an evaluation is the mean over `samples` masks. (`masked` is unrelated: it freezes the pruned weights of a model
    whose other weights are trained.)

    Bytes are scaled as in an experiment (`training.scaling`): divided by 255, unless the network rescales them itself
    or takes whole numbers; if its first layers do not show that, an error asks for `divide_by`.

    Args:
      network: a built Keras model. It is copied, and its current weights are the untrained weights.
      weights: "initial" (the kernels as they are) or "signed_constant" (the sign of each weight times the standard
        deviation of all initial weights of its layer).
      g: a name in `mask_settings.GATES`.
      rescale: whether every forward pass multiplies each kernel by (number of its weights) / (number of ones in its
        mask). The gradient passes through this factor too (dynamic weight rescaling; later version of the paper,
        Section 5.2).
      initial_logit: the initial value of every logit, or a dictionary from kernel names to values.
      l1: factor of the L1 penalty on the mask probabilities; 0: no penalty.
      kept_fraction: the fraction of each layer that `edge_popup` keeps, in (0, 1); None for any other g.
      seed: the seed of random masks.
      samples: the number of random masks in an evaluation.
      divide_by: the number by which bytes are divided instead; 1: they are not divided.
      only: the names of the kernels to learn masks of; None: those that have masks in the network, or all if none has.
      weight_multiplier: factor of the weights under the mask (the authors' code has it for the signed constant).

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
        weights: Name = "initial",
        g: Name = "bernoulli",
        rescale: bool = False,
        initial_logit: float | dict[str, float] = 0.0,
        l1: float = 0.0,
        kept_fraction: float | None = None,
        seed: Index = 0,
        samples: Count = 10,
        divide_by: Positive | None = None,
        only: Collection[str] | None = None,
        weight_multiplier: Positive = 1.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        check_mask_settings(weights, g, l1, kept_fraction, samples)
        self._config: dict[str, Any] = {"weights": weights, "g": g, "rescale": rescale, "initial_logit": initial_logit}
        self._config |= {"l1": l1, "kept_fraction": kept_fraction, "seed": seed, "samples": samples}
        self.samples = samples if g in RANDOM_GATES else 1
        self._gate, self._rescale = getattr(gates, g), rescale
        masked = conversion.masked(network)
        chosen = list(only or model_weights.masked_kernels(network) or model_weights.masked_kernels(masked))
        kernels = {name: kernel for name, kernel in model_weights.kernels(masked).items() if name in chosen}
        self._config |= {"divide_by": divide_by, "only": chosen}
        self._freeze_network(masked, untrained_kernels(kernels, weights, weight_multiplier))
        self._make_logits(kernels, logits_by_kernel(initial_logit, kernels), l1)
        self._kept_counts = [max(1, round(kernel.size * (kept_fraction or 1))) for kernel in kernels.values()]
        if g == "edge_popup":
            self.draw_scores(seed)
        self._seeds = keras.random.SeedGenerator(seed)
        # XLA compiles this even if it does not compile the model, because its random numbers and products are faster.
        self._sampled_kernels = compiled(self._gated, jit_compile=True)
        self.built = True

    def _freeze_network(self, masked: keras.Model, kernels: Weights) -> None:
        """Makes the network under the mask: a plain copy with frozen weights and these kernels."""
        self.network = conversion.unmasked(masked)
        freeze(self.network)
        frozen = model_weights.variables(self.network)
        for name, kernel in kernels.items():
            frozen[name].assign(kernel)
        self._kernels = [frozen[name] for name in kernels]
        self._dropout_states = [state for state in self.network.variables if state.name == "seed_generator_state"]

    def _make_logits(self, kernels: Weights, logits: dict[str, float], l1: float) -> None:
        """Makes the trainable logits of each kernel."""
        self.kernel_names = list(kernels)
        self.masks = [
            MaskLogits(kernel.shape, logits[name], l1, name="mask_of_" + name.replace("/", "_"))
            for name, kernel in kernels.items()
        ]

    def draw_scores(self, seed: Index) -> None:
        """Draws the initial scores of `edge_popup` uniformly at random, because equal scores cannot be ranked."""
        rng = np.random.default_rng(seed)
        for mask in self.masks:
            bound = np.sqrt(6 / np.prod(mask.logits.shape[:-1]))
            mask.logits.assign(rng.uniform(-bound, bound, mask.logits.shape))

    scatter_scores = old_name("scatter_scores", "draw_scores")
    drawn = old_name("drawn", "draw_network")

    def draw_network(self) -> Callable:
        """Draws a mask, and returns a function from inputs and `training` to the outputs of the masked network."""
        kernels = self._sampled_kernels(ops.cast(self._seeds.next(), "int32"))
        substitutes = list(zip(self._kernels, kernels, strict=True))

        def call(inputs, training=False):
            with keras.StatelessScope(state_mapping=substitutes) as scope:
                outputs = self.network(inputs, training=training)
            # The random state of dropout layers must advance, or every step would drop the same units.
            for state in self._dropout_states:
                drawn = scope.get_current_value(state)
                if drawn is not None:
                    state.assign(drawn)
            return outputs

        return call

    def _gated(self, seed):
        """Returns the kernels under a mask that is drawn from a seed of two integers."""
        sizes = [int(np.prod(kernel.shape)) for kernel in self._kernels]
        # One draw serves all layers. Threefry is by far the fastest generator under XLA on a CPU.
        uniform = tf.split(tf.random.stateless_uniform((sum(sizes),), seed, alg="threefry"), sizes)
        kernels = []
        for layer, kernel, numbers, count in zip(self.masks, self._kernels, uniform, self._kept_counts, strict=True):
            mask = self._gate(layer.logits.value, tf.reshape(numbers, kernel.shape), count)
            scale = numbers.shape[0] / tf.maximum(tf.reduce_sum(mask), 1) if self._rescale else 1
            kernels.append(kernel.value * mask * scale)
        return kernels

    def call(self, inputs, training=False):
        """Returns the network's outputs under a newly drawn mask."""
        return self.draw_network()(self._scaled(inputs), training=training)

    def _scaled(self, inputs):
        """Returns inputs as the network sees them: bytes divided as in an experiment, all others as they are."""
        if not any(map(is_bytes, keras.tree.flatten(inputs))):
            return inputs
        inputs = tuple(inputs) if isinstance(inputs, list) else inputs
        return Scaling(self.network, inputs, self._config["divide_by"])(inputs)

    def train_step(self, data):
        """Performs one step of `fit`, which updates only the mask logits."""
        inputs, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        logits = [mask.logits for mask in self.masks]
        with tf.GradientTape() as tape:
            outputs = self.draw_network()(self._scaled(inputs), training=True)
            loss = self.compute_loss(inputs, labels, outputs, sample_weight, training=True)
            scaled = self.optimizer.scale_loss(loss)
        self._loss_tracker.update_state(loss, sample_weight=_batch_size(inputs))
        self.optimizer.apply(tape.gradient(scaled, [variable.value for variable in logits]), logits)
        return self.compute_metrics(inputs, labels, outputs, sample_weight)

    def test_step(self, data):
        """Performs one step of `evaluate`, which averages over `samples` masks."""
        inputs, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        for _ in range(self.samples):
            outputs = self.draw_network()(self._scaled(inputs))
            loss = self.compute_loss(inputs, labels, outputs, sample_weight, training=False)
            self._loss_tracker.update_state(loss, sample_weight=_batch_size(inputs))
            result = self.compute_metrics(inputs, labels, outputs, sample_weight)
        return result

    def probabilities(self) -> dict[str, np.ndarray]:
        """Returns for each kernel the probability that each weight is kept."""
        if self._config["g"] in RANDOM_GATES:
            return {name: expit(mask.logits.numpy()) for name, mask in self._named()}
        return {name: kept.astype(np.float32) for name, kept in self.most_likely_mask().items()}

    def most_likely_mask(self) -> Mask:
        """Returns the most likely mask; a weight with probability 1/2 is kept."""
        if self._config["g"] != "edge_popup":
            return {name: mask.logits.numpy() >= 0 for name, mask in self._named()}
        counts = dict(zip(self.kernel_names, self._kept_counts, strict=True))
        scores = {name: mask.logits.numpy() for name, mask in self._named()}
        return {name: m >= np.sort(m, axis=None)[-counts[name]] for name, m in scores.items()}

    def most_likely_network(self) -> keras.Model:
        """Returns the network under the most likely mask as a plain Keras model, rescaled if this model rescales."""
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
        """Returns the arguments from which `from_config` rebuilds the model.

        "weights" is "initial", without a multiplier, because the saved network already holds the weights that are used.
        """
        network = keras.saving.serialize_keras_object(self.network)
        names = list(model_weights.kernel_layers(self.network))
        return super().get_config() | self._config | {"network": network, "weights": "initial", "names": names}

    def load_own_variables(self, store):
        """Loads nothing: the kernels come with the network; Keras lists them here again, in another order."""

    @classmethod
    def from_config(cls, config):
        """Rebuilds a model from the values of `get_config`."""
        network = keras.saving.deserialize_keras_object(config.pop("network"))
        # Layers that the network's own class makes may have other numbers in their names here.
        now = model_weights.kernel_layers(network)
        names = dict(zip(config.pop("names", now), now, strict=True))
        config["only"] = [names[name] for name in config.get("only", now)]
        if isinstance(logits := config["initial_logit"], dict):
            config["initial_logit"] = {names[name]: value for name, value in logits.items()}
        return cls(network, **config)


def untrained_kernels(kernels: Weights, weights: str, multiplier: float) -> Weights:
    """Returns the kernels under a mask: the initial ones or their signed constant, times the multiplier."""
    return {name: SUPERMASK_WEIGHTS[weights](kernel) * np.float32(multiplier) for name, kernel in kernels.items()}


def _batch_size(inputs):
    return ops.shape(keras.tree.flatten(inputs)[0])[0]
