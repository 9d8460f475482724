"""The settings of learned Supermasks. Importing this module does not import TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Annotated

from lottery_tf.argument_checks.annotation_checks import check_fields
from lottery_tf.argument_checks.validation import COUNT, FINITE, FRACTION, NOT_NEGATIVE, POSITIVE
from lottery_tf.errors import InputError
from lottery_tf.models.settings import TrainingSettings
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.registry import choose
from lottery_tf.results.paths import short_number

GATES = {  # name of g, a function in `gates` -> the mask that it makes from its logits m
    "bernoulli": "1 with probability sigmoid(m)",
    "rounded": "sigmoid(m) rounded",
    "edge_popup": "1 for the highest m of a layer",
}
RANDOM_GATES = ("bernoulli",)  # each call draws a new mask

MASK_PRESETS: dict[str, dict] = {  # name -> settings for learning masks, as fields of `TrainingSettings`
    "paper": {"optimizer": "momentum"},  # with the network's `mask_learning_rate` (Section S3)
    "adam_cosine": {"optimizer": "adam", "learning_rate": 0.1, "decay": "cosine"},  # better in the same number of steps
}

# Settings of a network's training that its Supermasks are learned without; the path of a learned mask lacks them.
NOT_FOR_MASKS = ("learning_rate_drops", "warmup_iterations", "weight_decay", "augmentation")

# Fields with a form of their own in the name of a mask; any other is written as "field=value".
NAMED_FIELDS = ("weights", "g", "rescale", "initial_logit", "l1", "kept_fraction", "weight_multiplier")


@dataclasses.dataclass(frozen=True)
class MaskSettings:
    """The settings of a learned Supermask.

    Attributes:
      weights: the weights under the mask: "initial" or "signed_constant".
      g: the function g that makes the mask from its logits m, a name in `GATES`.
      rescale: whether each kernel is multiplied by (number of its weights) / (number of ones in its mask).
      initial_logit: the initial value of every logit m, or pairs of a kernel's name and the value for this kernel.
      l1: factor of the L1 penalty on mask probabilities.
      kept_fraction: the fraction of each layer that `edge_popup` keeps; None for any other g.
      weight_multiplier: factor of the weights under the mask, before any other scaling.

    Raises:
      InputError: a name is unknown, or values do not go together.

    >>> MaskSettings(rescale=True, initial_logit=-1.0).name
    'initial-bernoulli-rescaled-m-1'
    """

    weights: str = "initial"
    g: str = "bernoulli"
    rescale: bool = False
    initial_logit: Annotated[float, FINITE] | tuple[tuple[str, Annotated[float, FINITE]], ...] = 0.0
    l1: float = 0.0
    kept_fraction: float | None = None
    weight_multiplier: Annotated[float, POSITIVE] = 1.0

    def __post_init__(self):
        check_fields(self)
        check_mask_settings(self.weights, self.g, self.l1, self.kept_fraction)

    @property
    def name(self) -> str:
        """The name of the mask's folder, which says all fields that differ from their defaults."""
        parts = [self.weights, self.g]
        if self.weight_multiplier != 1:
            parts.insert(1, f"x{short_number(self.weight_multiplier)}")
        if self.rescale:
            parts.append("rescaled")
        if self.kept_fraction is not None:
            parts.append(f"kept{short_number(self.kept_fraction)}")
        else:
            parts.append("m" + self.logit_name)
        if self.l1:
            parts.append(f"l1_{short_number(self.l1)}")
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name not in NAMED_FIELDS and value != field.default:
                parts.append(f"{field.name}={value}")
        return "-".join(parts)

    @property
    def logit_name(self) -> str:
        """The initial logits as they are written on the command line."""
        if isinstance(self.initial_logit, tuple):
            return "+".join(
                f"{name.removesuffix('/kernel')}={short_number(value)}" for name, value in self.initial_logit
            )
        return short_number(self.initial_logit)


def weights_in_words(weights: str, rescale: bool = False, multiplier: float = 1) -> str:
    """Describes the weights under a mask in a text.

    >>> weights_in_words("signed_constant"), weights_in_words("initial", rescale=True, multiplier=1.5)
    ('signed constant', 'initial x 1.5, rescaled')
    """
    factor = "" if multiplier == 1 else f" x {multiplier:g}"
    return f"{weights.replace('_', ' ')}{factor}{', rescaled' if rescale else ''}"


def common_settings(network: str, dataset: str, training: TrainingSettings) -> dict:
    """Returns the settings that all masks in one folder share, except for the data."""
    return {"network": network, "dataset": dataset, "eval_interval": training.eval_interval}


def check_mask_settings(weights: str, g: str, l1: float, kept_fraction: float | None, samples: int = 10) -> None:
    """Raises InputError for an unknown name or values that do not go together."""
    choose(SUPERMASK_WEIGHTS, weights, "kind of weights")
    choose(GATES, g, "function g")
    if kept_fraction is not None:
        FRACTION("kept_fraction", kept_fraction)
    if (g == "edge_popup") != (kept_fraction is not None):
        raise InputError("g = edge_popup needs a kept fraction; the other gates take none.")
    NOT_NEGATIVE("l1", l1)
    if l1 and g != "bernoulli":
        raise InputError(f"An L1 penalty needs g = bernoulli, because g = {g} has no probabilities.")
    COUNT("samples", samples)


def logits_by_kernel(initial_logit: float | dict[str, float], kernels: Collection[str]) -> dict[str, float]:
    """Returns the initial logit of each kernel; raises InputError for a dictionary with missing or unknown kernels."""
    if not isinstance(initial_logit, dict):
        FINITE("initial_logit", initial_logit)
        return dict.fromkeys(kernels, initial_logit)
    if different := sorted(initial_logit.keys() ^ set(kernels)):
        raise InputError(
            f"Initial logits are needed for {', '.join(kernels)}; missing or unknown: {', '.join(different)}."
        )
    for name, value in initial_logit.items():
        FINITE(f"initial_logit[{name!r}]", value)
    return initial_logit
