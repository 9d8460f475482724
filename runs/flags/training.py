"""Flags that say how networks are trained and pruned: all that `run_settings` lets a user change."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from absl import flags

from lottery_tf.models.settings import PruningSettings, RunSettings, TrainingSettings
from lottery_tf.models.table_s1 import NetworkSettings
from runs.flags.derived import define, fields

PRUNED_FRACTION = {field: f"{field}_pruned_fraction" for field in fields(PruningSettings)}


def define_training(
    note: str, but: Collection[str] = (), rename: Mapping[str, str] | None = None
) -> dict[str, flags.FlagHolder]:
    """Defines the flags that say how a network is trained, by the fields of `TrainingSettings`.

    Args:
      note: what the help says where the default is None, for what the network decides.
      but: fields that have no flag.
      rename: field -> flag, where it is not called as the field is.
    """
    by_network = dict.fromkeys(set(fields(TrainingSettings)) & set(fields(NetworkSettings)))
    chosen = fields(TrainingSettings, but=("iterations", *but))
    return define(TrainingSettings, chosen, rename=rename, defaults=by_network, note=note)


def define_changes(but: Collection[str] = (), rename: Mapping[str, str] | None = None) -> dict[str, flags.FlagHolder]:
    """Defines a flag for every change that `run_settings` takes, but for some, and returns them by its names."""
    note = "Default: the network's."
    none = dict.fromkeys(PRUNED_FRACTION)
    pruning = define(PruningSettings, fields(PruningSettings), rename=PRUNED_FRACTION, defaults=none, note=note)
    return {
        **define_training(note, but, rename),
        **define(RunSettings, ("dropout",)),
        **{PRUNED_FRACTION[field]: flag for field, flag in pruning.items()},
    }
