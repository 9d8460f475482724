"""Flags that choose the treatments of a command, and the treatments that they give."""

from __future__ import annotations

import itertools

from absl import flags

from lottery_tf.command_line.derived_flags import define, fields
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning.kept_counts import PAPER_LEVELS
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.registry import choose
from runs.flags.common import NETWORK

_TREATMENT = define(
    Treatment,
    fields(Treatment),
    rename={"chosen_kept_fraction": "kept_fraction"},
    several=fields(Treatment),
    defaults={"scope": None, "chosen_kept_fraction": []},
    note="Default: set by the network.",
)
LEVELS = flags.DEFINE_integer(
    "levels", PAPER_LEVELS, "Number of rounds of pruning after the dense training.", lower_bound=1
)


def treatments_from_flags() -> list[Treatment]:
    """Returns every combination of the flags' values; raises InputError for an invalid one."""
    lists = {field: flag.value for field, flag in _TREATMENT.items()}
    lists["scope"] = lists["scope"] or [choose(NETWORKS, NETWORK.value, "network").scope]
    lists["chosen_kept_fraction"] = lists["chosen_kept_fraction"] or [None]
    return [Treatment(*combination) for combination in itertools.product(*lists.values())]
