"""What the metrics of a level, of a rewind point or of a control say."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from lottery_tf.origin import origin
from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import Ticket, Treatment
from lottery_tf.results.files import finite
from lottery_tf.results.paths import DENSE
from lottery_tf.results.stored_result import fingerprint

if TYPE_CHECKING:
    from lottery_tf.training.training_result import TrainingResult

NO_TREATMENT = {  # what the metrics of a dense network have in place of a treatment
    name: None if value is None else type(value)() for name, value in dataclasses.asdict(Treatment()).items()
} | {"criterion": DENSE}


def level_metrics(ticket: Ticket, trained: TrainingResult, labels: dict, identity: dict, keep_weights: bool) -> dict:
    """The metrics of a training.

    Args:
      ticket: what was trained.
      trained: what became of it.
      labels: what all results of an experiment say of themselves.
      identity: what tells it from the others: seed and level, and its kind, treatment and parent where they are not
        those of a dense network.
      keep_weights: whether its weights are to stay when later levels no longer need them.
    """
    return {
        "kind": "level",
        **labels,
        **NO_TREATMENT,
        "parent": "",
        **identity,
        "status": "diverged" if trained.diverged else "finished",
        "overflow": trained.overflow,
        "kept_fraction": masks.kept_fraction(ticket.mask),
        "early_stop_iteration": trained.early_stop_iteration,
        "early_stop_val_loss": finite(trained.early_stop_val_loss),
        "test_accuracy": finite(trained.test_accuracy),
        "final_test_accuracy": finite(trained.final_test_accuracy),
        "iterations": int(trained.history[-1, 0]),
        "seconds": round(trained.seconds, 3),
        "kept_fraction_by_layer": masks.kept_fraction_by_layer(ticket.mask),
        "fingerprint": fingerprint(trained.final, ticket.mask),
        "keep_weights": keep_weights,
        **origin(**trained.compiled_by),
    }
