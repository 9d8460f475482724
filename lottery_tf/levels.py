"""Finds the levels that are there already, and makes those that are missing by the paper's algorithm."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence

from lottery_tf.algorithm import lottery_tickets
from lottery_tf.errors import InputError
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
    """Finds levels, or continues the algorithm from the nearest level that is there.

    Args:
      network: where all trainings begin.
      trainer: gives gradients, and says how long a training is.
      recorder: trains what is missing and stores it.
      results: where levels are kept.
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
        """The result at a path; None where it is missing, damaged, or made from another parent.

        Args:
          path: its result path; it, or its treatment, has to be locked.
          weights: whether its weights have to be there.
          parent: the fingerprint of what it has to be made from; None takes any.
        """
        found = self._results.read(path, weights)
        return found if found and parent in (None, found.metrics["parent"]) else None

    def dense(self, seed: int, weights: bool) -> StoredResult:
        """The dense network of a seed, level 0 of all its treatments."""
        return self._dense(TrainingPlan(level_path(seed, DENSE, 0), seed, 0, {}), weights)

    def rewind_point(self, seed: int, iteration: int) -> StoredResult:
        """The dense network at an iteration of its training.

        It is made by the same training, stopped there: same seed, same order of images, so it lies on the path of the
        dense network.

        Raises:
          InputError: the training diverges before it.
        """
        path = rewind_point_path(seed, iteration)
        found = self._dense(
            TrainingPlan(path, seed, 0, {"kind": "rewind"}, IterationRange(last=iteration)), weights=True
        )
        if found.metrics["status"] != "finished":
            raise InputError(f"The dense training of seed {seed} diverged before iteration {iteration}.")
        return found

    def next_level(self, treatment: Treatment, seed: int, number: int, parent: str | None = None) -> StoredResult:
        """A level as `find_or_train` gives it.

        Then deletes the weights of the levels before it, unless they are to be kept.
        """
        trained_before = self._recorder.trained
        level = self.find_or_train(treatment, seed, number, self._keep_weights, parent)
        # If earlier levels had to be trained again to get here, their weights are back on disk: delete those too.
        trainings = max(1, self._recorder.trained - trained_before)
        for earlier in range(number - 1, max(0, number - 1 - trainings), -1):
            path = level_path(seed, treatment.name, earlier)
            found = self.find(path, weights=False)
            if found and not found.metrics["keep_weights"]:
                self._results.drop_weights(path)
        return level

    def find_or_train(
        self, treatment: Treatment, seed: int, number: int, weights: bool, parent: str | None = None
    ) -> StoredResult:
        """A level, found or trained; what is missing of the levels before it is trained first.

        Args:
          treatment: the level's treatment, which has to be locked.
          seed: its seed.
          number: its number.
          weights: whether its weights are needed.
          parent: the fingerprint of the level that it has to be made from; None takes any that is found.

        Raises:
          InputError: a level before it diverged.
        """
        if number == 0:
            return self.dense(seed, weights)
        found = self.find(level_path(seed, treatment.name, number), weights, parent)
        return found or self._trained(treatment, seed, number)

    def later_levels(self, treatment: Treatment, seed: int, finished: Sequence[dict]) -> Iterator[dict]:
        """The metrics of the levels after a treatment's first ones, as far as they are there and follow from these.

        Args:
          treatment: the treatment.
          seed: the seed.
          finished: the metrics of its first levels, the dense network's first.
        """
        levels = list(finished)
        while later := self._results.peek(level_path(seed, treatment.name, len(levels)), weights=False):
            if later.metrics["parent"] != levels[treatment.parent(len(levels))]["fingerprint"]:
                return
            levels.append(later.metrics)
            yield later.metrics

    def iterations(self, treatment: Treatment) -> IterationRange:
        """The iterations of a treatment's levels; one that continues training keeps the learning rate of its end."""
        return IterationRange(
            treatment.rewind_to, rate_from=self._trainer.settings.iterations if treatment.continues_training else None
        )

    def gradient(self, seed: int, ticket: Ticket, level: int) -> Weights:
        """The gradient of the loss of one batch at a ticket, for the criteria that make a level of it."""
        size, batch_size = len(self._trainer.dataset.train), self._trainer.settings.batch_size
        rng = generator(seed, "saliency batch", level)
        return self._trainer.gradient(ticket, rng.choice(size, batch_size, replace=False))

    def _dense(self, plan: TrainingPlan, weights: bool) -> StoredResult:
        """The dense network of the plan's seed after its iterations."""
        with self._results.lock(plan.path):
            # Steps 0 and 1 only: no levels, so the treatment does not matter.
            return self.find(plan.path, weights) or next(
                self._algorithm(lambda ticket, level: self._recorder.train(ticket, plan), Treatment(), plan.seed, [])
            )

    def _trained(self, treatment: Treatment, seed: int, number: int) -> StoredResult:
        """Continues the algorithm from the nearest level that is there, up to the one that is wanted."""
        level, missing = self._nearest_ancestor(treatment, seed, number)

        # `level` is the loop's latest: the generator calls `train` only when the next level is asked for.
        def train(ticket: Ticket, number: int) -> StoredResult:
            identity = dataclasses.asdict(treatment) | {"parent": level.metrics["fingerprint"]}
            path = level_path(seed, treatment.name, number)
            return self._recorder.train(ticket, TrainingPlan(path, seed, number, identity, self.iterations(treatment)))

        tickets = self._algorithm(train, treatment, seed, missing, level)
        for _ in missing:
            if level.metrics["status"] != "finished":
                earlier = level.metrics["level"]
                raise InputError(f"Level {earlier} of {treatment.name}, seed {seed}, diverged: nothing follows it.")
            level = next(tickets)
        return level

    def _nearest_ancestor(self, treatment: Treatment, seed: int, number: int) -> tuple[StoredResult, list[int]]:
        """The nearest level before a missing one that has its weights, and the numbers of the levels to make."""
        missing = [number]
        while before := treatment.parent(missing[0]):
            if found := self.find(level_path(seed, treatment.name, before), weights=True):
                return found, missing
            missing.insert(0, before)
        return self.dense(seed, weights=True), missing

    def _algorithm(
        self,
        train: Callable[[Ticket, int], StoredResult],
        treatment: Treatment,
        seed: int,
        levels: Sequence[int],
        parent: StoredResult | None = None,
    ) -> Iterator[StoredResult]:
        """The algorithm for this network, as a generator.

        Nothing is read or trained before its first level is asked for.
        """
        network, gradient = self._network, functools.partial(self.gradient, seed)
        rewound = self.rewind_point(seed, treatment.rewind_to).final if treatment.rewind_to else None
        initial = network.initial(seed)
        yield from lottery_tickets(
            train, treatment, initial, network.pruned_fraction, network.draw, seed, levels, gradient, rewound, parent
        )
