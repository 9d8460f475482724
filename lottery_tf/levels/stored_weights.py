"""Deletes weights on disk that no later level needs."""

from __future__ import annotations

from lottery_tf.levels.shared_parts import SharedParts
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import level_path
from lottery_tf.results.stored_result import may_drop_weights


def drop_earlier_weights(shared: SharedParts, treatment: Treatment, seed: int, number: int, trainings: int) -> None:
    """Deletes weights of the levels before a level, unless they are kept by choice.

    The dense network keeps its weights. The treatment must be locked.

    Args:
      shared: what all levels of the network share.
      treatment: the treatment.
      seed: the seed.
      number: the level.
      trainings: how many trainings it took to get this level. If earlier levels had to be trained again, their weights
        are back on disk and are deleted too.
    """
    for earlier in range(number - 1, max(0, number - 1 - max(1, trainings)), -1):
        path = level_path(seed, treatment.name, earlier)
        before = shared.find(path, weights=False)
        if before and may_drop_weights(before.metrics):
            shared.results.drop_weights(path)
