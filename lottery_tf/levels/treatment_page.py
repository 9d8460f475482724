"""Writes the TensorBoard page of a treatment, which shows all of its levels."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from lottery_tf.levels.network_levels import NetworkLevels
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import level_path, treatment_path
from lottery_tf.training import tensorboard


def write_page(network_levels: NetworkLevels, treatment: Treatment, seed: int, first: Sequence[dict]) -> None:
    """Writes the page of a treatment and seed from its `stored_levels`; none for results in memory.

    The treatment must be locked.
    """
    if folder := network_levels.results.folder(treatment_path(seed, treatment.name)):
        columns = network_levels.recorder.labels | dataclasses.asdict(treatment) | {"seed": seed}
        settings = dataclasses.asdict(network_levels.trainer.settings)
        levels = stored_levels(network_levels, treatment, seed, first)
        tensorboard.write_treatment_page(folder, columns, settings, levels)


def stored_levels(network_levels: NetworkLevels, treatment: Treatment, seed: int, first: Sequence[dict]) -> list[dict]:
    """Returns the given metrics of the first levels, followed by those of the later levels that are stored.

    The levels end before the first that is missing or was made from another parent.
    """
    levels = list(first)
    while later := network_levels.results.peek(level_path(seed, treatment.name, len(levels)), weights=False):
        if later.metrics["parent"] != levels[treatment.parent(len(levels))]["fingerprint"]:
            break
        levels.append(later.metrics)
    return levels
