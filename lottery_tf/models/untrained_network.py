"""A network before training: its initial weights for any seed, and how much of each layer a round prunes."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Annotated, Literal

import keras
import numpy as np

from lottery_tf.argument_checks.validation import unchecked
from lottery_tf.errors import InputError
from lottery_tf.masking import initial_weights, kernel_table, model_weights
from lottery_tf.masking.naming import renamed
from lottery_tf.models.settings import PruningSettings
from lottery_tf.pruning import kept_counts, masks
from lottery_tf.pruning.treatments import Draw, Treatment, Weights

log = logging.getLogger(__name__)

AS_GIVEN = "as_given"

Initial = Annotated[Callable[[int], Weights] | Literal["as_given"], unchecked]


class UntrainedNetwork:
    """The parts of a network that the algorithm needs.

    The weights of the masked model are read once, now. `pruning` and `initial` are as in `Experiment`.

    Attributes:
      names: names of all weights.
      initial: function from a seed to the untrained weights.
      draws: whether this class draws the weights, so that a seed gives the same weights in every process.
      pruned_fraction: for each kernel the fraction of its unmasked weights that a round prunes; 0 if it has no mask.
      draw: for each kernel a function of a generator that draws it anew from its initial distribution.

    Raises:
      InputError: all pruned fractions are 0. Later: initial weights that are not the model's, or not finite.
    """

    def __init__(self, model: keras.Model, pruning: PruningSettings, initial: Initial | None = None):
        self._kernels = model_weights.kernels(model)
        self.names = list(model_weights.variables(model))
        convolutions = {
            name
            for name, (layer, _) in model_weights.kernel_layers(model).items()
            if kernel_table.is_convolution(layer)
        }
        self.pruned_fraction = kept_counts.pruned_fraction_by_layer(
            self._kernels, pruning.conv, pruning.dense, pruning.output, pruning.downsample, convolutions
        )
        whole = self._kernels.keys() - model_weights.masked_kernels(model).keys()
        self.pruned_fraction |= dict.fromkeys(whole, 0.0)
        if not any(self.pruned_fraction.values()):
            raise InputError("All pruned fractions are 0; at least one must be above 0.")
        self.draws = initial is None
        given = model_weights.get_weights(model)
        if initial is None:
            self._warn_of_shared_weights(model, given)
            self.initial: Callable[[int], Weights] = functools.partial(initial_weights.initial_weights, model, given)
        elif isinstance(initial, str) and initial == AS_GIVEN:
            self.initial = lambda seed: given
        elif callable(initial):
            self.initial = functools.partial(_given, initial, {name: w.shape for name, w in given.items()})
        else:
            raise InputError(f"initial is {initial!r}; it must be {AS_GIVEN!r}, a function of the seed, or None.")
        self.draw: dict[str, Draw] = initial_weights.draws(model)

    def _warn_of_shared_weights(self, model: keras.Model, given: Weights) -> None:
        """Warns of trained weights that are not drawn, but look drawn (more than two values): all seeds share them."""
        trained = {name for name, variable in model_weights.variables(model).items() if variable.trainable}
        others = sorted(trained - self._kernels.keys())
        if shared := [name for name in others if np.unique(given[name]).size > 2]:
            log.warning(
                "All seeds start with the model's own values of %s: only kernels of Keras's layers are drawn anew. To "
                "draw them too, pass initial, a function of the seed.",
                ", ".join(shared[:5]) + (f" and {len(shared) - 5} others" if len(shared) > 5 else ""),
            )

    def check_kept_fraction(self, treatment: Treatment) -> None:
        """Raises InputError if a treatment's chosen kept fraction is too small for the layers that are not pruned."""
        if treatment.chosen_kept_fraction is not None:
            sizes = {name: kernel.size for name, kernel in self._kernels.items()}
            kept_counts.counts_for(sizes, self.pruned_fraction, treatment.chosen_kept_fraction)

    def weights_bytes(self, treatment: Treatment, levels: int) -> int:
        """Returns about how many bytes the weights of a treatment's levels take on disk if all are kept.

        Starting and final values are float32. Pruned weights that are frozen at zero take almost no space.
        """
        kept = kept_counts.kept_fractions(self._kernels, self.pruned_fraction, levels)
        if treatment.chosen_kept_fraction is not None:
            kept = [kept[0], treatment.chosen_kept_fraction]
        stored = sum(kept) if treatment.mask0 == "zero" else len(kept)
        return int(2 * 4 * stored * sum(kernel.size for kernel in self._kernels.values()))


def _given(initial: Callable[[int], Weights], shapes: Mapping[str, tuple[int, ...]], seed: int) -> Weights:
    """Returns the weights that a user's function gives for a seed; raises InputError if they do not match the model."""
    weights = initial(seed)
    if not isinstance(weights, Mapping):
        raise InputError(f"initial gave {weights!r:.100}; it must give arrays by name, as lt.get_weights does.")
    # The given names may be those of the user's own model, with other numbers.
    weights = renamed({str(name): value for name, value in weights.items()}, shapes)
    if different := sorted(map(str, weights.keys() ^ shapes.keys())):
        raise InputError(
            f"initial gave other weights than the model has; missing or unknown: {', '.join(different[:5])}."
        )
    arrays = {name: np.asarray(value) for name, value in weights.items()}
    for name, value in arrays.items():
        if value.shape != shapes[name]:
            raise InputError(f"initial gave {name!r} of shape {value.shape}; the model's has {shapes[name]}.")
        masks.check_finite(f"initial, {name!r}", value)
    return arrays
