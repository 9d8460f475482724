"""What all treatments of an experiment share: the dense networks, the rewind points and the algorithm."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lottery_tf import algorithm
from lottery_tf.errors import InputError
from lottery_tf.masking.naming import renamed
from lottery_tf.models.untrained_network import UntrainedNetwork
from lottery_tf.pruning.treatments import SeededNetwork, Ticket, Treatment, Weights
from lottery_tf.results.paths import DENSE, level_path, rewind_point_path
from lottery_tf.results.store import MemoryResults, ResultsFolder
from lottery_tf.results.stored_result import StoredResult, is_finished
from lottery_tf.seeds import generator
from lottery_tf.training.recorder import TrainingPlan, TrainingRecorder
from lottery_tf.training.trainer import Trainer
from lottery_tf.training.training_result import IterationRange


@dataclasses.dataclass(frozen=True, eq=False)
class NetworkLevels:
    """What the levels of all treatments share: the dense networks, the algorithm, the trainer and the results.

    Attributes:
      network: the untrained network.
      trainer: the trainer, which computes gradients and knows the length of a training.
      recorder: trains missing levels and stores them.
      results: where levels are stored.
      keep_weights: whether finished levels keep their weights.
    """

    network: UntrainedNetwork
    trainer: Trainer
    recorder: TrainingRecorder
    results: MemoryResults | ResultsFolder
    keep_weights: bool

    def find(self, path: str, weights: bool, parent: str | None = None) -> StoredResult | None:
        """Returns the result at a path; None if it is missing, damaged, or made from another parent.

        The path or its treatment must be locked. A parent of None accepts any.
        """
        found = self.results.read(path, weights)
        if not found or parent not in (None, found.metrics["parent"]):
            return None
        own_names: dict[str, Any] = {
            part: renamed(arrays, self.network.names)
            for part in ("start", "final")
            if (arrays := getattr(found, part)) is not None
        }
        return dataclasses.replace(found, mask=renamed(found.mask, self.network.pruned_fraction), **own_names)

    def dense(self, seed: int, weights: bool) -> StoredResult:
        """Finds or trains the dense network of a seed, level 0 of all its treatments."""
        dense = self._dense(TrainingPlan(level_path(seed, DENSE, 0), seed, 0, {}), weights)
        self.check_start(seed)
        return dense

    def rewind_point(self, seed: int, iteration: int) -> StoredResult:
        """Finds or makes the dense network at an iteration of its training.

        It is made by the same training, with the same seed and order of images, which stops at this iteration. So its
        weights are those that the dense network had there.

        Raises:
          InputError: the training diverges before this iteration.
        """
        path = rewind_point_path(seed, iteration)
        found = self._dense(
            TrainingPlan(path, seed, 0, {"kind": "rewind"}, IterationRange(last=iteration)), weights=True
        )
        if not is_finished(found.metrics):
            raise InputError(f"The dense training of seed {seed} diverged before iteration {iteration}.")
        return found

    def gradient(self, seed: int, ticket: Ticket, level: int) -> Weights:
        """Returns the loss gradient of one batch at a ticket's starting weights, for the criterion of a level."""
        size, batch_size = len(self.trainer.dataset.train), self.trainer.settings.batch_size
        rng = generator(seed, "saliency batch", level)
        return self.trainer.gradient(ticket, rng.choice(size, batch_size, replace=False))

    def check_start(self, seed: int) -> None:
        """Raises InputError if the seed's dense network started from other weights than the user's function returns."""
        if self.network.draws:
            return
        path = level_path(seed, DENSE, 0)
        with self.results.lock(path):
            dense = self.find(path, weights=True)
        if dense is None:
            return
        initial = self.network.initial(seed)
        if any(name in dense.start and dense.start[name].tobytes() != initial[name].tobytes() for name in dense.mask):
            raise InputError(
                f"The stored dense network of seed {seed} started from other weights than `initial` returns now. "
                "Return the same weights in every process (from a file, for example), or choose another folder."
            )

    def lottery_tickets(
        self,
        train: Callable[[Ticket, int], StoredResult],
        treatment: Treatment,
        seed: int,
        levels: Sequence[int],
        parent: StoredResult,
    ) -> Iterator[StoredResult]:
        """Runs the algorithm for this network, as a generator that reads and trains nothing before its first level."""
        gradient = functools.partial(self.gradient, seed)
        rewound = self.rewind_point(seed, treatment.rewind_to).final if treatment.rewind_to else None
        yield from algorithm.lottery_tickets(train, treatment, self._seeded(seed), levels, gradient, rewound, parent)

    def _seeded(self, seed: int) -> SeededNetwork:
        network = self.network
        return SeededNetwork(network.initial(seed), network.pruned_fraction, network.draw, seed)

    def _dense(self, plan: TrainingPlan, weights: bool) -> StoredResult:
        """Finds or trains the dense network of a plan's seed, up to the plan's last iteration."""
        with self.results.lock(plan.path):
            found = self.find(plan.path, weights)
            return found or self.recorder.train(self._seeded(plan.seed).dense_ticket(), plan)
