"""Finds finished levels, and makes missing levels by the paper's algorithm."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from lottery_tf.algorithm import lottery_tickets
from lottery_tf.errors import InputError
from lottery_tf.masking.naming import renamed
from lottery_tf.models.untrained_network import UntrainedNetwork
from lottery_tf.pruning.treatments import Ticket, Treatment, Weights
from lottery_tf.results.paths import DENSE, level_path, rewind_point_path
from lottery_tf.results.store import MemoryResults, ResultsFolder
from lottery_tf.results.stored_result import StoredResult
from lottery_tf.seeds import generator
from lottery_tf.training.recorder import TrainingPlan, TrainingRecorder
from lottery_tf.training.trainer import Trainer
from lottery_tf.training.training_result import IterationRange


class Levels:
    """Finds levels, or continues the algorithm from the nearest finished level.

    Args:
      network: the untrained network.
      trainer: the trainer, which computes gradients and knows the length of a training.
      recorder: trains missing levels and stores them.
      results: where levels are stored.
      keep_weights: whether finished levels keep their weights.
    """

    def __init__(
        self,
        network: UntrainedNetwork,
        trainer: Trainer,
        recorder: TrainingRecorder,
        results: MemoryResults | ResultsFolder,
        keep_weights: bool,
    ):
        self._network = network
        self._trainer = trainer
        self._recorder = recorder
        self._results = results
        self._keep_weights = keep_weights

    def find(self, path: str, weights: bool, parent: str | None = None) -> StoredResult | None:
        """Returns the result at a path; None if it is missing, damaged, or made from another parent.

        Args:
          path: the result's path; the path or its treatment must be locked.
          weights: whether the result must have its weights.
          parent: the fingerprint of the level that it must be made from; None: any level.
        """
        found = self._results.read(path, weights)
        if not found or parent not in (None, found.metrics["parent"]):
            return None
        own_names: dict[str, Any] = {
            part: renamed(arrays, self._network.names)
            for part in ("start", "final")
            if (arrays := getattr(found, part)) is not None
        }
        return dataclasses.replace(found, mask=renamed(found.mask, self._network.pruned_fraction), **own_names)

    def dense(self, seed: int, weights: bool) -> StoredResult:
        """Finds or trains the dense network of a seed, level 0 of all its treatments."""
        return self._dense(TrainingPlan(level_path(seed, DENSE, 0), seed, 0, {}), weights)

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
        if found.metrics["status"] != "finished":
            raise InputError(f"The dense training of seed {seed} diverged before iteration {iteration}.")
        return found

    def next_level(self, treatment: Treatment, seed: int, number: int, parent: str | None = None) -> StoredResult:
        """Finds or trains a level as `find_or_train`, then deletes weights of earlier levels that are not kept."""
        trained_before = self._recorder.trained
        level = self.find_or_train(treatment, seed, number, self._keep_weights, parent)
        # If earlier levels had to be trained again to get here, their weights are back on disk: delete those too.
        trainings = max(1, self._recorder.trained - trained_before)
        for earlier in range(number - 1, max(0, number - 1 - trainings), -1):
            path = level_path(seed, treatment.name, earlier)
            found = self.find(path, weights=False)
            if found and not found.metrics.get("keep_weights", True):
                self._results.drop_weights(path)
        return level

    def find_or_train(
        self, treatment: Treatment, seed: int, number: int, weights: bool, parent: str | None = None
    ) -> StoredResult:
        """Finds a level, or trains it after training missing levels before it.

        Args:
          treatment: the level's treatment, which must be locked.
          seed: the level's seed.
          number: the level's number.
          weights: whether its weights are needed.
          parent: the fingerprint of the level that it must be made from; None: any level.

        Raises:
          InputError: a level before it diverged.
        """
        if number == 0:
            return self.dense(seed, weights)
        found = self.find(level_path(seed, treatment.name, number), weights, parent)
        return found or self._trained(treatment, seed, number)

    def later_levels(self, treatment: Treatment, seed: int, finished: Sequence[dict]) -> Iterator[dict]:
        """Yields the metrics of the finished levels after a treatment's first levels, if they were made from these.

        Args:
          treatment: the treatment.
          seed: the seed.
          finished: the metrics of its first levels, those of the dense network first.
        """
        levels = list(finished)
        while later := self._results.peek(level_path(seed, treatment.name, len(levels)), weights=False):
            if later.metrics["parent"] != levels[treatment.parent(len(levels))]["fingerprint"]:
                return
            levels.append(later.metrics)
            yield later.metrics

    def iterations(self, treatment: Treatment) -> IterationRange:
        """The iterations of a treatment's levels; fine-tuning trains with the learning rate of the last iteration."""
        return IterationRange(
            treatment.rewind_to, rate_from=self._trainer.settings.iterations if treatment.continues_training else None
        )

    def gradient(self, seed: int, ticket: Ticket, level: int) -> Weights:
        """Returns the loss gradient of one batch at a ticket's starting weights, for the criterion of a level."""
        size, batch_size = len(self._trainer.dataset.train), self._trainer.settings.batch_size
        rng = generator(seed, "saliency batch", level)
        return self._trainer.gradient(ticket, rng.choice(size, batch_size, replace=False))

    def _dense(self, plan: TrainingPlan, weights: bool) -> StoredResult:
        """Finds or trains the dense network of a plan's seed, up to the plan's last iteration."""
        with self._results.lock(plan.path):
            # There are no levels, so only steps 0 and 1 run and the treatment does not matter.
            return self.find(plan.path, weights) or next(
                self._algorithm(lambda ticket, level: self._recorder.train(ticket, plan), Treatment(), plan.seed, [])
            )

    def _trained(self, treatment: Treatment, seed: int, number: int) -> StoredResult:
        """Continues the algorithm from the nearest finished level up to the wanted level."""
        level, missing = self._nearest_ancestor(treatment, seed, number)
        self._check_start(seed)

        # `level` is the last level of the loop below, because the generator calls `train` only at the next iteration.
        def train(ticket: Ticket, number: int) -> StoredResult:
            identity = dataclasses.asdict(treatment) | {"parent": level.metrics["fingerprint"]}
            path = level_path(seed, treatment.name, number)
            return self._recorder.train(ticket, TrainingPlan(path, seed, number, identity, self.iterations(treatment)))

        tickets = self._algorithm(train, treatment, seed, missing, level)
        for _ in missing:
            if level.metrics["status"] != "finished":
                earlier = level.metrics["level"]
                raise InputError(f"Level {earlier} of {treatment.name}, seed {seed}, diverged; it has no later levels.")
            level = next(tickets)
        return level

    def _nearest_ancestor(self, treatment: Treatment, seed: int, number: int) -> tuple[StoredResult, list[int]]:
        """The nearest earlier level that has its weights, and the numbers of the levels to make."""
        missing = [number]
        while before := treatment.parent(missing[0]):
            if found := self.find(level_path(seed, treatment.name, before), weights=True):
                return found, missing
            missing.insert(0, before)
        return self.dense(seed, weights=True), missing

    def _check_start(self, seed: int) -> None:
        """Raises InputError if the seed's dense network started from other weights than the user's function returns."""
        if self._network.draws or not (dense := self.find(level_path(seed, DENSE, 0), weights=True)):
            return
        initial = self._network.initial(seed)
        if any(name in dense.start and dense.start[name].tobytes() != initial[name].tobytes() for name in dense.mask):
            raise InputError(
                f"The stored dense network of seed {seed} started from other weights than `initial` returns now. "
                "Return the same weights in every process (from a file, for example), or choose another folder."
            )

    def _algorithm(
        self,
        train: Callable[[Ticket, int], StoredResult],
        treatment: Treatment,
        seed: int,
        levels: Sequence[int],
        parent: StoredResult | None = None,
    ) -> Iterator[StoredResult]:
        """Runs the algorithm for this network, as a generator that reads and trains nothing before its first level."""
        network, gradient = self._network, functools.partial(self.gradient, seed)
        rewound = self.rewind_point(seed, treatment.rewind_to).final if treatment.rewind_to else None
        initial = network.initial(seed)
        yield from lottery_tickets(
            train, treatment, initial, network.pruned_fraction, network.draw, seed, levels, gradient, rewound, parent
        )
