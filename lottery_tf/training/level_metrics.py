"""Makes the metrics of a level, a rewind point or a control."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import Ticket, Treatment
from lottery_tf.results.files import finite
from lottery_tf.results.paths import DENSE
from lottery_tf.results.stored_result import DIVERGED, FINISHED, HISTORY_COLUMNS, fingerprint
from lottery_tf.system.origin import origin

if TYPE_CHECKING:
    from lottery_tf.training.training_result import TrainingResult

NO_TREATMENT = {  # the values of a treatment's fields in the metrics of a dense network
    name: None if value is None else type(value)() for name, value in dataclasses.asdict(Treatment()).items()
} | {"criterion": DENSE}


def level_metrics(ticket: Ticket, trained: TrainingResult, labels: dict, identity: dict, keep_weights: bool) -> dict:
    """Returns the metrics of a training.

    `labels` are metrics that all results of an experiment share. `identity` has the seed and the level, and for
    pruned levels also the kind, the treatment's fields and the parent. Without these, it is a dense network.
    """
    return {
        "kind": "level",
        **labels,
        **NO_TREATMENT,
        "parent": "",
        **identity,
        "status": DIVERGED if trained.diverged else FINISHED,
        "overflow": trained.overflow,
        "kept_fraction": masks.kept_fraction(ticket.mask),
        "early_stop_iteration": trained.early_stop_iteration,
        "early_stop_val_loss": finite(trained.early_stop_val_loss),
        "test_accuracy": finite(trained.test_accuracy),
        "final_test_accuracy": finite(trained.final_test_accuracy),
        **own_readings(trained),
        "iterations": int(trained.history[-1, 0]),
        "seconds": round(trained.seconds, 3),
        "kept_fraction_by_layer": masks.kept_fraction_by_layer(ticket.mask),
        "fingerprint": fingerprint(trained.final, ticket.mask),
        "keep_weights": keep_weights,
        **origin(**trained.compiled_by),
    }


def own_readings(trained: TrainingResult) -> dict:
    """Returns the test readings of a user-defined loss and metrics, for the metrics of a result; else nothing."""
    if trained.columns == HISTORY_COLUMNS:
        return {}
    return {
        "test": {name: finite(value) for name, value in trained.test.items()},
        "final_test": {name: finite(value) for name, value in trained.final_test.items()},
    }
