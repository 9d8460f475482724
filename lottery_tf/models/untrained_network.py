"""A network before training: its initial weights for any seed, and how much of each layer a round prunes."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras

from lottery_tf.errors import InputError
from lottery_tf.masking import initial_weights, model_weights
from lottery_tf.models.settings import PruningSettings
from lottery_tf.pruning import kept_counts
from lottery_tf.pruning.treatments import Draw, Treatment, Weights


class UntrainedNetwork:
    """The parts of a network that the algorithm needs.

    Args:
      model: a masked model; its weights are read once, now.
      pruning: how much each round prunes.
      initial: function from a seed to the untrained weights; None: a function that draws each maskable kernel anew.

    Attributes:
      initial: function from a seed to the untrained weights.
      pruned_fraction: for each maskable kernel the fraction of its unmasked weights that a round prunes.
      draw: for each maskable kernel a function of a generator that draws it anew from its initial distribution.

    Raises:
      InputError: all pruned fractions are 0.
    """

    def __init__(self, model: keras.Model, pruning: PruningSettings, initial: Callable[[int], Weights] | None = None):
        self._kernels = model_weights.kernels(model)
        self.pruned_fraction = kept_counts.pruned_fraction_by_layer(
            self._kernels, pruning.conv, pruning.dense, pruning.output, pruning.downsample
        )
        if not any(self.pruned_fraction.values()):
            raise InputError("All pruned fractions are 0; at least one must be above 0.")
        self.initial = initial or functools.partial(
            initial_weights.initial_weights, model, model_weights.get_weights(model)
        )
        layers = model_weights.masked_layers(model)
        self.draw: dict[str, Draw] = {
            name: functools.partial(initial_weights.draw_kernel, layer) for name, layer in layers.items()
        }

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
