"""One finished result: its mask, its numbers, its history, its weights."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np

from lottery_tf.pruning.masks import Mask
from lottery_tf.pruning.treatments import Ticket, Weights

HISTORY_COLUMNS = ("iteration", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


@dataclasses.dataclass(frozen=True)
class StoredResult:
    """One finished result: a level of a treatment, a learned mask, heuristic supermasks, a measurement.

    Attributes:
      mask: the mask.
      metrics: the numbers by name, JSON values only; "kind" says what it is, and the columns of `analysis.export` for
        that kind are among them.
      history: (rows, 5) float64 array with `HISTORY_COLUMNS`; training columns are means since the row before. None
        where nothing was trained.
      start: every weight before training; None where the weights were dropped.
      final: every weight at the end of training; None where the weights were dropped. (`Any` in the types: who asks for
        a result with its weights need not check for None.)
    """

    mask: Mask
    metrics: dict
    history: np.ndarray | None = None
    start: Weights | Any = None
    final: Weights | Any = None

    @property
    def ticket(self) -> Ticket:
        """What was trained; only where the weights are still there."""
        return Ticket(self.start, self.mask)

    def without_weights(self) -> StoredResult:
        """The same result with its mask and numbers only."""
        return dataclasses.replace(self, start=None, final=None)


def fingerprint(final: Weights, mask: Mask) -> str:
    """A hash of a level's final weights and mask; the next level names it as its parent."""
    digest = hashlib.sha256()
    for arrays in (final, mask):
        for name in sorted(arrays):
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()[:16]
