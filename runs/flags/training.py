"""Flags that set how networks are trained and pruned: every change that `experiment_settings` takes."""

from __future__ import annotations

from collections.abc import Collection

from absl import flags

from lottery_tf.command_line.derived_flags import define, fields
from lottery_tf.models.settings import ExperimentSettings, PruningSettings, TrainingSettings
from lottery_tf.models.table_s1 import NetworkSettings

PRUNED_FRACTION = {field: f"{field}_pruned_fraction" for field in fields(PruningSettings)}


def define_training(note: str, but: Collection[str] = ()) -> dict[str, flags.FlagHolder]:
    """Defines a flag for each field of `TrainingSettings` except `but`, and returns the flags by their fields.

    The note is added to the help of flags whose default is None because the network decides.
    """
    by_network = dict.fromkeys(set(fields(TrainingSettings)) & set(fields(NetworkSettings)))
    chosen = fields(TrainingSettings, but=("iterations", *but))
    return define(TrainingSettings, chosen, defaults=by_network, note=note)


def define_changes(but: Collection[str] = ()) -> dict[str, flags.FlagHolder]:
    """Defines a flag for every change that `experiment_settings` takes, except `but`; returns them by parameter."""
    note = "Default: set by the network."
    none = dict.fromkeys(PRUNED_FRACTION)
    pruning = define(PruningSettings, fields(PruningSettings), rename=PRUNED_FRACTION, defaults=none, note=note)
    return {
        **define_training(note, but),
        **define(ExperimentSettings, ("dropout",)),
        **{PRUNED_FRACTION[field]: flag for field, flag in pruning.items()},
    }
