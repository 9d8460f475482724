"""What the levels of all treatments of an experiment share."""

from __future__ import annotations

import dataclasses
from typing import Any

from lottery_tf.masking.naming import renamed
from lottery_tf.models.untrained_network import UntrainedNetwork
from lottery_tf.pruning.treatments import SeededNetwork, Ticket, Weights
from lottery_tf.results.store import MemoryResults, ResultsFolder
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.seeds import generator
from lottery_tf.training.recorder import TrainingRecorder
from lottery_tf.training.trainer import Trainer


@dataclasses.dataclass(frozen=True, eq=False)
class SharedParts:
    """The parts that all levels of a network share, and what several of them do with these.

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

    def gradient(self, seed: int, ticket: Ticket, level: int) -> Weights:
        """Returns the loss gradient of one batch at a ticket's starting weights, for the criterion of a level."""
        size, batch_size = len(self.trainer.dataset.train), self.trainer.settings.batch_size
        rng = generator(seed, "saliency batch", level)
        return self.trainer.gradient(ticket, rng.choice(size, batch_size, replace=False))

    def seeded(self, seed: int) -> SeededNetwork:
        """Returns the untrained network of a seed, as the algorithm takes it."""
        network = self.network
        return SeededNetwork(network.initial(seed), network.pruned_fraction, network.draw, seed)
