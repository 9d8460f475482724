"""Heuristic supermasks: masks that a training leaves behind, laid over weights that were never trained.

Source: Zhou et al., Section 5, Figure 7 and the first two columns of Table 1. A mask made from the dense network's
initial and final weights keeps some of its initial weights, or of their signs times one constant a layer; all others
are zero, biases are as they were initialized. What is left of the network is evaluated as it stands.

The masks of a ladder of kept fractions come from one of these sources:

  oneshot    the dense network's weights, ranked once by a criterion and cut at the count of each level
  iterative  the levels of iterative pruning by a treatment
  baseline   the mask that keeps everything: the paper's untrained_baseline
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from lottery_tf import registry
from lottery_tf.errors import InputError
from lottery_tf.origin import origin
from lottery_tf.pruning import kept_counts, masks
from lottery_tf.pruning.mask1_actions import SUPERMASK_WEIGHTS
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.ranking import checked_scores, rank_weights
from lottery_tf.pruning.treatments import Treatment, Weights
from lottery_tf.results.paths import supermask_path
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.supermasks.mask_sources import MASK_SOURCES, MaskSource

if TYPE_CHECKING:
    from lottery_tf.experiment import Experiment


LABELS = ("network", "dataset", "schedule")  # what a dense network's metrics may say of its experiment


@dataclasses.dataclass(frozen=True)
class MaskSource:
    """Where the masks of one ladder of kept fractions come from.

    Attributes:
      source: a name in `MASK_SOURCES`.
      criterion: a mask criterion by its name or as `package.module:function`; for a baseline the baseline's name.
      mask1, mask0: (iterative) the actions; they are of no account in one shot.
      scope: (iterative) among which weights scores are ranked, "" as in `Treatment`; one shot cuts each layer.

    >>> MaskSource("oneshot", "movement").name, MaskSource("iterative", "movement", "rewind", "hybrid").name
    ('oneshot-movement', 'iterative-movement-rewind-hybrid')
    """

    source: str
    criterion: str
    mask1: str = ""
    mask0: str = ""
    scope: str = ""

    @property
    def name(self) -> str:
        """The ladder's folder: its names joined, as in `Treatment.name`."""
        return "-".join(filter(None, dataclasses.astuple(self))).replace(":", "+")

    @property
    def treatment(self) -> Treatment:
        """The treatment whose criterion (and actions) make the masks; raises InputError for a name that is none."""
        given = {name: action for name in ("mask1", "mask0", "scope") if (action := getattr(self, name))}
        return Treatment(self.criterion, **given)


UNTRAINED = MaskSource("baseline", "untrained_baseline")


class HeuristicSupermasks:
    """Evaluates ladders of supermasks of one experiment; what its results hold already is found, not evaluated.

    Args:
      experiment: the model, the data and the results. Its dense networks, and for iterative ladders its levels, are
        trained where they are missing.
      on_mask: called after each evaluation.

    Attributes:
      evaluated: networks evaluated so far, not found.

    >>> import lottery_tf as lt
    >>> experiment = lt.Experiment(lt.build("fc"), lt.load("digits"), lt.TrainingSettings(iterations=20))
    >>> result = HeuristicSupermasks(experiment).ladder(
    ...     experiment.dense(seed=0, weights=True), MaskSource("oneshot", "large_final"), levels=2
    ... )
    >>> [(row["level"], round(row["kept_fraction"], 2), row["weights"]) for row in result.metrics["rows"]]
    [(1, 0.8, 'initial'), (1, 0.8, 'signed_constant'), (2, 0.64, 'initial'), (2, 0.64, 'signed_constant')]
    """

    def __init__(self, experiment: Experiment, on_mask: Callable[[], object] = lambda: None):
        self.experiment = experiment
        self.evaluated = 0
        self._on_mask = on_mask

    def evaluate(self, dense: StoredResult, mask_source: MaskSource, levels: int = 24) -> StoredResult:
        """Evaluates, or finds already evaluated, the supermasks of a ladder's levels 1 to `levels`.

        Args:
          dense: a seed's dense network with its weights, `experiment.dense(seed, weights=True)`.
          ladder: where the masks come from.
          levels: how many; those of a stored ladder may be more. A baseline has the one level 0.

        Returns:
          A result whose metrics have "rows": for each level and each of `SUPERMASK_WEIGHTS` the kept fraction and the
          accuracies on validation and test images, in [0, 1]. Its mask is that of the best validation accuracy on
          initial weights, the first of equals. Beside it, at `supermask_place(seed, name, best)`, lies a result with
          the best supermask of each of `SUPERMASK_WEIGHTS`, ready for `runs.ticket`.

        Raises:
          InputError: a dense network that diverged, fewer than one level, an unknown source, criterion or action, or
            a criterion that returns what cannot be used.
        """
        seed = dense.metrics["seed"]
        registry.choose(MASK_SOURCES, mask_source.source, "source of masks")
        if levels < 1:
            raise InputError(f"levels is {levels}; it must be at least 1.")
        if dense.metrics["status"] != "finished":
            raise InputError(f"The dense training of seed {seed} diverged: there is nothing to make masks from.")
        with self.experiment.results.lock(supermask_path(seed, mask_source.name)):
            return self._found(dense, mask_source, levels) or self._evaluated(dense, mask_source, levels)

    def _found(self, dense: StoredResult, mask_source: MaskSource, levels: int) -> StoredResult | None:
        """What is stored, if it is whole, of this dense network, and was asked for so many levels at least."""
        seed, results = dense.metrics["seed"], self.experiment.results
        found = results.read(supermask_path(seed, mask_source.name), weights=False)
        if not found or found.metrics["parent"] != dense.metrics["fingerprint"] or found.metrics["levels"] < levels:
            return None
        best = [
            results.read(supermask_path(seed, mask_source.name, weights), weights=False)
            for weights in SUPERMASK_WEIGHTS
        ]
        return found if all(best) else None

    def _evaluated(self, dense: StoredResult, mask_source: MaskSource, levels: int) -> StoredResult:
        """Evaluates a ladder and stores the best supermasks and then, as the sign that all is there, the ladder."""
        began = time.monotonic()
        rows, best = [], {}
        for row, mask in self._rows(dense, mask_source, levels):
            rows.append(row)
            leader = best.setdefault(row["weights"], (row, mask))
            if row["validation_accuracy"] > leader[0]["validation_accuracy"]:
                best[row["weights"]] = (row, mask)
        identity = {name: dense.metrics[name] for name in LABELS if name in dense.metrics}
        identity |= {"seed": dense.metrics["seed"], **dataclasses.asdict(mask_source)}
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
        kernels = {
            weights: {name: action(dense.start[name]) for name in dense.mask}
            for weights, action in SUPERMASK_WEIGHTS.items()
        }
        for level, mask in MASK_SOURCES[mask_source.source](self.experiment, dense, mask_source, levels):
            kept_fraction = masks.kept_fraction(mask)
            for weights, values in kernels.items():
                left = {name: np.where(kept, values[name], np.float32(0)) for name, kept in mask.items()}
                row = {"level": level, "kept_fraction": kept_fraction, "weights": weights}
                yield row | self._accuracies(dense.start | left), mask

    def _accuracies(self, state: Weights) -> dict[str, float]:
        """The accuracies of the experiment's model with these weights: no model is built, nothing is compiled anew."""
        from lottery_tf.masking import model_weights

        model_weights.set_weights(self.experiment.model, state)
        accuracies = {
            f"{split}_accuracy": self.experiment.trainer.evaluate(split)[1] for split in ("validation", "test")
        }
        self.evaluated += 1
        self._on_mask()
        return accuracies


def _one_shot(
    experiment: Experiment, dense: StoredResult, mask_source: MaskSource, levels: int
) -> Iterable[tuple[int, Mask]]:
    scores = dense_scores(experiment, dense, mask_source.treatment)
    return enumerate(one_shot_masks(scores, experiment.pruned_fraction, levels, dense.metrics["seed"]), start=1)


def _iterative(
    experiment: Experiment, dense: StoredResult, mask_source: MaskSource, levels: int
) -> Iterator[tuple[int, Mask]]:
    for level in experiment.levels(mask_source.treatment, dense.metrics["seed"], levels):
        if level.metrics["level"] > 0:
            yield level.metrics["level"], level.mask


def _everything(
    experiment: Experiment, dense: StoredResult, mask_source: MaskSource, levels: int
) -> Iterable[tuple[int, Mask]]:
    return [(0, dense.mask)]


MASK_SOURCES = {"oneshot": _one_shot, "iterative": _iterative, "baseline": _everything}


def dense_scores(experiment: Experiment, dense: StoredResult, treatment: Treatment) -> Weights:
    """The scores that a treatment's criterion gives to every weight of a dense network.

    Args:
      experiment: the experiment that trained it; it computes the gradient for the criteria that want one, on the
        batch that the first round of iterative pruning takes.
      dense: the dense network with its weights.
      treatment: a treatment with that criterion.

    Returns:
      For each kernel an array of its shape.

    Raises:
      InputError: the criterion returned scores of another shape, or some that are not numbers.
    """
    criterion = treatment.functions()[0]
    gradient = experiment.saliency_gradient(dense, 1) if treatment.wants_gradient else None
    scores = {}
    for name, kept in dense.mask.items():
        found = registry.call_by_parameter_names(
            criterion,
            w_i=dense.start[name][kept],
            w_f=dense.final[name][kept],
            gradient=None if gradient is None else gradient[name][kept],
        )
        scores[name] = checked_scores(found, kept.size).reshape(kept.shape)
    return scores


def one_shot_masks(
    scores: Mapping[str, np.ndarray], pruned_fraction: Mapping[str, float], levels: int, seed: int
) -> Iterator[Mask]:
    """The masks of levels 1 to `levels`, cut from one ranking of each layer, so that each lies within the one before.

    Args:
      scores: for each kernel an array of its shape. Weights of the score `criteria.LAST` are ranked as all others are:
        a mask that keeps more than the rest keeps some of them.
      pruned_fraction: for each kernel the share of its unmasked weights that a round of iterative pruning prunes.
      levels: how many masks.
      seed: the run's seed; it breaks ties at random, the same way for all criteria.

    Yields:
      Masks that keep, in each layer, the weights of highest score, exactly as many as that level of iterative pruning.

    >>> scores = {"a": np.array([[3.0, 1.0], [2.0, 4.0]])}
    >>> [mask["a"].tolist() for mask in one_shot_masks(scores, {"a": 0.5}, levels=2, seed=0)]
    [[[True, False], [False, True]], [[False, False], [False, True]]]
    """
    ranks = {name: rank_weights(values, generator(seed, "one-shot ties", name)) for name, values in scores.items()}
    counts = {name: kept_counts.kept_counts(rank.size, pruned_fraction[name], levels) for name, rank in ranks.items()}
    for level in range(1, levels + 1):
        yield {name: rank < counts[name][level] for name, rank in ranks.items()}


@dataclasses.dataclass(frozen=True)
class BestSupermask:
    """The best supermasks of a ladder, chosen in three ways; all numbers are shares in [0, 1].

    Attributes:
      label: what the rows call the ladder.
      kept: for each seed the kept fraction that is best on its validation images, and
      accuracy: the test accuracy there.
      maxima: for each seed the highest test accuracy at any kept fraction.
      mean_maximum: the highest mean over seeds of the test accuracy at any kept fraction, and
      mean_kept: that kept fraction.
    """

    label: str
    kept: list[float]
    accuracy: list[float]
    maxima: list[float]
    mean_maximum: float
    mean_kept: float


def best_over_seeds(rows: Iterable[Mapping]) -> list[BestSupermask]:
    """The best of each ladder, the one of highest mean `Best.accuracy` first.

    Table 1 of the paper shows a "max over any prune percentage", which is chosen on test images: the mean of `maxima`,
    or `mean_maximum`.

    Args:
      rows: rows of one kind of weights as `HeuristicSupermasks.ladder` stores them, each with its "label" and "seed".

    >>> accuracies = {"validation_accuracy": 0.5, "test_accuracy": 0.4}
    >>> rows = [{"label": "movement", "seed": 0, "level": n, "kept_fraction": 0.8**n, **accuracies} for n in (1, 2)]
    >>> best_over_seeds(rows)[0].kept
    [0.8]
    """
    found = []
    for label, mask_source in _grouped(rows, "label").items():
        seeds = _grouped(mask_source, "seed").values()
        chosen = [max(own, key=itemgetter("validation_accuracy")) for own in seeds]
        means = [
            (fmean(row["test_accuracy"] for row in level), level[0]["kept_fraction"])
            for level in _grouped(mask_source, "level").values()
        ]
        kept = [row["kept_fraction"] for row in chosen]
        accuracy = [row["test_accuracy"] for row in chosen]
        maxima = [max(row["test_accuracy"] for row in own) for own in seeds]
        found.append(BestSupermask(label, kept, accuracy, maxima, *max(means)))
    return sorted(found, key=lambda best: -fmean(best.accuracy))


def _grouped(rows: Iterable[Mapping], column: str) -> dict[object, list[Mapping]]:
    """The rows by their value in a column, both in the order of the rows."""
    groups: dict[object, list[Mapping]] = {}
    for row in rows:
        groups.setdefault(row[column], []).append(row)
    return groups
