"""Writes the TensorBoard page of a treatment, which shows all of its levels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from lottery_tf.levels.shared_parts import SharedParts
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import level_path, treatment_path
from lottery_tf.training import tensorboard


def write_page(shared: SharedParts, treatment: Treatment, seed: int, first: Sequence[dict]) -> None:
    """Writes the page of a treatment and seed from its `stored_levels`; none for results in memory.

    The treatment must be locked.
    """
    if folder := shared.results.folder(treatment_path(seed, treatment.name)):
        columns = shared.recorder.labels | dataclasses.asdict(treatment) | {"seed": seed}
        settings = dataclasses.asdict(shared.trainer.settings)
        levels = stored_levels(shared, treatment, seed, first)
        tensorboard.write_treatment_page(folder, columns, settings, levels)


def stored_levels(shared: SharedParts, treatment: Treatment, seed: int, first: Sequence[dict]) -> list[dict]:
    """Returns the given metrics of the first levels, followed by those of the later levels that are stored.

    The levels end before the first that is missing or was made from another parent.
    """
    levels = list(first)
    while later := shared.results.peek(level_path(seed, treatment.name, len(levels)), weights=False):
        if later.metrics["parent"] != levels[treatment.parent(len(levels))]["fingerprint"]:
            break
        levels.append(later.metrics)
    return levels
