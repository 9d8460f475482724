"""Names of treatments in tables and figures: a line has one name for all networks."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from analysis.results.columns import TREATMENT
from lottery_tf.models.table_s1 import NETWORKS
from lottery_tf.pruning.treatments import Treatment
from lottery_tf.results.paths import DENSE


def scope_of(network: str) -> str:
    """Returns the scope of pruning in a network's settings: whether scores are ranked layer by layer or globally.

    >>> scope_of("fc"), scope_of("vgg19"), scope_of("mine")
    ('layer', 'global', 'layer')
    """
    return NETWORKS[network].scope if network in NETWORKS else Treatment().scope


def treatment_names(rows: pd.DataFrame, **changes: Any) -> pd.Series:
    """Returns the treatment's name in each row; `changes` are columns with another value for all rows."""
    named = rows[["network", *TREATMENT]].assign(**changes).to_dict("records")
    return pd.Series([treatment_name(**row) for row in named], rows.index, dtype=str)


def treatment_name(network: str, criterion: str, scope: str, chosen_kept_fraction: float, **fields) -> str:
    """Returns `Treatment.name`, in which the scope is left out if it is that of the network's settings.

    So a line of a figure has one name for all networks. "dense" and "" are returned unchanged. The treatment's
    functions are not imported.

    >>> fields = dict(criterion="my_module:mine", mask1="rewind", mask0="zero", chosen_kept_fraction=math.nan)
    >>> fields |= dict(rewind_to=0, rounds="iterative")
    >>> treatment_name("fc", scope="layer", **fields), treatment_name("vgg19", scope="global", **fields)
    ('my_module+mine-rewind-zero', 'my_module+mine-rewind-zero')
    >>> treatment_name("fc", scope="global", **fields), treatment_name("vgg19", scope="layer", **fields)
    ('my_module+mine-rewind-zero-global', 'my_module+mine-rewind-zero-layerwise')
    """
    kept = None if math.isnan(chosen_kept_fraction) else chosen_kept_fraction
    usual = Treatment().scope  # it is not in names
    if scope == scope_of(network):
        scope = usual
    elif scope == usual:
        scope = "layerwise"
    # The name needs only the fields. Treatment's __init__ would import the functions to check them.
    treatment = object.__new__(Treatment)
    vars(treatment).update(fields, criterion=criterion, scope=scope, chosen_kept_fraction=kept)
    return criterion if criterion in (DENSE, "") else treatment.name
