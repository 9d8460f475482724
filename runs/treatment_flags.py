"""The flags that say which treatments a command is about, and the treatments that they add up to."""

from __future__ import annotations

import itertools

from absl import flags

from lottery_tf import actions, criteria
from lottery_tf.errors import InputError
from lottery_tf.names import choose
from lottery_tf.settings import NETWORKS
from lottery_tf.treatments import ROUNDS, SCOPES, Treatment
from runs.common_flags import NETWORK

CRITERION = flags.DEFINE_list("criterion", ["large_final"], f"Mask criteria: {', '.join(criteria.CRITERIA)}.")
MASK1 = flags.DEFINE_list("mask1", ["rewind"], f"Mask-1 actions, for kept weights: {', '.join(actions.MASK1)}.")
MASK0 = flags.DEFINE_list("mask0", ["zero"], f"Mask-0 actions, for pruned weights: {', '.join(actions.MASK0)}.")
LEVELS = flags.DEFINE_integer("levels", 24, "Rounds of pruning after the dense training.")
SCOPE = flags.DEFINE_list(
    "scope",
    None,
    f"Among which weights scores are ranked: {', '.join(SCOPES)}. Default: the network's (layer in Table S1, global for "
    "the deeper networks).",
)
REWIND_TO = flags.DEFINE_list(
    "rewind_to", ["0"], "Iterations of the dense training to whose weights networks go back; 0: the initial ones."
)
ROUNDS_FLAG = flags.DEFINE_list(
    "rounds",
    ["iterative"],
    f"What each level is made from: {', '.join(ROUNDS)} (the level before, or the dense network every time).",
)
KEPT_FRACTION = flags.DEFINE_list(
    "kept_fraction", [], "With --rounds=oneshot: shares of all weights to keep, in place of the levels."
)


def levels_from_flags() -> int:
    """How many levels are wanted; raises InputError for fewer than one."""
    if LEVELS.value < 1:
        raise InputError(f"--levels is {LEVELS.value}; it must be at least 1.")
    return LEVELS.value


def treatments_from_flags() -> list[Treatment]:
    """Every combination of what the flags name; raises InputError for what cannot be or is given twice."""
    if odd := [text for text in REWIND_TO.value if not text.isdecimal()]:
        raise InputError(f"--rewind_to wants iterations, whole numbers of at least 0; {odd[0]!r} is none.")
    lists = {
        "criterion": CRITERION.value,
        "mask1": MASK1.value,
        "mask0": MASK0.value,
        "scope": SCOPE.value or [choose(NETWORKS, NETWORK.value, "network").scope],
        "rewind_to": [int(text) for text in REWIND_TO.value],
        "rounds": ROUNDS_FLAG.value,
        "chosen_kept_fraction": [_number(text) for text in KEPT_FRACTION.value] or [None],
    }
    treatments = [Treatment(*combination) for combination in itertools.product(*lists.values())]
    if not treatments:
        empty = next(name for name, values in lists.items() if not values)
        raise InputError(f"--{empty} is empty: it wants at least one value.")
    if twice := [treatment.name for treatment in treatments if treatments.count(treatment) > 1]:
        raise InputError(f"The treatment {twice[0]} is asked for more than once.")
    return treatments


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"--kept_fraction wants numbers between 0 and 1; {text!r} is none.") from None
