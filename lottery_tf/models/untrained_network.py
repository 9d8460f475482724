"""A network before any training: its initial weights for any seed, and what pruning may take of it."""

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
    """What the algorithm has to know of a network.

    Args:
      model: a masked model, whose weights are read now.
      pruning: how much each round prunes.
      initial: a function from a seed to the untrained weights; None draws each maskable kernel anew.

    Attributes:
      initial: that function.
      pruned_fraction: for each maskable kernel the share of its unmasked weights that a round prunes.
      draw: for each maskable kernel a function of a generator that draws it anew from its initial distribution.

    Raises:
      InputError: nothing would be pruned.
    """

    def __init__(self, model: keras.Model, pruning: PruningSettings, initial: Callable[[int], Weights] | None = None):
        self._kernels = model_weights.kernels(model)
        self.pruned_fraction = kept_counts.pruned_fraction_by_layer(
            self._kernels, pruning.conv, pruning.dense, pruning.output, pruning.downsample
        )
        if not any(self.pruned_fraction.values()):
            raise InputError("Every layer stays whole with these pruned fractions: there is nothing to prune.")
        self.initial = initial or functools.partial(
            initial_weights.initial_weights, model, model_weights.get_weights(model)
        )
        layers = model_weights.masked_layers(model)
        self.draw: dict[str, Draw] = {
            name: functools.partial(initial_weights.draw_kernel, layer) for name, layer in layers.items()
        }

    def check_kept_fraction(self, treatment: Treatment) -> None:
        """Raises InputError for a treatment that keeps less than the layers which are never pruned."""
        if treatment.chosen_kept_fraction is not None:
            sizes = {name: kernel.size for name, kernel in self._kernels.items()}
            kept_counts.counts_for(sizes, self.pruned_fraction, treatment.chosen_kept_fraction)

    def weights_bytes(self, treatment: Treatment, levels: int) -> int:
        """About how many bytes the weights of a treatment's levels take on disk if all are kept.

        Starting and final values are float32; where pruned weights are frozen at zero they compress to next to nothing.
        """
        kept = kept_counts.kept_fractions(self._kernels, self.pruned_fraction, levels)
        if treatment.chosen_kept_fraction is not None:
            kept = [kept[0], treatment.chosen_kept_fraction]
        stored = sum(kept) if treatment.mask0 == "zero" else len(kept)
        return int(2 * 4 * stored * sum(kernel.size for kernel in self._kernels.values()))
