"""Trains a ticket with checkpoints and TensorBoard events, and stores the result."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import keras

from lottery_tf.pruning import masks
from lottery_tf.pruning.treatments import Ticket
from lottery_tf.results.store import MemoryResults, ResultsFolder
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.training.checkpoint import checkpoint_in
from lottery_tf.training.level_metrics import level_metrics
from lottery_tf.training.trainer import Trainer
from lottery_tf.training.training_result import IterationRange
from lottery_tf.training.watched import watched
from lottery_tf.training.watchers import check_callbacks


@dataclasses.dataclass(frozen=True)
class TrainingPlan:
    """One training whose result is to be stored.

    Attributes:
      path: the result path.
      seed, level: they determine the order of images; see `Trainer.train`.
      identity: further metrics that identify the result (`level_metrics`).
      iterations: the iterations to train; None: all.
      order_seed: a seed that replaces the seed in the order of images; None: the seed itself.
      store_weights: whether the weights are stored.
    """

    path: str
    seed: int
    level: int
    identity: dict
    iterations: IterationRange | None = None
    order_seed: int | None = None
    store_weights: bool = True


@dataclasses.dataclass(eq=False)
class TrainingRecorder:
    """Trains tickets and stores the results.

    If `keep_weights` is False, the weights may be deleted once later levels no longer need them; the metrics record it.
    `on_reading` is called with the numbers of each reading of the validation loss by name, the seed, the level, the
    treatment's fields and the kept fraction. `trainings` is the number of trainings so far. The others are as in
    `Experiment`.
    """

    trainer: Trainer
    results: MemoryResults | ResultsFolder
    labels: dict[str, str | float | bool]
    keep_weights: bool
    snapshot_seconds: float
    on_steps: Callable[[int], None]
    on_reading: Callable[[dict], None]
    callbacks: Sequence[keras.callbacks.Callback] = ()
    trainings: int = dataclasses.field(default=0, init=False)

    def __post_init__(self):
        check_callbacks(self.callbacks)

    def train(self, ticket: Ticket, plan: TrainingPlan) -> StoredResult:
        """Trains a ticket by a plan, stores the result and returns it; the plan's path must be locked."""
        identity = plan.identity | {"seed": plan.seed, "level": plan.level}
        about = identity | {"kept_fraction": masks.kept_fraction(ticket.mask)}
        partial = self.results.partial(plan.path)
        shown = watched(self.trainer, partial, about, self.callbacks, self.on_reading, plan.iterations)
        with shown as (events, report):
            trained = self.trainer.train(
                ticket,
                plan.seed,
                plan.level,
                iteration_range=plan.iterations,
                order_seed=plan.order_seed,
                checkpoint=checkpoint_in(partial, self.snapshot_seconds),
                on_history=report,
                on_steps=self.on_steps,
            )
            metrics = level_metrics(ticket, trained, self.labels, identity, self.keep_weights)
            result = StoredResult(ticket.mask, metrics, trained.history, ticket.start, trained.final, trained.columns)
            events.level(result)
        result = result if plan.store_weights else result.without_weights()
        self.results.write(plan.path, result)
        self.trainings += 1
        return result
