"""A finished result: its mask, metrics, history and weights."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from lottery_tf.argument_checks.signatures import checked
from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Ticket, Weights

FINISHED, DIVERGED = "finished", "diverged"  # how a training ended: the entry "status" of its metrics
HISTORY_COLUMNS = ("iteration", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


@checked
@dataclasses.dataclass(frozen=True)
class StoredResult:
    """One finished result: a level of a treatment, a learned mask, heuristic Supermasks, a measurement.

    Attributes:
      mask: the mask.
      metrics: the numbers by name, as JSON values. "kind" is the kind of result. They include the columns of
        `analysis.export` for this kind.
      history: (rows, columns) float64 array. The training columns are means since the row before. None
        if nothing was trained.
      start: every weight before training; None if the weights were deleted.
      final: every weight at the end of training; None if the weights were deleted. (The types are `Any`, so that code
        that reads a result with its weights need not check for None.)
      columns: the names of the columns of the history.
    """

    mask: Mask
    metrics: dict
    history: np.ndarray | None = None
    start: Weights | Any = None
    final: Weights | Any = None
    columns: tuple[str, ...] = HISTORY_COLUMNS

    @property
    def ticket(self) -> Ticket:
        """The ticket that was trained; only for a result with weights."""
        return Ticket(self.start, self.mask)

    def without_weights(self) -> StoredResult:
        """Returns the result without its weights."""
        return dataclasses.replace(self, start=None, final=None)


def panel_of(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the network, data set, schedule and precision of a result, as far as its metrics have them.

    >>> panel_of({"network": "fc", "dataset": "mnist", "level": 3})
    {'network': 'fc', 'dataset': 'mnist'}
    """
    return {name: metrics[name] for name in ("network", "dataset", "schedule", "precision") if name in metrics}


def fingerprint(final: Weights, mask: Mask) -> str:
    """Returns a hash of a level's final weights and mask; the next level stores it as "parent"."""
    digest = hashlib.sha256()
    for arrays in (final, mask):
        for name in sorted(arrays):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()[:16]


def may_drop_weights(metrics: Mapping[str, Any]) -> bool:
    """Returns whether a level's weights may be deleted once the next level is there; old metrics do not say so.

    >>> may_drop_weights({"keep_weights": False}), may_drop_weights({})
    (True, False)
    """
    return not metrics.get("keep_weights", True)


def diverged(metrics: Mapping[str, Any]) -> bool:
    """Returns whether metrics are those of a training that diverged; not all kinds of results have a status."""
    return metrics.get("status") == DIVERGED
