"""Heuristic supermasks: masks made from a training, applied to untrained weights.

A mask from one of the `mask_sources` keeps some of the dense network's initial weights, or of their signs times one
constant for each layer. All other kernel weights are zero, and biases have their initial values. The network is
evaluated without any training.

Reference: Zhou et al., Section 5, Figure 7 and the first two columns of Table 1.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from lottery_tf import registry
from lottery_tf.argument_checks.signatures import checked
from lottery_tf.argument_checks.validation import Count
from lottery_tf.errors import InputError
from lottery_tf.old_names import old_arguments, old_name
from lottery_tf.pruning import masks
from lottery_tf.pruning.kept_counts import PAPER_LEVELS
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Treatment, Weights
from lottery_tf.results.paths import supermask_path
from lottery_tf.results.stored_result import StoredResult, diverged, panel_of
from lottery_tf.supermasks.mask_sources import MASK_SOURCES, MaskSource
from lottery_tf.system.origin import origin

if TYPE_CHECKING:
    from lottery_tf.experiment import Experiment


@old_arguments(ladder="mask_source")
@checked
class HeuristicSupermasks:
    """Evaluates Supermasks of one experiment. Stored results are used again.

    Args:
      experiment: the model, the data and the results. For iterative masks, it trains missing levels.
      on_mask: function that is called after each evaluation.

    Attributes:
      evaluated: the number of networks that were evaluated so far.

    >>> import lottery_tf as lt
    >>> experiment = lt.Experiment(lt.build("fc"), lt.load("digits"), lt.TrainingSettings(iterations=20))
    >>> result = HeuristicSupermasks(experiment).evaluate(
    ...     experiment.dense(seed=0, weights=True), MaskSource("oneshot", "large_final"), levels=2
    ... )
    >>> [(row["level"], round(row["kept_fraction"], 2), row["weights"]) for row in result.metrics["rows"]]
    [(1, 0.8, 'initial'), (1, 0.8, 'signed_constant'), (2, 0.64, 'initial'), (2, 0.64, 'signed_constant')]
    """

    def __init__(self, experiment: Experiment, on_mask: Callable[[], object] = lambda: None):
        self.experiment = experiment
        self.evaluated = 0
        self._on_mask = on_mask

    def evaluate(self, dense: StoredResult, mask_source: MaskSource, levels: Count = PAPER_LEVELS) -> StoredResult:
        """Evaluates the Supermasks of levels 1 to `levels`, or finds their stored result.

        Args:
          dense: a seed's dense network with its weights, `experiment.dense(seed, weights=True)`.
          mask_source: the source of the masks.
          levels: the number of levels; a stored result may have more. A baseline has only level 0.

        Returns:
          A result whose metrics have "rows": for each level and each of `SUPERMASK_WEIGHTS` the kept fraction and the
          accuracies on validation and test images, in [0, 1]. Its mask is the first one with the highest validation
          accuracy on initial weights. For each of `SUPERMASK_WEIGHTS`, the best Supermask is stored beside it at
          `supermask_path(seed, name, best)`, where `runs.ticket` can pack it.

        Raises:
          InputError: the dense network diverged; there is no level to evaluate; a source, criterion or action is
            unknown; or a criterion returns scores that cannot be ranked.
        """
        self.experiment.trainer.check_accuracy()
        seed = dense.metrics["seed"]
        registry.choose(MASK_SOURCES, mask_source.source, "source of masks")
        if diverged(dense.metrics):
            raise InputError(f"The dense training of seed {seed} diverged, so no masks can be made from it.")
        with self.experiment.results.lock(supermask_path(seed, mask_source.name)):
            return self._found(dense, mask_source, levels) or self._evaluated(dense, mask_source, levels)

    ladder = old_name("ladder", "evaluate")

    def _found(self, dense: StoredResult, mask_source: MaskSource, levels: int) -> StoredResult | None:
        """Returns the stored result if it is complete, belongs to this dense network and has enough levels."""
        seed, results = dense.metrics["seed"], self.experiment.results
        found = results.read(supermask_path(seed, mask_source.name), weights=False)
        if not found or found.metrics["parent"] != dense.metrics["fingerprint"] or found.metrics["levels"] < levels:
            return None
        best = (supermask_path(seed, mask_source.name, weights) for weights in SUPERMASK_WEIGHTS)
        return found if all(results.read(path, weights=False) for path in best) else None

    def _evaluated(self, dense: StoredResult, mask_source: MaskSource, levels: int) -> StoredResult:
        """Evaluates the masks; stores the best Supermasks first, and then the result, which marks them as complete."""
        began = time.monotonic()
        rows: list[dict] = []
        best: dict[str, tuple[dict, Mask]] = {}
        for row, mask in self._rows(dense, mask_source, levels):
            rows.append(row)
            leader, _ = best.setdefault(row["weights"], (row, mask))
            if row["validation_accuracy"] > leader["validation_accuracy"]:
                best[row["weights"]] = (row, mask)
        identity = panel_of(dense.metrics) | {"seed": dense.metrics["seed"], **dataclasses.asdict(mask_source)}
        identity["scope"] = mask_source.scope or Treatment().scope
        made_from = {"parent": dense.metrics["fingerprint"], **origin()}
        for weights, (row, mask) in best.items():
            metrics = {"kind": "best_supermask", **identity, **row, "rescale": False, **made_from}
            self._write(metrics, mask, mask_source, weights)
        seconds = round(time.monotonic() - began, 3)
        metrics = {"kind": "supermask", **identity, "levels": levels, "rows": rows, "seconds": seconds, **made_from}
        return self._write(metrics, best["initial"][1], mask_source)

    def _write(self, metrics: dict, mask: Mask, mask_source: MaskSource, best: str = "") -> StoredResult:
        result = StoredResult(mask, metrics)
        self.experiment.results.write(supermask_path(metrics["seed"], mask_source.name, best), result)
        return result

    def _rows(self, dense: StoredResult, mask_source: MaskSource, levels: int) -> Iterator[tuple[dict, Mask]]:
        """Yields the evaluation as a row, and the mask, for each level and each of `SUPERMASK_WEIGHTS`."""
        kernels = {
            weights: {name: action(dense.start[name]) for name in dense.mask}
            for weights, action in SUPERMASK_WEIGHTS.items()
        }
        for level, mask in MASK_SOURCES[mask_source.source](self.experiment, dense, mask_source, levels):
            kept_fraction = masks.kept_fraction(mask)
            for weights, values in kernels.items():
                supermask = {name: np.where(kept, values[name], np.float32(0)) for name, kept in mask.items()}
                row = {"level": level, "kept_fraction": kept_fraction, "weights": weights}
                yield row | self._accuracies(dense.start | supermask), mask

    def _accuracies(self, weights: Weights) -> dict[str, float]:
        """Measures the accuracies of some weights in the experiment's model, which is compiled already."""
        from lottery_tf.masking import model_weights

        model_weights.assign(self.experiment.model, weights)
        accuracies = {f"{split}_accuracy": self.experiment.trainer.accuracy(split) for split in ("validation", "test")}
        self.evaluated += 1
        self._on_mask()
        return accuracies
