"""Makes the masks of heuristic supermasks from trainings. Importing this module does not import TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from lottery_tf.argument_checks.annotation_checks import check_fields
from lottery_tf.pruning import kept_counts
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.ranking import checked_scores, rank_weights
from lottery_tf.pruning.treatments import Treatment, Weights, folder_name
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.seeds import generator

if TYPE_CHECKING:
    from lottery_tf.experiment import Experiment


@dataclasses.dataclass(frozen=True)
class MaskSource:
    """The source of a sequence of masks, one for each kept fraction.

    Attributes:
      source: a name in `MASK_SOURCES`.
      criterion: the mask criterion, by name or as `package.module:function`; for "baseline" the baseline's name.
      mask1, mask0: (iterative) the mask-1 and mask-0 action; one-shot masks have none.
      scope: (iterative) the scope of ranking, "" for the default of `Treatment`; one-shot masks rank each layer.

    >>> MaskSource("oneshot", "movement").name, MaskSource("iterative", "movement", "rewind", "hybrid").name
    ('oneshot-movement', 'iterative-movement-rewind-hybrid')
    """

    source: str
    criterion: str
    mask1: str = ""
    mask0: str = ""
    scope: str = ""

    def __post_init__(self):
        check_fields(self)

    @property
    def name(self) -> str:
        """The name of the source's folder: its fields, joined as in `Treatment.name`."""
        return folder_name(filter(None, dataclasses.astuple(self)))

    @property
    def treatment(self) -> Treatment:
        """The treatment that makes the masks; raises InputError for an unknown name."""
        given = {name: action for name in ("mask1", "mask0", "scope") if (action := getattr(self, name))}
        return Treatment(self.criterion, **given)


UNTRAINED = MaskSource("baseline", "untrained_baseline")
NumberedMasks = Iterable[tuple[int, Mask]]  # levels and their masks


def _one_shot(experiment: Experiment, dense: StoredResult, source: MaskSource, levels: int) -> NumberedMasks:
    """Ranks the dense network's weights once, and keeps the number of weights of each level."""
    scores = dense_scores(experiment, dense, source.treatment)
    return enumerate(one_shot_masks(scores, experiment.pruned_fraction, levels, dense.metrics["seed"]), start=1)


def _iterative(experiment: Experiment, dense: StoredResult, source: MaskSource, levels: int) -> NumberedMasks:
    """Takes the masks of iterative pruning by a treatment; missing levels are trained."""
    for level in experiment.levels(source.treatment, dense.metrics["seed"], levels):
        if level.metrics["level"] > 0:
            yield level.metrics["level"], level.mask


def _baseline(experiment: Experiment, dense: StoredResult, source: MaskSource, levels: int) -> NumberedMasks:
    """Keeps every weight, as level 0: the untrained baseline of the paper."""
    return [(0, dense.mask)]


MASK_SOURCES = {  # name -> function that makes the numbered masks
    "oneshot": _one_shot,
    "iterative": _iterative,
    "baseline": _baseline,
}


def dense_scores(experiment: Experiment, dense: StoredResult, treatment: Treatment) -> Weights:
    """Scores every weight of a dense network by a treatment's criterion.

    A gradient is computed on the batch that the first round of iterative pruning uses.

    Returns:
      For each kernel an array of its shape.

    Raises:
      InputError: the criterion returned scores of another shape, or scores that are not numbers.
    """
    gradient = experiment.saliency_gradient(dense, 1) if treatment.wants_gradient else None
    scores = {}
    for name, kept in dense.mask.items():
        found = treatment.score(
            w_i=dense.start[name][kept],
            w_f=dense.final[name][kept],
            gradient=None if gradient is None else gradient[name][kept],
        )
        scores[name] = checked_scores(found, kept.size).reshape(kept.shape)
    return scores


def one_shot_masks(
    scores: Mapping[str, np.ndarray], pruned_fraction: Mapping[str, float], levels: int, seed: int
) -> Iterator[Mask]:
    """Makes the masks of levels 1 to `levels` from one ranking of each layer; each keeps a subset of the one before.

    Args:
      scores: for each kernel an array of its shape. Weights with the score `criteria.LAST` are ranked after all others,
        but not excluded: a mask keeps some of them if there are not enough others.
      pruned_fraction: for each kernel the fraction of its unmasked weights that a round of iterative pruning prunes.
      levels: the number of masks.
      seed: the seed, which breaks ties at random, in the same way for all criteria.

    Yields:
      Masks that keep the weights with the highest scores of each layer, as many as this level of iterative pruning.

    >>> scores = {"a": np.array([[3.0, 1.0], [2.0, 4.0]])}
    >>> [mask["a"].tolist() for mask in one_shot_masks(scores, {"a": 0.5}, levels=2, seed=0)]
    [[[True, False], [False, True]], [[False, False], [False, True]]]
    """
    ranks = {name: rank_weights(values, generator(seed, "one-shot ties", name)) for name, values in scores.items()}
    counts = {name: kept_counts.kept_counts(rank.size, pruned_fraction[name], levels) for name, rank in ranks.items()}
    for level in range(1, levels + 1):
        yield {name: rank < counts[name][level] for name, rank in ranks.items()}
