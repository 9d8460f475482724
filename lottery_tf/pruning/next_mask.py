"""Makes the mask of the next level: scores, then ranking (step 2 of the algorithm)."""

from __future__ import annotations

import numpy as np

from lottery_tf.pruning.kept_counts import counts_after, counts_for
from lottery_tf.pruning.masks import Mask, check_mask
from lottery_tf.pruning.ranking import SCOPES
from lottery_tf.pruning.treatments import SeededNetwork, Ticket, Treatment, Weights


def next_mask(
    treatment: Treatment,
    network: SeededNetwork,
    before: Ticket,
    final: Weights,
    level: int,
    gradient: Weights | None = None,
) -> Mask:
    """Scores the unmasked weights of a trained ticket and keeps those with the highest scores.

    Layers with a pruned fraction of 0 keep their mask. Every other layer keeps the number of weights that `level`
    rounds of layer-wise pruning leave, or that the treatment's chosen kept fraction gives. With global pruning, these
    layers together keep the sum of those numbers.

    Args:
      treatment: its criterion, scope and chosen kept fraction are used.
      network: the untrained network; its pruned fractions and its seed are used.
      before: the ticket that was trained.
      final: every weight at the end of its training.
      level: the level of the new mask.
      gradient: the loss gradient at the start of its training, for criteria that use it.

    Raises:
      InputError: a criterion returned scores that cannot be ranked, or a layer would keep no weight.
    """
    prunable = {name: kept for name, kept in before.mask.items() if network.pruned_fraction[name]}

    def scores(layers: list[str]) -> np.ndarray:
        """Returns the criterion's scores of the unmasked weights of some layers, layer after layer."""

        def unmasked(weights: Weights | None) -> np.ndarray | None:
            return None if weights is None else np.concatenate([weights[name][prunable[name]] for name in layers])

        return treatment.score(w_i=unmasked(before.start), w_f=unmasked(final), gradient=unmasked(gradient))

    sizes = {name: kept.size for name, kept in before.mask.items()}
    if treatment.chosen_kept_fraction is None:
        counts = counts_after(sizes, network.pruned_fraction, level)
    else:
        counts = counts_for(sizes, network.pruned_fraction, treatment.chosen_kept_fraction)
    mask = before.mask | SCOPES[treatment.scope](prunable, scores, counts, network.seed, level)
    check_mask(mask)
    return mask
